"""What one observed run of a custom Function left behind: plain records."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor
from torch.autograd.function import Function

from pytest_autograd.call.call import differentiable, named_outputs
from pytest_autograd.call.tensors import storages
from pytest_autograd.derivatives.compare import apart
from pytest_autograd.places import Place


@dataclass(frozen=True)
class Save:
    """One call of ``save_for_backward``."""

    values: tuple[Any, ...]
    place: Place


@dataclass
class BackwardRun:
    """One run of backward: what came in, what it changed, and what it returned before the engine saw it.

    ``changed_grads``, ``changed_saved``: positions, and the relative change of what is there.
    """

    received: tuple[Any, ...] = ()
    came_back: bool = False
    returned: tuple[Any, ...] = ()
    needs_input_grad: tuple[bool, ...] = ()
    error: Exception | None = None
    refused: Exception | None = None
    changed_grads: dict[int, float] = field(default_factory=dict)
    changed_saved: dict[int, float] = field(default_factory=dict)
    gradients: list[Tensor | None] = field(default_factory=list)
    seconds: float = 0.0

    def apart_from(self, other: BackwardRun, left_out: Container[int] = ()) -> float:
        """Return the largest relative error between the gradients of two passes, some places left out."""
        pairs = enumerate(zip(self.gradients, other.gradients, strict=True))
        return max((apart(a, b) for i, (a, b) in pairs if i not in left_out), default=0.0)


@dataclass
class Trace:
    """What one call of ``apply`` and the backward passes after it did.

    ``returned`` tells whether forward came back; ``error`` is what ``apply`` raised. ``changed_inputs`` are slots
    whose bytes changed during forward, each with the relative change, ``written_inputs`` those whose version did;
    ``dirty`` are tensors marked so.
    """

    function: type[Function]
    arguments: list[Tensor] = field(default_factory=list)
    output: Any = None
    returned: bool = False
    error: Exception | None = None
    saves: list[Save] = field(default_factory=list)
    reads_in_forward: list[Place] = field(default_factory=list)
    dirty: list[Tensor] = field(default_factory=list)
    ctx: Any = None
    changed_inputs: dict[int, float] = field(default_factory=dict)
    written_inputs: list[int] = field(default_factory=list)
    backwards: list[BackwardRun] = field(default_factory=list)
    forward_seconds: float = 0.0

    @property
    def outputs(self) -> list[tuple[str, Tensor]]:
        """Named outputs that autograd can see."""
        return named_outputs(self.output, flat=True)

    @property
    def node_outputs(self) -> list[tuple[str, Tensor]]:
        """Named outputs that require grad."""
        return [(n, t) for n, t in self.outputs if t.requires_grad and differentiable(t)]

    @property
    def saved_bytes(self) -> int:
        """Bytes of the distinct storages passed to the last ``save_for_backward``."""
        saved = self.saves[-1].values if self.saves else ()
        held = [storages(t) for t in saved if isinstance(t, Tensor)]
        return sum({address: size for each in held for address, size in each.items()}.values())

    def ctx_attributes(self) -> dict[str, Any]:
        """Return what the author put on ctx as plain attributes."""
        return dict(vars(self.ctx)) if self.ctx is not None else {}
