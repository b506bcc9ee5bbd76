"""Memory that is read before it is written: rows of an ``empty()`` that no kernel fills."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from pytest_autograd.call.call import differentiable
from pytest_autograd.derivatives.compare import Difference, apart
from pytest_autograd.errors import NotApplicable
from pytest_autograd.facts.base import Facts, Subject, fact
from pytest_autograd.facts.numbers import Numbers

aten = torch.ops.aten
EMPTY = (
    aten.empty.memory_format,
    aten.empty_strided.default,
    aten.empty_like.default,
    aten.new_empty.default,
    aten.new_empty_strided.default,
)
MARKERS = (3.25, -1024.5)  # values that no right computation gives by itself


class Filler(TorchDispatchMode):
    """Fills fresh memory with a marker."""

    def __init__(self, marker: float) -> None:
        super().__init__()
        self.marker, self.used = marker, False

    def _marker_for(self, dtype: torch.dtype) -> float:
        """Return the marker, or for dtypes that cannot hold it one of two small numbers."""
        wide = dtype.is_complex or (dtype.is_floating_point and torch.finfo(dtype).bits >= 16)
        return self.marker if wide else float(self.marker > 0)

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # True imports the compiler, which takes a second

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func in EMPTY and result.device.type != "meta":
            self.used = True
            result.fill_(self._marker_for(result.dtype))
        return result


class Uninitialised(Facts):
    """What the Function computes depends on what lay in fresh memory."""

    def __init__(self, subject: Subject, numbers: Numbers) -> None:
        super().__init__(subject)
        self.numbers = numbers

    @fact
    def difference(self) -> Difference | None:
        """The output or gradient that changes with what fresh memory is filled with."""
        first = self._with_marker(MARKERS[0])
        if first is None:
            return None
        other = self._with_marker(MARKERS[1])
        changed = _first_apart(first, other)
        if changed is None:
            return None
        if _first_apart(first, self._with_marker(MARKERS[0])) is not None:
            raise NotApplicable("results differ from run to run anyway")
        return changed

    def _with_marker(self, marker: float) -> dict[str, Tensor | None] | None:
        """Return outputs and gradients by name; None where no fresh memory was asked for."""
        evaluator, sample = self.numbers.evaluator, self.numbers.sample
        filler = Filler(marker)
        with filler:
            graph = evaluator.graph(sample.point)
            outputs = {name: _kept(output) for name, output in graph.run.outputs}
            gradients = [g if g is None else g.clone() for g in graph.vjp(sample.cotangents)]
        if not filler.used:
            return None
        named = zip(evaluator.names, gradients, strict=True)
        return outputs | {f"the gradient of {name}": g for name, g in named}


def _kept(output: Tensor) -> Tensor | None:
    """Return a copy that can be compared: indices and masks as numbers."""
    kept = output.detach().to_dense().clone()
    return kept if differentiable(kept) else kept.double()


def _first_apart(
    one: dict[str, Tensor | None], other: dict[str, Tensor | None] | None
) -> Difference | None:
    for name, value in one.items():
        error = apart(value, (other or {}).get(name))
        if error > 0:
            return Difference(name, error=error)
    return None
