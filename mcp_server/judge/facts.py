"""What the judge knows of one call: facts about numbers, measured from outside the worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import torch
from torch import Tensor

from mcp_server.judge.host import Host
from mcp_server.judge.remote_evaluator import Description, RemoteDeclared, RemoteEvaluator
from pytest_autograd.derivatives.along_domains import AlongDomains, or_along_domains
from pytest_autograd.derivatives.autograd_reference import ReferenceGradients
from pytest_autograd.derivatives.compare import MaybeTensors
from pytest_autograd.derivatives.contracts import check_keys, farthest_output
from pytest_autograd.derivatives.directional_test import judge
from pytest_autograd.derivatives.finite_differences import (
    FunctionAlongLine,
    Samples,
    numeric_gradient,
    numeric_tolerance,
)
from pytest_autograd.derivatives.first_order import FirstOrderTest
from pytest_autograd.derivatives.linearity import Nonlinearity, nonlinearities
from pytest_autograd.derivatives.oracle import GradientOracle
from pytest_autograd.derivatives.precision import input_precision
from pytest_autograd.derivatives.second_order import SecondOrder, SecondOrderJudge
from pytest_autograd.derivatives.tangents import direction, inner, size
from pytest_autograd.derivatives.trials import Trials
from pytest_autograd.derivatives.verdicts import FirstOrder, Trial
from pytest_autograd.domains.domain import Domain
from pytest_autograd.domains.likely import structural_domain
from pytest_autograd.errors import NotApplicable
from pytest_autograd.facts.base import Facts, Subject, fact
from pytest_autograd.facts.numbers import data_precision_of
from pytest_autograd.facts.torch_checks import GradcheckResult
from pytest_autograd.options import DECLARED
from pytest_autograd.places import Place
from pytest_autograd.source.load import SUBMITTED


class JudgeFacts:
    """The facts that rules about values ask for, by a judge who believes only what it compared."""

    def __init__(
        self, host: Host, subject: Subject, point: list[Tensor], description: Description
    ) -> None:
        self.subject, self.description = subject, description
        self.call, self.options = subject.call, subject.options
        self.source = HintedLines(description)
        self.run = NothingCast()
        self.numbers = JudgedNumbers(host, subject, point, description)
        self.domains = NoDomains()
        self.torch_checks = NoReferees()


class JudgedNumbers(Facts):
    """The verdicts on the numbers that the worker answers with."""

    def __init__(
        self, host: Host, subject: Subject, point: list[Tensor], description: Description
    ) -> None:
        super().__init__(subject)
        self.host, self.description = host, description
        self.evaluator = RemoteEvaluator(host, subject.call, point, description.outputs)
        self.precision = input_precision(point)

    @fact
    def first_order(self) -> FirstOrder:
        """The verdict on the first derivatives, against forward itself or against the contract."""
        contract = self.options.contract
        test = self._test(self.evaluator)
        if contract is None:
            values = test.verify()
            values = self._beside(test, values) if values.confirmed else values
            values = self._or_along_domains(values)
        elif contract == "grad_transform":
            values = self._transformed(test)
        else:
            self._believe_declared()
            truth, tolerance = self.declared.vjp, test.trials.reference_tolerance
            values = test.against_truth(truth, contract, tolerance)
        self.precision = max(self.precision, values.precision)
        return values

    def _test(self, evaluator: GradientOracle) -> FirstOrderTest:
        rtol = self.options.rtol
        return FirstOrderTest(Trials(evaluator, _no_reference, self.seed, rtol, self.precision))

    def _beside(self, test: FirstOrderTest, values: FirstOrder) -> FirstOrder:
        """Judge a point that the submitted code could not foresee too: what is wrong there is wrong."""
        names, likely = self.evaluator.names, self._likely
        nearby = zip(names, test.trials.nearby(), strict=True)
        moved = self.evaluator.at([likely[n].along(x) if n in likely else x for n, x in nearby])
        try:
            beside = self._test(moved).verify()
        except NotApplicable:  # outside of where forward is defined
            return values
        wrong = any(argument.status in ("wrong", "missing") for argument in beside.arguments)
        return beside if wrong else values

    @cached_property
    def _likely(self) -> dict[str, Domain]:
        given = zip(self.evaluator.names, self.evaluator.point, strict=True)
        found = {name: structural_domain(x) for name, x in given}
        return {name: domain for name, domain in found.items() if domain is not None}

    def _or_along_domains(self, values: FirstOrder) -> FirstOrder:
        def decide_along(assumed: Mapping[str, Domain]) -> FirstOrder:
            return self._test(AlongDomains(self.evaluator, assumed)).verify()

        return or_along_domains(values, self._likely, decide_along)

    @fact
    def declared(self) -> RemoteDeclared:
        """The function that a ``reference`` or ``surrogate`` contract names."""
        if self.options.contract not in DECLARED:
            raise NotApplicable("no reference was given")
        return RemoteDeclared(self.host, self.call, self.evaluator.point, self.description.outputs)

    def _believe_declared(self) -> None:
        """Require that the answers for the declared function are its own derivative."""
        verdict = self._test(self.declared).verify()
        wrong = [a.name for a in verdict.arguments if a.status in ("wrong", "missing")]
        if wrong:
            raise NotApplicable(
                f"what comes back as the gradient of the declared function by {', '.join(wrong)} "
                "is not its derivative: declare a function without .detach(), or check this contract in a test, where "
                "the answers need not be distrusted"
            )

    def _transformed(self, test: FirstOrderTest) -> FirstOrder:
        check_keys(self.options.grad_transform or {}, self.evaluator)
        generator = test.trials.generator

        def meant(point: Sequence[Tensor], cotangents: Sequence[Tensor]) -> MaybeTensors:
            truth = self._true_vjp(point, cotangents, generator)
            return self.evaluator.transform(truth)

        return test.against_truth(meant, "grad_transform", numeric_tolerance(self.precision))

    def _true_vjp(
        self, point: Sequence[Tensor], cotangents: Sequence[Tensor], generator: torch.Generator
    ) -> MaybeTensors:
        """Return the VJP that the worker offers where finite differences confirm it, else theirs."""
        forward = self.evaluator.forward
        try:
            offered = self.evaluator.reference_vjp(point, cotangents)
        except NotApplicable:
            offered = None
        if offered is not None:
            along = direction(point, generator)
            samples = Samples(forward, point, along, cotangents)
            line = FunctionAlongLine(samples, cotangents, self.precision)
            scale, rounding = size(offered, along), size(offered, point)
            if judge(line, inner(offered, along), scale, rounding).status == "ok":
                return offered
        numeric: MaybeTensors = [
            numeric_gradient(forward, point, cotangents, i, self.precision)
            for i in range(len(point))
        ]
        if any(g is not None and bool(g.isnan().any()) for g in numeric):
            raise NotApplicable("the inputs are too big to measure the true gradient: use fewer")
        return numeric

    @fact
    def second_order(self) -> SecondOrder:
        """The verdict on the second derivatives."""
        if not self.options.gradgrad:
            raise NotApplicable("gradgrad=False")
        if not self.description.twice_differentiable:
            raise NotApplicable("backward is marked @once_differentiable")
        if self.description.first_order_only:
            raise NotApplicable("of this call the first derivative only is judged")
        if not self.first_order.confirmed:
            raise NotApplicable("the first derivatives are not confirmed")
        return SecondOrderJudge(self.evaluator, self.seed, self.precision).verify()

    @fact
    def nonlinearities(self) -> list[Nonlinearity]:
        """The laws of linearity in grad_output that backward breaks."""
        self.subject.not_under_a_contract()
        return nonlinearities(self.evaluator, self.seed, self.precision)

    @fact
    def reference_error(self) -> tuple[str, float]:
        """The output that is farthest from the reference's, and its relative error."""
        if self.options.contract != "reference":
            raise NotApplicable("no reference was given")
        return farthest_output(self.declared, self.evaluator)

    @property
    def data_precision(self) -> float:
        """Machine epsilon of the data: of the dtype given, or of that which they were rounded to before."""
        return data_precision_of(self.call, self.first_order)

    def missing_term(self, trial: Trial, place: int) -> str | None:
        """Return None: paths through forward can be cut only where its code is."""
        return None


class HintedLines:
    """The lines that the worker names: hints for the reader only."""

    def __init__(self, description: Description) -> None:
        self.description = description

    def of_gradient(self, argument: str) -> Place | None:
        """Return the line named for the gradient of ``argument``."""
        line = self.description.lines.get(argument)
        return Place(SUBMITTED, line) if line is not None else None

    @property
    def of_backward(self) -> Place | None:
        """The line named for backward."""
        line = self.description.line_of_backward
        return Place(SUBMITTED, line) if type(line) is int else None

    of_target = of_backward


class NothingCast:
    """What backward returned before the engine cast it is not seen from here."""

    def cast_error(self, argument: str) -> float:
        """Return 0."""
        return 0.0


class NoDomains:
    """Where arguments live is declared to the worker, or its experiment."""

    def __init__(self) -> None:
        self.likely: dict[str, Domain] = {}


class NoReferees:
    """gradcheck needs the code, and in the worker it is no proof."""

    @property
    def gradcheck(self) -> GradcheckResult:
        """Refused."""
        raise NotApplicable("gradcheck runs in the worker, whose word is not taken")


def _no_reference(point: Sequence[Tensor], cotangents: Sequence[Tensor]) -> ReferenceGradients:
    raise NotApplicable("a reference gradient from the worker is no proof")
