"""What the judge knows of one call: facts about numbers, measured from outside the worker."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mcp_server.judge.host import Host
from mcp_server.judge.remote_evaluator import Description, RemoteDeclared, RemoteEvaluator
from pytest_autograd.call.call import Call
from pytest_autograd.derivatives.autograd_reference import ReferenceGradients
from pytest_autograd.derivatives.compare import MaybeTensors, relative_error
from pytest_autograd.derivatives.contracts import check_keys
from pytest_autograd.derivatives.directional_test import judge
from pytest_autograd.derivatives.finite_differences import (
    EPS,
    FunctionAlongLine,
    Samples,
    numeric_gradient,
    numeric_tolerance,
)
from pytest_autograd.derivatives.first_order import FirstOrderTest
from pytest_autograd.derivatives.second_order import SecondOrder, SecondOrderJudge
from pytest_autograd.derivatives.tangents import direction, inner, size
from pytest_autograd.derivatives.trials import Trials
from pytest_autograd.derivatives.verdicts import FirstOrder, Trial
from pytest_autograd.errors import NotApplicable
from pytest_autograd.facts.base import Facts, fact
from pytest_autograd.facts.experiments import Nonlinearity, nonlinearities
from pytest_autograd.facts.torch_checks import GradcheckResult
from pytest_autograd.options import Options
from pytest_autograd.places import Place
from pytest_autograd.source.load import SUBMITTED


class JudgeFacts(Facts):
    """The facts that the value rules ask for, by a judge who believes only what it compared."""

    def __init__(
        self,
        host: Host,
        call: Call,
        point: list[Tensor],
        description: Description,
        options: Options,
        seed: int,
        deadline: float,
    ) -> None:
        super().__init__(call, options, seed, deadline)
        self.host, self.description = host, description
        self.evaluator = RemoteEvaluator(host, call, point, description.outputs)
        self.precision = coarsest(point)

    @fact
    def values(self) -> FirstOrder:
        """The verdict on the first derivatives, against forward itself or against the contract."""
        contract = self.options.contract
        verifier = self._verifier(self.evaluator)
        if contract is None:
            values = verifier.verify()
            values = self._beside(verifier, values) if values.confirmed else values
        elif contract == "grad_transform":
            values = self._transformed(verifier)
        else:
            self._believe_declared()
            truth = self.declared.vjp
            values = verifier.against_truth(truth, contract, verifier.trials.reference_tolerance)
        self.precision = max(self.precision, values.precision)
        return values

    def _verifier(self, evaluator: RemoteEvaluator) -> FirstOrderTest:
        trials = Trials(evaluator, _no_witness, self.seed, self.options.rtol, self.precision)
        return FirstOrderTest(trials)

    def _beside(self, verifier: FirstOrderTest, values: FirstOrder) -> FirstOrder:
        """Judge a point that the submitted code could not foresee too: what is wrong there is wrong."""
        moved = self.evaluator.at(verifier.trials.nearby())
        try:
            beside = self._verifier(moved).verify()
        except NotApplicable:  # outside of where forward is defined
            return values
        wrong = any(argument.status in ("wrong", "missing") for argument in beside.arguments)
        return beside if wrong else values

    @fact
    def declared(self) -> RemoteDeclared:
        """The function that a ``reference`` or ``surrogate`` contract names."""
        if self.options.contract not in ("reference", "surrogate"):
            raise NotApplicable("no reference was given")
        return RemoteDeclared(self.host, self.call, self.evaluator.point, self.description.outputs)

    def _believe_declared(self) -> None:
        """Require that the answers for the declared function are its own derivative."""
        verdict = self._verifier(self.declared).verify()
        wrong = [a.name for a in verdict.arguments if a.status in ("wrong", "missing")]
        if wrong:
            raise NotApplicable(
                f"what comes back as the gradient of the declared function by {', '.join(wrong)} "
                "is not its derivative: declare a function without .detach(), or check this contract in a test, where "
                "the answers need not be distrusted"
            )

    def _transformed(self, verifier: FirstOrderTest) -> FirstOrder:
        transforms = self.options.grad_transform or {}
        check_keys(transforms, self.evaluator)
        generator = verifier.trials.generator

        def meant(point: Sequence[Tensor], cotangents: Sequence[Tensor]) -> MaybeTensors:
            truth = self._true_vjp(point, cotangents, generator)
            return self.evaluator.transform(truth)

        tolerance = numeric_tolerance(self.precision)
        return verifier.against_truth(meant, "grad_transform", tolerance)

    def _true_vjp(
        self, point: Sequence[Tensor], cotangents: Sequence[Tensor], generator: torch.Generator
    ) -> MaybeTensors:
        """Return the VJP that the worker offers where finite differences confirm it, else theirs."""
        try:
            offered = self.evaluator.reference_vjp(point, cotangents)
        except NotApplicable:
            offered = None
        if offered is not None:
            along = direction(point, generator)
            path = Samples(self.evaluator.forward, point, along, cotangents)
            line = FunctionAlongLine(path, cotangents, self.precision)
            scale, rounding = size(offered, along), size(offered, point)
            if judge(line, inner(offered, along), scale, rounding).status == "ok":
                return offered
        numeric: MaybeTensors = [
            numeric_gradient(self.evaluator.forward, point, cotangents, i, self.precision)
            for i in range(len(point))
        ]
        if any(g is not None and bool(g.isnan().any()) for g in numeric):
            raise NotApplicable("the inputs are too big to measure the true gradient: use fewer")
        return numeric

    @fact
    def second(self) -> SecondOrder:
        """The verdict on the second derivatives."""
        if not self.options.gradgrad:
            raise NotApplicable("gradgrad=False")
        if not self.description.twice_differentiable:
            raise NotApplicable("backward is marked @once_differentiable")
        if not self.values.confirmed:
            raise NotApplicable("the first derivatives are not confirmed")
        return SecondOrderJudge(self.evaluator, self.seed, self.precision).verify()

    @fact
    def nonlinear(self) -> list[Nonlinearity]:
        """The laws of linearity in grad_output that backward breaks."""
        if self.options.contract in ("surrogate", "grad_transform"):
            raise NotApplicable("not asked under a contract")
        return nonlinearities(self.evaluator, self.seed, self.precision)

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

    @fact
    def gradcheck(self) -> GradcheckResult:
        """Not asked: gradcheck in the worker is no proof, and it needs the code."""
        raise NotApplicable("gradcheck runs in the worker, whose word is not taken")

    @property
    def symmetric(self) -> list[str]:
        """Not known here: whether matrices are taken for symmetric is the worker's experiment."""
        return []

    @property
    def symmetrised(self) -> tuple[Call, list[str]]:
        """The call as it is."""
        return self.call, []

    def missing_term(self, trial: Trial, place: int) -> str | None:
        """Return None: paths through forward can be cut only where its code is."""
        return None

    def place_of_gradient(self, argument: str) -> Place | None:
        """Return the line that the worker names for the gradient of ``argument``."""
        line = self.description.lines.get(argument)
        return Place(SUBMITTED, line) if line is not None else None

    def cast_error(self, argument: str) -> float:
        """Return 0: what backward returned before the engine cast it is not seen from here."""
        return 0.0

    @property
    def place_of_backward(self) -> Place | None:
        """Return the line that the worker names for backward."""
        line = self.description.line_of_backward
        return Place(SUBMITTED, line) if type(line) is int else None


def coarsest(point: Sequence[Tensor]) -> float:
    """Return the machine epsilon of the coarsest dtype of a point."""
    dtypes = [x.real.dtype if x.is_complex() else x.dtype for x in point]
    return max([EPS, *(torch.finfo(dtype).eps for dtype in dtypes)])


def _no_witness(point: Sequence[Tensor], cotangents: Sequence[Tensor]) -> ReferenceGradients:
    raise NotApplicable("a reference gradient from the worker is no proof")
