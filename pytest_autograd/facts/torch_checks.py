"""torch's own checks: gradcheck, gradgradcheck, opcheck."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

import torch
from torch import Tensor
from torch.autograd.gradcheck import GradcheckError

from pytest_autograd.call.call import Call, differentiable, named_outputs
from pytest_autograd.call.in_bounds import stays_in_bounds
from pytest_autograd.call.smallest import smallest_call
from pytest_autograd.call.target import declared_writes, is_custom_op
from pytest_autograd.call.tensors import same
from pytest_autograd.call.variants import Resize
from pytest_autograd.derivatives.evaluator import Evaluator
from pytest_autograd.derivatives.tangents import draw_cotangents
from pytest_autograd.errors import NotApplicable, TargetRaised
from pytest_autograd.facts.addresses import Addresses
from pytest_autograd.facts.base import Facts, Subject, fact
from pytest_autograd.facts.gradcheck_doubts import STEP, WRITES, Doubt, doubt_gradcheck
from pytest_autograd.facts.numbers import Numbers
from pytest_autograd.facts.run import ObservedRun
from pytest_autograd.running.author_code import entering, run_forward, run_inside


@dataclass(frozen=True)
class GradcheckResult:
    """What gradcheck or gradgradcheck said; ``reason`` is its first words, or why it was not asked.

    ``inputs``: those that it was asked on, where they are not the given ones.
    """

    status: Literal["passed", "failed", "skipped"]
    reason: str | None = None
    seconds: float = 0.0
    inputs: str | None = None


@dataclass(frozen=True)
class Cost:
    """Sizes and times of one call, from which the referees' own call counts follow."""

    inputs: int
    outputs: int
    forward: float
    backward: float

    def gradcheck(self) -> tuple[int, float]:
        """Return (calls, seconds): 2N + 2 forwards and 2M + 2 backwards."""
        forwards, backwards = 2 * self.inputs + 2, 2 * self.outputs + 2
        return forwards + backwards, forwards * self.forward + backwards * (
            self.forward + self.backward
        )

    def gradgradcheck(self) -> tuple[int, float]:
        """Return (calls, seconds) of gradcheck on the VJP, whose inputs are arguments and cotangents."""
        variables = self.inputs + self.outputs
        passes = 2 * variables + 2 * self.inputs + 4
        return 2 * passes, passes * (self.forward + 3 * self.backward)


class TorchChecks(Facts):
    """What torch's own checks say: opcheck, and gradcheck and gradgradcheck in slow mode where that can be afforded."""

    def __init__(
        self, subject: Subject, run: ObservedRun, numbers: Numbers, addresses: Addresses
    ) -> None:
        super().__init__(subject)
        self.run, self.numbers, self.addresses = run, numbers, addresses

    @fact
    def gradcheck(self) -> GradcheckResult:
        """What torch's gradcheck says."""
        return self._asked("gradcheck")

    @fact
    def gradgradcheck(self) -> GradcheckResult:
        """What torch's gradgradcheck says."""
        if not self.options.gradgrad:
            raise NotApplicable("gradgrad=False")
        if not self.run.twice_differentiable:
            raise NotApplicable("backward is marked @once_differentiable")
        return self._asked("gradgradcheck")

    @fact
    def doubt(self) -> Doubt | None:
        """Why gradcheck is not believed where the gradient was confirmed; None where no cause was found."""
        if self.run.writes_in_place:
            return WRITES
        eps = float(self.options.gradcheck_options.get("eps", STEP))
        values, said = self.numbers.first_order, self.gradcheck.reason
        return doubt_gradcheck(self.numbers.evaluator, values, said, eps)

    @fact
    def opcheck(self) -> dict[str, str]:
        """What ``torch.library.opcheck`` finds wrong with a custom op, by test."""
        if not is_custom_op(self.call.target):
            raise NotApplicable("the target is no custom op")
        return op_problems(self.call, self.seed)

    @fact
    def undeclared_writes(self) -> list[str]:
        """The arguments that a custom op changes although its schema says that it does not."""
        if not is_custom_op(self.call.target):
            raise NotApplicable("the target is a callable; each Function that it calls is audited")
        declared = declared_writes(self.call.target)
        arguments = run_forward(self.call, seed=self.seed).arguments
        return [
            slot.name
            for slot, argument in zip(self.call.slots, arguments, strict=True)
            if slot.name.partition("[")[0] not in declared and not same(slot.value, argument)
        ]

    def _asked(self, name: str) -> GradcheckResult:
        if self.options.level == "quick":
            raise NotApplicable("runs at level full")
        if self.options.referees == "off":
            raise NotApplicable("referees=off")
        self.subject.not_under_a_contract("a contract replaces it")
        if self.options.overwrites:
            raise NotApplicable(
                "it goes through one graph several times, which declared writes forbid"
            )
        if self.numbers.evaluator.doors_used:
            raise NotApplicable("a gradient leaves by a tensor that hangs on the argument")
        given, small = self.numbers.evaluator.call, self.smallest
        if small is not given:
            found = run_gradcheck(name, small, self.seed, self.options.gradcheck_options)
            if found.status == "passed":
                return replace(found, inputs=small.describe())
        return self._on_the_given(name)

    def _on_the_given(self, name: str) -> GradcheckResult:
        cost = self.cost
        calls, seconds = cost.gradcheck() if name == "gradcheck" else cost.gradgradcheck()
        left = self.subject.left
        if seconds > left / 2:
            raise NotApplicable(
                f"{name} would take about {calls:,} calls, {seconds:.0f} s: more than the time limit leaves "
                f"({max(left, 0):.0f} s)"
            )
        options = self.options.gradcheck_options
        return run_gradcheck(name, self.numbers.evaluator.call, self.seed, options)

    @fact
    def smallest(self) -> Call:
        """The call that the referees are asked on: the smallest of the same kind, where the values are confirmed.

        What only a referee can confirm is confirmed on the inputs given.
        """
        values, given = self.numbers.first_order, self.numbers.evaluator.call
        wanted = self.options.referees
        if wanted == "unconfirmed" and values.confirmed and not values.overruled:
            raise NotApplicable("the gradient is confirmed without it")
        if wanted == "given" or not values.confirmed or values.overruled:
            return given
        return smallest_call(given, self._is_of_the_same_kind)

    def _is_of_the_same_kind(self, change: Resize, call: Call, before: Call) -> bool:
        """Whether forward and backward take it, and something is there to be compared."""
        if self.addresses.are_taken and not stays_in_bounds(change, call, before):
            return False
        evaluator = Evaluator(call, self.seed)
        try:
            outputs = evaluator.forward(evaluator.point)
            found = evaluator.vjp(evaluator.point, draw_cotangents(outputs, self.seed))
        except NotApplicable:
            return False
        given = [y.dim() for y in self.numbers.sample.outputs]
        alike = [y.dim() for y in outputs] == given
        numbers = [x for x in (*outputs, *found) if x is not None]
        finite = all(bool(torch.isfinite(x).all()) for x in numbers)
        return alike and finite and any(g is not None and bool(g.any()) for g in found)

    @fact
    def cost(self) -> Cost:
        """Sizes and times of one forward and one backward."""
        evaluator = self.numbers.evaluator
        point = evaluator.point
        start = time.perf_counter()
        outputs = evaluator.graph(point).outputs
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


def run_gradcheck(name: str, call: Call, seed: int, options: Mapping[str, Any]) -> GradcheckResult:
    """Run ``torch.autograd.gradcheck`` or ``gradgradcheck`` on the call and return what it says."""
    referee = getattr(torch.autograd, name)

    def run(*given: Tensor) -> Any:
        values = call.filled(given)
        copies = [
            v if slot.shared is not None else v.clone()
            for slot, v in zip(call.slots, values, strict=True)
        ]
        named = named_outputs(run_inside(call, call.arguments(copies), seed), flat=call.flat)
        return tuple(t for _, t in named if differentiable(t) and t.requires_grad)

    leaves, _ = call.fresh()
    inputs = tuple(leaves[i] for i in call.differentiated)
    start = time.perf_counter()
    try:
        with entering(name, seed), warnings.catch_warnings(), torch.enable_grad():
            warnings.simplefilter("ignore")
            referee(run, inputs, **{**options, "raise_exception": True})
    except TargetRaised as raised:  # gradcheck lets the author's own exceptions out
        text = _first_words(str(raised.error))
        if not isinstance(raised.error, GradcheckError):
            text = f"{type(raised.error).__name__}: {text}"
        return GradcheckResult("failed", text, time.perf_counter() - start)
    return GradcheckResult("passed", None, time.perf_counter() - start)


def _first_words(text: str) -> str:
    first = " ".join(text.strip().split("\n\n")[0].split())
    return first if len(first) <= 160 else first[:157] + "..."


def op_problems(call: Call, seed: int) -> dict[str, str]:
    """Run ``torch.library.opcheck`` on a custom op and return what failed, by the name of the test."""
    args, kwargs = call.rebuild(
        [s.value.clone().requires_grad_(s.differentiated) for s in call.slots]
    )
    with entering("opcheck", seed), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = torch.library.opcheck(
            cast(Any, call.target), tuple(args), kwargs, raise_exception=False
        )
    return {
        name: f"{type(result).__name__}: {_first_words(str(result))}"
        for name, result in results.items()
        if not (isinstance(result, str) and result == "SUCCESS")
    }
