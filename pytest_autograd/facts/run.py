"""The facts of one observed run of a custom Function."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from pytest_autograd.call.call import differentiable
from pytest_autograd.call.target import defines_setup_context
from pytest_autograd.errors import CheckError, NotApplicable
from pytest_autograd.facts.base import Facts, Subject, fact
from pytest_autograd.facts.observe import observe
from pytest_autograd.facts.source import Source
from pytest_autograd.facts.trace import BackwardRun, Trace

ONCE_MARK = once_differentiable(lambda ctx: None).__code__  # type: ignore[attr-defined]


class ObservedRun(Facts):
    """What the Function did with ctx, inputs and gradients, in the dtype given."""

    def __init__(self, subject: Subject, source: Source) -> None:
        super().__init__(subject)
        self.source = source

    def require_function(self) -> None:
        """Raise :class:`NotApplicable` unless a Function is under check."""
        _ = self.source.function

    def require_forward(self) -> None:
        """Raise :class:`NotApplicable` unless the observed forward of a Function came back."""
        _ = self.trace

    def require_answer(self) -> None:
        """Raise :class:`NotApplicable` unless the observed backward came back."""
        _ = self.returned_backward

    def require_sound_backward(self) -> None:
        """Raise :class:`NotApplicable` where the first backward raised or the engine refused what it returned."""
        runs = self.trace.backwards
        if runs and runs[0].error is not None:
            raise NotApplicable("backward raises")
        if runs and runs[0].refused is not None:
            raise NotApplicable("the engine refuses what backward returns")

    @fact
    def trace_or_error(self) -> Trace:
        """The observed run, whether or not it raised."""
        return observe(self.call, self.seed)

    @fact
    def trace(self) -> Trace:
        """The observed run, if forward came back."""
        if self.trace_or_error.error is not None:
            raise NotApplicable("forward raises")
        outputs = [tensor for _, tensor in self.trace_or_error.outputs]
        if outputs and not any(map(differentiable, outputs)):
            dtypes = sorted({str(tensor.dtype).removeprefix("torch.") for tensor in outputs})
            raise CheckError(
                f"{self.call.name} returns only {', '.join(dtypes)} tensors: there is nothing to differentiate, "
                "so a plain function does"
            )
        return self.trace_or_error

    @fact
    def backward_runs(self) -> list[BackwardRun]:
        """The observed backward passes; the first was on a fresh graph."""
        if not self.trace.backwards:
            raise NotApplicable("backward was not reached")
        return self.trace.backwards

    @fact
    def returned_backward(self) -> BackwardRun:
        """The first backward pass, if the author's code returned something."""
        first = self.backward_runs[0]
        if not first.came_back:
            raise NotApplicable("backward raises")
        return first

    @property
    def writes_in_place(self) -> bool:
        """Whether the observed passes changed inputs, saved tensors or cotangents."""
        if self.call.function is None:
            return False
        trace = self.trace
        passes = (run.changed_grads or run.changed_saved for run in trace.backwards)
        return bool(trace.changed_inputs) or any(passes)

    def cast_error(self, argument: str) -> float:
        """Return the relative error that a gradient has for its own dtype alone, if not the input's; else 0."""
        run = self.trace.backwards[0] if self.trace.backwards else BackwardRun()
        for slot in self.call.slots:
            gradient = run.returned[slot.position] if slot.position < len(run.returned) else None
            if slot.name == argument and isinstance(gradient, Tensor):
                other = gradient.dtype != slot.value.dtype and differentiable(gradient)
                return torch.finfo(gradient.dtype).eps if other else 0.0
        return 0.0

    @property
    def twice_differentiable(self) -> bool:
        """Whether backward is not marked ``@once_differentiable``."""
        backward = self.source.backward_code
        return not is_once_differentiable(backward)

    @property
    def has_jvp(self) -> bool:
        """Whether the author defined ``jvp``."""
        return self.source.defines("jvp")

    @property
    def has_vmap(self) -> bool:
        """Whether the author defined ``vmap`` or asked for a generated one."""
        return self.source.defines("vmap") or bool(self.source.function.generate_vmap_rule)

    @property
    def has_setup_context(self) -> bool:
        """Whether forward takes no ctx."""
        return defines_setup_context(self.source.function)


def is_once_differentiable(backward: Any) -> bool:
    """Whether a backward is marked ``@once_differentiable``, perhaps under other decorators."""
    while backward is not None:
        if getattr(backward, "__code__", None) is ONCE_MARK:
            return True
        backward = getattr(backward, "__wrapped__", None)
    return False
