"""Everything that rules may ask about one call of the checked code.

A fact is observed lazily, once, on fresh inputs; one that cannot be had raises :class:`NotApplicable` with the reason,
each time it is asked for.
"""

from __future__ import annotations

import time

import torch
from torch._library.custom_ops import CustomOpDef
from torch._ops import OpOverload, OpOverloadPacket

from pytest_autograd.derivatives.autograd_reference import reference_gradients
from pytest_autograd.errors import NotApplicable
from pytest_autograd.facts.base import fact
from pytest_autograd.facts.torch_checks import (
    Cost,
    GradcheckResult,
    op_problems,
    run_gradcheck,
    too_dear,
)
from pytest_autograd.facts.unseen_tensors import direct_forwards
from pytest_autograd.facts.uses import Uses


class Probe(Uses):
    """The observed run, the numbers, and what torch's own referees say."""

    @fact
    def gradcheck(self) -> GradcheckResult:
        """What torch's gradcheck says."""
        return self._referee("gradcheck")

    @fact
    def opcheck(self) -> dict[str, str]:
        """What ``torch.library.opcheck`` finds wrong with a custom op, by test."""
        if not isinstance(self.call.target, CustomOpDef | OpOverload | OpOverloadPacket):
            raise NotApplicable("the target is no custom op")
        return op_problems(self.call)

    @fact
    def direct_forwards(self) -> list[str]:
        """Functions whose forward the callable calls directly."""
        if self.call.function is not None:
            raise NotApplicable("the target is a Function, called through apply")
        _, arguments = self.call.fresh()
        with direct_forwards() as found:
            self.call.run(arguments)
        return found

    @fact
    def leaves_graph(self) -> bool:
        """Whether the raw forward leaves autograd, so that autograd alone could not serve."""
        trial = self.values.trials[0]
        evaluator = self.evaluator
        witness = reference_gradients(
            evaluator.call, self.seed, trial.point, trial.cotangents, evaluator.output_names
        )
        return bool(witness.breaks)

    @fact
    def gradgradcheck(self) -> GradcheckResult:
        """What torch's gradgradcheck says."""
        if not self.options.gradgrad:
            raise NotApplicable("gradgrad=False")
        if not self.twice_differentiable:
            raise NotApplicable("backward is marked @once_differentiable")
        return self._referee("gradgradcheck")

    def _referee(self, name: str) -> GradcheckResult:
        if self.options.level == "quick":
            raise NotApplicable("runs at level full")
        if self.options.contract in ("surrogate", "grad_transform"):
            raise NotApplicable("a contract replaces it")
        cost = self.cost
        sums = cost.gradcheck() if name == "gradcheck" else cost.gradgradcheck()
        dear = too_dear(name, sums, self.deadline - time.monotonic())
        if dear is not None:
            raise NotApplicable(str(dear.reason))
        return run_gradcheck(name, self.evaluator.call, self.seed, self.options.gradcheck_options)

    @fact
    def cost(self) -> Cost:
        """Sizes and times of one forward and one backward."""
        evaluator = self.evaluator
        point = evaluator.point
        start = time.perf_counter()
        outputs = evaluator.forward(point)
        middle = time.perf_counter()
        evaluator.vjp(point, [torch.ones_like(y) for y in outputs])
        both = time.perf_counter() - middle
        forward = middle - start
        return Cost(
            sum(x.numel() for x in point),
            sum(y.numel() for y in outputs),
            forward,
            max(both - forward, forward / 4),
        )
