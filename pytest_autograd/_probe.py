"""The facts about one call of the checked code: each observed lazily, once, on fresh inputs.

A fact that cannot be had raises :class:`NotApplicable` with the reason, each time it is asked for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor
from torch.autograd.function import Function, once_differentiable

from pytest_autograd._call import Call
from pytest_autograd._contract import Declared, check_keys, transformed, true_vjp
from pytest_autograd._errors import NotApplicable, TargetRaised
from pytest_autograd._evaluator import Evaluator
from pytest_autograd._experiments import (
    Nonlinearity,
    Wasted,
    goes_stale,
    interleaving_error,
    leaks,
    nonlinearities,
    work_for_frozen,
)
from pytest_autograd._locate import (
    Place,
    class_place,
    gradient_place,
    mutation_place,
    unwrap,
)
from pytest_autograd._numeric import numeric_tolerance
from pytest_autograd._options import Options
from pytest_autograd._precision import forward_precision
from pytest_autograd._referee import Cost, Ruling, rule, too_dear
from pytest_autograd._second import SecondOrder, SecondOrderJudge
from pytest_autograd._trace import Trace, observe
from pytest_autograd._values import Values, relative_error
from pytest_autograd._verifier import Verifier
from pytest_autograd._witness import Witness, testify

T = TypeVar("T")
ONCE_MARK = once_differentiable(lambda ctx: None).__code__  # type: ignore[attr-defined]


class fact(Generic[T]):
    """A property that is computed once; a :class:`NotApplicable` it raises is kept and raised again.

    No fact is begun after the deadline.
    """

    def __init__(self, observe: Callable[[Any], T]) -> None:
        self.observe, self.name, self.__doc__ = observe, observe.__name__, observe.__doc__

    def __get__(self, probe: Probe, owner: type | None = None) -> T:
        if self.name not in probe.known:
            if time.monotonic() > probe.deadline:
                raise NotApplicable("the time limit is used up")
            try:
                probe.known[self.name] = self.observe(probe)
            except NotApplicable as reason:
                probe.known[self.name] = reason
        value = probe.known[self.name]
        if isinstance(value, NotApplicable):
            raise NotApplicable(str(value))
        return value


class Probe:
    """Everything that rules may ask about one call. ``deadline`` is on the monotonic clock."""

    def __init__(self, call: Call, options: Options, seed: int, deadline: float) -> None:
        self.call, self.options, self.seed, self.deadline = call, options, seed, deadline
        self.known: dict[str, Any] = {}

    # --- the Function and its observed run -------------------------------------------------

    @property
    def function(self) -> type[Function]:
        """The custom Function under check."""
        if self.call.function is None:
            raise NotApplicable("the target is a callable; each Function that it calls is audited")
        return self.call.function

    @fact
    def attempt(self) -> Trace:
        """The observed run in the dtype given, whether or not it raised."""
        assert self.function
        return observe(self.call, self.seed)

    @fact
    def trace(self) -> Trace:
        """The observed run, if forward came back."""
        if self.attempt.error is not None:
            raise NotApplicable("forward raises")
        return self.attempt

    @fact
    def backward_runs(self) -> Any:
        """The observed backward passes; the first was on a fresh graph."""
        if not self.trace.backwards:
            raise NotApplicable("backward was not reached")
        return self.trace.backwards

    @fact
    def answered(self) -> Any:
        """The first backward pass, if the author's code returned something."""
        first = self.backward_runs[0]
        if first.returned is None:
            raise NotApplicable("backward raises")
        return first

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

    def place_of_mutation(self, method: str) -> Place | None:
        """Return the first line of ``forward`` or ``backward`` that writes in place."""
        code = self.backward_code if method == "backward" else self.function.forward
        return mutation_place(code)

    def is_wrong(self, argument: str) -> bool:
        """Whether the gradient of ``argument`` is known to be wrong."""
        try:
            return any(a.name == argument and a.status == "wrong" for a in self.values.arguments)
        except NotApplicable:
            return False

    def goes_stale(self, argument: str) -> bool:
        """Whether writing to ``argument`` in place after the call silently changes the gradients."""
        try:
            return goes_stale(self.evaluator, argument, self.seed)
        except NotApplicable:
            return False

    @fact
    def leak(self) -> bool:
        """Whether the autograd node outlives its outputs."""
        assert self.trace.node_outputs or self.function
        return leaks(self.call, self.seed)

    @fact
    def wasted(self) -> list[Wasted]:
        """Work that backward does in vain for each frozen argument."""
        assert self.answered
        return work_for_frozen(self.call, self.seed)

    # --- numbers -----------------------------------------------------------------------------

    @fact
    def evaluator(self) -> Evaluator:
        """The numbers of the call, on float64 copies where the code takes them."""
        if self.call.function is not None and self.trace.error is None:
            self._needs_sound_backward()
        wide = Evaluator(self.call.widened(), self.seed)
        try:
            wide.forward(wide.point)
            return wide
        except TargetRaised:  # a forward for float32 only may refuse float64
            given = Evaluator(self.call, self.seed)
            given.forward(given.point)
            return given

    def _needs_sound_backward(self) -> None:
        runs = self.trace.backwards
        if runs and runs[0].error is not None:
            raise NotApplicable("backward raises")
        if runs and runs[0].refused is not None:
            raise NotApplicable("the engine refuses what backward returns")

    @fact
    def precision(self) -> float:
        """Machine epsilon of the coarsest float that forward works in."""
        return forward_precision(self.evaluator, self.evaluator.point)

    def testify(self, point: Sequence[Tensor], cotangents: Sequence[Tensor]) -> Witness:
        """Return the reference gradients by autograd through the raw forward."""
        evaluator = self.evaluator
        return testify(evaluator.call, self.seed, point, cotangents, evaluator.output_names)

    @fact
    def declared(self) -> Declared:
        """The function that a ``reference`` or ``surrogate`` contract names."""
        option = self.options.contract
        if option not in ("reference", "surrogate"):
            raise NotApplicable("no reference was given")
        return Declared(option, getattr(self.options, option), self.evaluator)

    @fact
    def values(self) -> Values:
        """The verdict on the first derivatives, against forward itself or against the contract."""
        verifier = Verifier(
            self.evaluator, self.testify, self.seed, self.options.rtol, self.precision
        )
        if self.options.contract is None:
            return verifier.verify()
        tolerance = verifier.witness_tolerance
        if self.options.contract != "grad_transform":
            return verifier.against_truth(self.declared.vjp, self.options.contract, tolerance)
        transforms = self.options.grad_transform or {}
        check_keys(transforms, self.evaluator)
        trial = verifier.draw(self.evaluator.point)
        truth = true_vjp(self.evaluator, self.testify, trial, self.precision)
        if truth.numeric:
            tolerance = numeric_tolerance(self.precision)
        names = self.evaluator.names
        return verifier.against_truth(
            lambda x, v: transformed(truth.vjp(x, v), transforms, names),
            "grad_transform",
            tolerance,
        )

    @fact
    def second(self) -> SecondOrder:
        """The verdict on the second derivatives."""
        if not self.options.gradgrad:
            raise NotApplicable("gradgrad=False")
        if not self.twice_differentiable:
            raise NotApplicable("backward is marked @once_differentiable")
        precision = self.precision
        return SecondOrderJudge(self.evaluator, self.seed, precision).verify()

    @fact
    def nonlinear(self) -> list[Nonlinearity]:
        """The laws of linearity in grad_output that backward breaks."""
        if self.options.contract in ("surrogate", "grad_transform"):
            raise NotApplicable("not asked under a contract")
        return nonlinearities(self.evaluator, self.seed, self.precision)

    @fact
    def interleaved(self) -> tuple[str, float] | None:
        """The argument whose gradient changes when another call comes in between."""
        return interleaving_error(self.evaluator, self.seed)

    @fact
    def reference_error(self) -> tuple[str, float]:
        """The output that is farthest from the reference's, and its relative error."""
        if self.options.contract != "reference":
            raise NotApplicable("no reference was given")
        worst = ("output", 0.0)
        point = self.evaluator.point
        pairs = zip(self.declared.forward(point), self.evaluator.forward(point), strict=True)
        for name, (want, got) in zip(self.evaluator.output_names, pairs, strict=True):
            worst = max(worst, (name, relative_error(want, got)), key=lambda pair: pair[1])
        return worst

    # --- the referees ------------------------------------------------------------------------

    @fact
    def gradcheck(self) -> Ruling:
        """What torch's gradcheck says."""
        return self._referee("gradcheck")

    @fact
    def gradgradcheck(self) -> Ruling:
        """What torch's gradgradcheck says."""
        if not self.options.gradgrad:
            raise NotApplicable("gradgrad=False")
        if not self.twice_differentiable:
            raise NotApplicable("backward is marked @once_differentiable")
        return self._referee("gradgradcheck")

    def _referee(self, name: str) -> Ruling:
        if self.options.level == "quick":
            raise NotApplicable("runs at level full")
        if self.options.contract in ("surrogate", "grad_transform"):
            raise NotApplicable("a contract replaces it")
        cost = self.cost
        sums = cost.gradcheck() if name == "gradcheck" else cost.gradgradcheck()
        dear = too_dear(name, sums, self.deadline - time.monotonic())
        if dear is not None:
            raise NotApplicable(str(dear.reason))
        return rule(name, self.evaluator.call, self.seed, self.options.gradcheck_options)

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
