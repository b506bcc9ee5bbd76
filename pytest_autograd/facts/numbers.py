"""The facts about numbers: first and second derivatives, linearity, interleaved calls."""

from __future__ import annotations

from pytest_autograd.call.call import Call
from pytest_autograd.call.tensors import same
from pytest_autograd.derivatives.compare import relative_error
from pytest_autograd.derivatives.contracts import Declared, decide
from pytest_autograd.derivatives.evaluator import Evaluator
from pytest_autograd.derivatives.missing_term import missing_term
from pytest_autograd.derivatives.second_order import SecondOrder, SecondOrderJudge
from pytest_autograd.derivatives.verdicts import FirstOrder, Trial
from pytest_autograd.errors import NotApplicable, TargetRaised
from pytest_autograd.facts.base import fact
from pytest_autograd.facts.experiments import (
    Nonlinearity,
    goes_stale,
    interleaving_error,
    nonlinearities,
)
from pytest_autograd.facts.observed import Observed
from pytest_autograd.facts.symmetry import is_symmetric, symmetrised


class Numbers(Observed):
    """What the checked code computes, judged."""

    @fact
    def evaluator(self) -> Evaluator:
        """The numbers of the call, on float64 copies where the code takes them."""
        if self.call.function is not None and self.trace.error is None:
            self._needs_sound_backward()
        call, _ = self.symmetrised
        wide = Evaluator(call.widened(), self.seed)
        try:
            wide.forward(wide.point)
            return wide
        except TargetRaised:  # a forward for float32 only may refuse float64
            given = Evaluator(call, self.seed)
            given.forward(given.point)
            return given

    @fact
    def symmetrised(self) -> tuple[Call, list[str]]:
        """The call with the matrices that it takes for symmetric kept so, and their names."""
        return symmetrised(self.call, self.seed)

    @fact
    def symmetric(self) -> list[str]:
        """The differentiated arguments that are symmetric matrices as given."""
        named = zip(self.evaluator.names, self.evaluator.point, strict=True)
        return [name for name, value in named if is_symmetric(value)]

    def _needs_sound_backward(self) -> None:
        runs = self.trace.backwards
        if runs and runs[0].error is not None:
            raise NotApplicable("backward raises")
        if runs and runs[0].refused is not None:
            raise NotApplicable("the engine refuses what backward returns")

    @fact
    def precision(self) -> float:
        """Machine epsilon of the coarsest float that forward works in."""
        return self.values.precision

    @fact
    def declared(self) -> Declared:
        """The function that a ``reference`` or ``surrogate`` contract names."""
        option = self.options.contract
        if option not in ("reference", "surrogate"):
            raise NotApplicable("no reference was given")
        return Declared(option, getattr(self.options, option), self.evaluator)

    @fact
    def values(self) -> FirstOrder:
        """The verdict on the first derivatives, against forward itself or against the contract."""
        return decide(self.evaluator, self.options)

    def require_values(self) -> None:
        """Raise :class:`NotApplicable` unless first derivatives can be judged."""
        _ = self.values

    @fact
    def stochastic(self) -> bool:
        """Whether forward depends on the random stream."""
        point = self.evaluator.point
        again = Evaluator(self.evaluator.call, self.seed + 1)
        pairs = zip(self.evaluator.forward(point), again.forward(point), strict=True)
        return not all(same(one, other) for one, other in pairs)

    @fact
    def second(self) -> SecondOrder:
        """The verdict on the second derivatives."""
        if not self.options.gradgrad:
            raise NotApplicable("gradgrad=False")
        if not self.twice_differentiable:
            raise NotApplicable("backward is marked @once_differentiable")
        if self.call.first_order_only:
            raise NotApplicable("of a sparse input the first derivative only is judged")
        return SecondOrderJudge(self.evaluator, self.seed, self.precision).verify()

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

    def missing_term(self, trial: Trial, place: int) -> str | None:
        """Return the operation whose derivative is missing from the gradient of argument ``place``, if one fits."""
        return missing_term(self.evaluator, trial, place)

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
