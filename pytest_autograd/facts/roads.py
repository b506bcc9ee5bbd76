"""Facts about the same numbers by other roads: extreme inputs, low precision, random backward, transforms."""

from __future__ import annotations

import torch

from pytest_autograd.call.target import defines_setup_context
from pytest_autograd.derivatives.directional_test import Judgement
from pytest_autograd.errors import NotApplicable, TargetRaised
from pytest_autograd.facts.base import fact
from pytest_autograd.facts.checkpointing import recompute_difference
from pytest_autograd.facts.experiments import (
    once_differentiable_hole,
    random_backward,
    unsteady_output,
)
from pytest_autograd.facts.low_precision import Drift, drifts, given_drifts
from pytest_autograd.facts.non_finite import NonFinite, non_finite_gradients, swallowed_nan
from pytest_autograd.facts.other_inputs import Elsewhere
from pytest_autograd.facts.threads import ThreadFault, thread_fault
from pytest_autograd.facts.transforms import (
    Differs,
    autocast_difference,
    compile_difference,
    defines,
    func_difference,
    jvp_judgement,
    vmap_differences,
)
from pytest_autograd.places import unwrap


class Roads(Elsewhere):
    """What must hold of the gradient beyond its values at one point in float64."""

    @property
    def tolerance(self) -> float:
        """Relative error that the precision of forward explains."""
        return max(1e-9, 50 * self.precision)

    @fact
    def non_finite(self) -> list[NonFinite]:
        """Where the gradient is NaN or infinite although forward is finite and its slopes are."""
        return non_finite_gradients(self.evaluator, self.seed)

    @fact
    def not_finite_at_sample(self) -> str | None:
        """The argument whose gradient at the given inputs is NaN or infinite, where forward need not have a slope."""
        evaluator = self.evaluator
        outputs = evaluator.forward(evaluator.point)
        gradients = evaluator.vjp(evaluator.point, [torch.ones_like(y) for y in outputs])
        for name, gradient in zip(evaluator.names, gradients, strict=True):
            if gradient is not None and not bool(torch.isfinite(gradient).all()):
                return name
        return None

    @fact
    def swallowed(self) -> str | None:
        """The argument whose gradient hides a NaN that comes in."""
        return swallowed_nan(self.evaluator, self.seed)

    @fact
    def unsteady(self) -> tuple[str, float] | None:
        """The output that differs when forward is called again on the same inputs and random stream."""
        return unsteady_output(self.evaluator, self.tolerance)

    @fact
    def random(self) -> str | None:
        """The argument whose gradient changes with the random stream that backward meets."""
        return random_backward(self.evaluator, self.seed)

    @fact
    def given_drift(self) -> list[Drift]:
        """Arguments whose gradient is right in float64 and grossly off in the dtype given."""
        if not self.values.confirmed or self.stochastic:
            return []
        return given_drifts(self.call, self.seed)

    @fact
    def drift(self) -> list[Drift]:
        """Where low precision loses more than it must."""
        if self.options.contract in ("surrogate", "grad_transform"):
            raise NotApplicable("not asked under a contract")
        if self.values.precision > 1e-9:
            raise NotApplicable(
                "forward does not compute in float64, so there is no truth to compare with"
            )
        if not self.values.confirmed:
            raise NotApplicable("the gradient is not confirmed in float64")
        return drifts(self.evaluator.call, self.seed)

    @fact
    def second_order_hole(self) -> bool:
        """Whether second derivatives are silently dropped where grad_output needs no gradient."""
        if self.twice_differentiable:
            raise NotApplicable("backward is not marked @once_differentiable")
        return once_differentiable_hole(self.evaluator, self.seed)

    # --- transforms ------------------------------------------------------------------------------

    @fact
    def jvp(self) -> Judgement | TargetRaised:
        """The verdict on the author's ``jvp``, or what it raised."""
        if self.options.contract in ("surrogate", "grad_transform"):
            raise NotApplicable("not asked under a contract")
        if self.options.forward_ad is False or not self.has_jvp:
            raise NotApplicable("no jvp is defined" if not self.has_jvp else "forward_ad=False")
        try:
            return jvp_judgement(self.evaluator, self.seed, self.precision)
        except TargetRaised as raised:
            if raised.where != "jvp":
                raise
            return raised

    @property
    def has_jvp(self) -> bool:
        """Whether the author defined ``jvp``."""
        return defines(self.function, "jvp")

    @property
    def has_vmap(self) -> bool:
        """Whether the author defined ``vmap`` or asked for a generated one."""
        return defines(self.function, "vmap") or bool(self.function.generate_vmap_rule)

    @fact
    def vmap(self) -> list[Differs]:
        """How ``torch.vmap`` differs from a loop over the batch."""
        if self.options.vmap is False:
            raise NotApplicable("vmap=False")
        if not self.has_vmap:
            raise NotApplicable("no vmap rule is defined")
        if not self.has_setup_context:
            raise NotApplicable("setup_context is not defined, so torch.vmap refuses the Function")
        if self.stochastic:
            raise NotApplicable("forward is stochastic, and draws otherwise for a batch")
        return vmap_differences(self.evaluator.call, self.seed, self.tolerance)

    @property
    def has_setup_context(self) -> bool:
        """Whether forward takes no ctx."""
        return defines_setup_context(self.function)

    @fact
    def func(self) -> Differs | None:
        """How ``torch.func.vjp`` differs from plain autograd."""
        if not self.has_setup_context:
            raise NotApplicable("setup_context is not defined, so torch.func refuses the Function")
        return func_difference(self.evaluator, self.seed, self.tolerance)

    @fact
    def recomputed(self) -> Differs | None:
        """What changes when saved tensors are offloaded or forward is run again for backward."""
        self.require_function()
        if self.trace.dirty or self.trace.changed_inputs:
            raise NotApplicable("forward writes to its input, so it cannot be run again")
        return recompute_difference(self.evaluator, self.seed, self.tolerance)

    @fact
    def threads(self) -> ThreadFault | None:
        """What changes when backward runs in another thread, or while another call goes on."""
        code = getattr(unwrap(self.backward_code), "__code__", None)
        if code is None:
            raise NotApplicable("backward has no Python code")
        if self.stochastic or self.random is not None:
            raise NotApplicable("random numbers are drawn, from streams that all threads share")
        return thread_fault(self.evaluator, self.seed, code)

    @fact
    def compiled(self) -> Differs | None:
        """How the compiled call differs from eager."""
        if not self.options.compile:
            raise NotApplicable("asked for by compile=True")
        return compile_difference(self.evaluator, self.seed, max(1e-6, self.tolerance))

    @fact
    def autocast(self) -> Differs | None:
        """What goes wrong when forward runs under autocast."""
        if not self.options.autocast:
            raise NotApplicable("asked for by autocast=True")
        return autocast_difference(self.evaluator.call, self.seed)
