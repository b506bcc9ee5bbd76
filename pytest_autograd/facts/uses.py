"""Facts about memory, layouts and hidden tensors."""

from __future__ import annotations

from dataclasses import replace

from pytest_autograd.call.call import differentiable
from pytest_autograd.derivatives.evaluator import Evaluator
from pytest_autograd.errors import NotApplicable
from pytest_autograd.facts.aliasing import (
    gradient_kept_elsewhere,
    polluted_leaf,
    reused_gradient,
    reused_output,
    shared_leaf_gradients,
)
from pytest_autograd.facts.base import fact
from pytest_autograd.facts.layouts import (
    Broken,
    empty_or_scalar,
    frozen_inputs,
    grad_output_layouts,
    input_layouts,
    unused_outputs,
)
from pytest_autograd.facts.roads import Roads
from pytest_autograd.facts.saved_tensors import (
    PlainAutograd,
    pinning_saves,
    plain_autograd,
    unused_saves,
)
from pytest_autograd.facts.unseen_tensors import (
    captured_tensors,
    cut_outputs,
    hidden_arguments,
    hidden_outputs,
)


class Uses(Roads):
    """What the Function does with memory that others see, and what autograd never sees."""

    @property
    def loose(self) -> float:
        """Relative error for results that may be summed in another order."""
        return max(1e-9, self.tolerance)

    @fact
    def hidden_outputs(self) -> list[str]:
        """Differentiable tensors inside containers among the outputs."""
        self.require_forward()
        return hidden_outputs(self.call, self.seed)

    @fact
    def cut_outputs(self) -> list[str]:
        """Outputs marked non-differentiable although they vary smoothly with the inputs."""
        return cut_outputs(self.evaluator.call, self.seed)

    @fact
    def hidden_arguments(self) -> list[str]:
        """Tensors inside container arguments that matter and want a gradient."""
        self.require_function()
        return hidden_arguments(self.call, self.seed)

    @fact
    def captured(self) -> list[str]:
        """Shapes of tensors that forward takes from elsewhere and that want a gradient."""
        self.require_forward()
        return captured_tensors(self.call, self.seed)

    @fact
    def unused_saves(self) -> list[int]:
        """Positions of saved tensors that backward never uses."""
        saves = self.trace.saves
        if not saves or getattr(self.function, "clear_saved_tensors_on_access", False):
            raise NotApplicable("nothing is saved that could be observed")
        call = self.evaluator.call
        slots = tuple(replace(s, differentiated=differentiable(s.value)) for s in call.slots)
        every = Evaluator(replace(call, slots=slots), self.seed)
        tensors = [i for i, value in enumerate(saves[-1].values) if value is not None]
        return [tensors[i] for i in unused_saves(every, self.seed, len(tensors))]

    @fact
    def pinning_saves(self) -> list[tuple[int, int, int]]:
        """Saved views of much larger storages."""
        return pinning_saves(self.trace)

    @fact
    def reused_output(self) -> str | None:
        """The output that the next call overwrites."""
        self.require_forward()
        return reused_output(self.call, self.seed)

    @fact
    def reused_gradient(self) -> str | None:
        """The argument whose gradient the next backward overwrites."""
        return reused_gradient(self.evaluator, self.seed)

    @fact
    def shared_gradients(self) -> tuple[str, str] | None:
        """Two arguments whose ``.grad`` share memory."""
        self._needs_sound_backward()
        self.require_answer()
        return shared_leaf_gradients(self.call, self.seed)

    @fact
    def kept_gradient(self) -> tuple[str, str] | None:
        """A returned gradient that is also somebody else's memory."""
        self.require_answer()
        return gradient_kept_elsewhere(self.trace, self.call)

    @fact
    def polluted(self) -> str | None:
        """The argument whose ``.grad`` backward writes by itself."""
        return polluted_leaf(self.evaluator, self.seed)

    @fact
    def grad_layout(self) -> Broken | None:
        """The layout of grad_output that backward takes for another one."""
        return grad_output_layouts(self.evaluator, self.seed, self.loose)

    @fact
    def input_layout(self) -> Broken | None:
        """The layout of an input that forward or backward takes for another one."""
        if self.stochastic:
            raise NotApplicable("forward is stochastic, and draws in the order of memory")
        return input_layouts(self.evaluator, self.seed, self.loose)

    @fact
    def degenerate(self) -> Broken | None:
        """Where backward fails on an empty or 0-dim input that forward takes."""
        self.require_values()  # a backward that raises anyway is another fault
        return empty_or_scalar(self.evaluator.call, self.seed)

    @fact
    def frozen(self) -> list[Broken]:
        """What breaks when one input is frozen."""
        return frozen_inputs(self.evaluator, self.seed, self.loose)

    @fact
    def undefined(self) -> Broken | None:
        """What breaks when an output is not used."""
        return unused_outputs(self.evaluator, self.seed, self.loose)

    @fact
    def plain(self) -> PlainAutograd:
        """What autograd through the raw forward saves and takes."""
        self.require_function()
        return plain_autograd(self.call, self.seed)
