"""The facts of one observed run of a custom Function."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import Function, once_differentiable

from pytest_autograd.call.call import differentiable
from pytest_autograd.errors import CheckError, NotApplicable
from pytest_autograd.facts.base import Facts, fact
from pytest_autograd.facts.experiments import Wasted, leaks, work_for_frozen
from pytest_autograd.facts.observe import BackwardRun, Trace, observe
from pytest_autograd.places import (
    Place,
    attribute_places,
    class_place,
    gradient_place,
    mutation_place,
    unwrap,
)

ONCE_MARK = once_differentiable(lambda ctx: None).__code__  # type: ignore[attr-defined]


class Observed(Facts):
    """What the Function did with ctx, inputs and gradients, and where that stands in its source."""

    @property
    def function(self) -> type[Function]:
        """The custom Function under check."""
        if self.call.function is None:
            raise NotApplicable("the target is a callable; each Function that it calls is audited")
        return self.call.function

    def require_function(self) -> None:
        """Raise :class:`NotApplicable` unless a Function is under check."""
        _ = self.function

    def require_forward(self) -> None:
        """Raise :class:`NotApplicable` unless the observed forward of a Function came back."""
        _ = self.trace

    def require_answer(self) -> None:
        """Raise :class:`NotApplicable` unless the observed backward came back."""
        _ = self.answered

    @fact
    def attempt(self) -> Trace:
        """The observed run in the dtype given, whether or not it raised."""
        self.require_function()
        return observe(self.call, self.seed)

    @fact
    def trace(self) -> Trace:
        """The observed run, if forward came back."""
        if self.attempt.error is not None:
            raise NotApplicable("forward raises")
        outputs = [tensor for _, tensor in self.attempt.outputs]
        if outputs and not any(map(differentiable, outputs)):
            dtypes = sorted({str(tensor.dtype).removeprefix("torch.") for tensor in outputs})
            raise CheckError(
                f"{self.call.name} returns only {', '.join(dtypes)} tensors: there is nothing to differentiate, "
                "so a plain function does"
            )
        return self.attempt

    @fact
    def backward_runs(self) -> list[BackwardRun]:
        """The observed backward passes; the first was on a fresh graph."""
        if not self.trace.backwards:
            raise NotApplicable("backward was not reached")
        return self.trace.backwards

    @fact
    def answered(self) -> BackwardRun:
        """The first backward pass, if the author's code returned something."""
        first = self.backward_runs[0]
        if not first.came_back:
            raise NotApplicable("backward raises")
        return first

    def cast_error(self, argument: str) -> float:
        """Relative error that a gradient has for its own dtype alone, where that is not the input's; else 0."""
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
        backward = self.backward_code
        while backward is not None:
            if getattr(backward, "__code__", None) is ONCE_MARK:
                return False
            backward = getattr(backward, "__wrapped__", None)
        return True

    @property
    def backward_code(self) -> Any:
        """The author's ``backward`` (or ``vjp``), None for a callable."""
        if self.call.function is None:
            return None
        own = self.call.function.backward
        return self.call.function.vjp if own is Function.backward else own

    def place_of_gradient(self, argument: str) -> Place | None:
        """Return the source line that makes the gradient of ``argument``."""
        if self.backward_code is None:
            return None
        position = next((s.position for s in self.call.slots if s.name == argument), 0)
        return gradient_place(self.backward_code, position)

    @property
    def place_of_backward(self) -> Place | None:
        """Return where backward is defined."""
        return class_place(unwrap(self.backward_code)) if self.backward_code else None

    def place_of_return(self, position: int) -> Place | None:
        """Return the source line that makes what backward returns at ``position``."""
        return gradient_place(self.backward_code, position) if self.backward_code else None

    @fact
    def data_attributes(self) -> list[Place]:
        """Lines of the Function's methods that read ``.data`` of a tensor."""
        return attribute_places(
            self.function, ("forward", "setup_context", "backward", "vjp", "jvp"), "data"
        )

    @fact
    def numpy_in_backward(self) -> list[Place]:
        """Lines of backward that call ``numpy()``."""
        return attribute_places(self.function, ("backward", "vjp"), "numpy")

    def place_of_mutation(self, method: str) -> Place | None:
        """Return the first line of ``forward`` or ``backward`` that writes in place."""
        code = self.backward_code if method == "backward" else self.function.forward
        return mutation_place(code)

    @fact
    def leak(self) -> bool:
        """Whether the autograd node outlives its outputs."""
        self.require_forward()
        return leaks(self.call, self.seed)

    @fact
    def wasted(self) -> list[Wasted]:
        """Work that backward does in vain for each frozen argument."""
        self.require_answer()
        return work_for_frozen(self.call, self.seed)
