"""The facts about numbers: first and second derivatives, linearity in grad_output, the reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pytest_autograd.call.call import Call
from pytest_autograd.call.declared import along
from pytest_autograd.call.tensors import same
from pytest_autograd.derivatives.along_domains import or_along_domains
from pytest_autograd.derivatives.autograd_reference import nodes_of, reference_gradients
from pytest_autograd.derivatives.compare import MaybeTensors, apart, copies
from pytest_autograd.derivatives.contracts import Declared, decide, farthest_output
from pytest_autograd.derivatives.evaluator import Evaluator, Graph
from pytest_autograd.derivatives.gauge import or_up_to_gauge
from pytest_autograd.derivatives.linearity import Nonlinearity, nonlinearities
from pytest_autograd.derivatives.missing_term import missing_term
from pytest_autograd.derivatives.precision import data_precision, input_precision
from pytest_autograd.derivatives.second_order import SecondOrder, SecondOrderJudge
from pytest_autograd.derivatives.solvers import or_up_to_tolerance
from pytest_autograd.derivatives.tangents import beside, draw_cotangents, signed_bounded
from pytest_autograd.derivatives.verdicts import FirstOrder, Trial
from pytest_autograd.domains.domain import Domain
from pytest_autograd.errors import NotApplicable, TargetRaised
from pytest_autograd.facts.base import Facts, Subject, fact
from pytest_autograd.facts.domains import Domains, living_in
from pytest_autograd.facts.run import ObservedRun, is_once_differentiable
from pytest_autograd.options import DECLARED

#: Relative error that no rounding explains at the sizes given.
GROSS = {torch.float64: 1e-2, torch.float32: 1e-2, torch.float16: 0.1, torch.bfloat16: 0.2}


@dataclass(frozen=True)
class Sample:
    """One forward and one VJP at the point given, for facts that only read; no later run writes to its tensors."""

    point: list[Tensor]
    outputs: list[Tensor]
    cotangents: list[Tensor]
    gradients: MaybeTensors


class Numbers(Facts):
    """What the checked code computes, judged."""

    def __init__(self, subject: Subject, run: ObservedRun, domains: Domains) -> None:
        super().__init__(subject)
        self.run, self.domains = run, domains
        self._sample: Sample | None = None
        self._decided: dict[frozenset[str], FirstOrder] = {}
        #: The verdict in a wider dtype that nobody gave, if it is grossly wrong there alone.
        self.wrong_in_wider: FirstOrder | None = None

    @fact
    def judged_evaluator(self) -> Evaluator:
        """The numbers of the call in the widest dtype that forward and backward take.

        That is float64, else float32, else the dtype given: kernels refuse the wider ones. Where backward raises in
        all of them, the widest that forward takes.
        """
        if self.call.function is not None:
            self.run.require_sound_backward()
        call = self.domains.constrained
        accepted: list[Evaluator] = []
        for evaluator in [Evaluator(each, self.seed) for each in call.in_dtypes()]:
            try:
                graph = evaluator.graph(evaluator.point)
                accepted.append(evaluator)
                self._sample = _sampled(evaluator, graph)
            except TargetRaised:
                continue
            return self._given_if_sound(evaluator, Evaluator(call, self.seed))
        if accepted:
            return accepted[0]
        given = Evaluator(call, self.seed)
        given.forward(given.point)  # raises
        return given

    def _given_if_sound(self, wide: Evaluator, given: Evaluator) -> Evaluator:
        """Return ``wide``, but ``given`` where that is right while ``wide`` is grossly wrong: a branch on the dtype."""
        sample, narrow = self._sample, given.point
        if (
            sample is None
            or self.subject.contract is not None
            or all(x.dtype == y.dtype for x, y in zip(narrow, wide.point, strict=True))
        ):
            return wide
        gross = max(GROSS.get(x.real.dtype, 0.2) for x in narrow)
        try:
            outputs = given.forward(narrow)
            sent = [v.to(y.dtype) for v, y in zip(sample.cotangents, outputs, strict=True)]
            pairs = zip(sample.gradients, given.vjp(narrow, sent), strict=True)
            if all(
                apart(a, b if a is None or b is None else b.to(a.dtype)) <= gross for a, b in pairs
            ):
                return wide
            values = decide(wide, self.options)
            wrong = any(a.status == "wrong" and a.error > gross for a in values.arguments)
            if not (wrong and decide(given, self.options).confirmed):
                return wide
        except NotApplicable:
            return wide
        self.wrong_in_wider, self._sample = values, None
        return given

    @property
    def evaluator(self) -> Evaluator:
        """The numbers of the call."""
        return self.judged_evaluator

    @property
    def as_passed(self) -> Call:
        """The call in the dtypes judged, whose arguments go in as they are, domains or not."""
        return replace(self.evaluator.call, rebuild=self.call.rebuild)

    @property
    def sample(self) -> Sample:
        """One forward and one VJP at the point given."""
        evaluator = self.evaluator
        if self._sample is None:
            self._sample = _sampled(evaluator, evaluator.graph(evaluator.point))
        return self._sample

    @fact
    def first_order(self) -> FirstOrder:
        """The verdict on the first derivatives, against forward itself or against the contract."""
        values = or_along_domains(
            decide(self.evaluator, self.options),
            self.domains.likely,
            self._decided_within,
        )
        values = or_up_to_gauge(values, self.evaluator, self.options)
        found = or_up_to_tolerance(values, self.evaluator)
        if found.up_to is not None or found.confirmed or not self.domains.likely:
            return found
        try:
            within = self._decided_within(self.domains.likely)
        except NotApplicable:
            return found
        within = or_up_to_tolerance(within, self.evaluator)
        return within if within.up_to is not None else found

    def _decided_within(self, domains: Mapping[str, Domain]) -> FirstOrder:
        """Return the verdict with further domains, computed once for each choice of arguments."""
        names = frozenset(domains)
        if names not in self._decided:
            self._decided[names] = decide(self._within(domains), self.options)
        return self._decided[names]

    def _within(self, domains: Mapping[str, Domain]) -> Evaluator:
        return Evaluator(along(living_in(self.evaluator.call, domains)), self.seed)

    @property
    def precision(self) -> float:
        """Machine epsilon of the coarsest float that forward works in."""
        return self.first_order.precision

    @property
    def data_precision(self) -> float:
        """Machine epsilon of the data: of the dtype given, or of that which they were rounded to before."""
        return data_precision_of(self.call, self.first_order)

    @property
    def tolerance(self) -> float:
        """Relative error that the precision of forward explains."""
        return max(1e-9, 50 * self.precision)

    def require_first_order(self) -> None:
        """Raise :class:`NotApplicable` unless first derivatives can be judged."""
        _ = self.first_order

    @fact
    def declared(self) -> Declared:
        """The function that a ``reference`` or ``surrogate`` contract names."""
        option = self.options.contract
        if option not in DECLARED:
            raise NotApplicable("no reference was given")
        return Declared(option, getattr(self.options, option), self.evaluator)

    @fact
    def stochastic(self) -> bool:
        """Whether forward depends on the random stream."""
        point = self.evaluator.point
        again = Evaluator(self.evaluator.call, self.seed + 1)
        pairs = zip(self.evaluator.forward(point), again.forward(point), strict=True)
        return not all(same(one, other) for one, other in pairs)

    @fact
    def second_order(self) -> SecondOrder:
        """The verdict on the second derivatives."""
        if not self.options.gradgrad:
            raise NotApplicable("gradgrad=False")
        if not self.run.twice_differentiable:
            raise NotApplicable("backward is marked @once_differentiable")
        if self.inner_once_differentiable:
            names = ", ".join(self.inner_once_differentiable)
            raise NotApplicable(f"backward of {names} inside is marked @once_differentiable")
        if self.call.first_order_only:
            raise NotApplicable("of a sparse input the first derivative only is judged")
        if self.call.inside:
            names = self.call.names_inside
            raise NotApplicable(f"the gradient of {names} inside is declared, and judged there")
        if self.first_order.up_to is not None:
            raise NotApplicable(self.first_order.reason or "")
        if self.evaluator.doors_used:
            raise NotApplicable("a gradient leaves by a tensor that has no graph")
        found = SecondOrderJudge(self.evaluator, self.seed, self.precision).verify()
        if found.status == "wrong" and self.domains.likely:
            within = SecondOrderJudge(
                self._within(self.domains.likely), self.seed, self.precision
            ).verify()
            return replace(found, status="along") if within.status == "ok" else found
        return found

    @fact
    def inner_once_differentiable(self) -> list[str]:
        """The Functions in the graph of a callable whose backward is marked ``@once_differentiable``."""
        if self.call.function is not None:
            return []
        outputs = self.evaluator.graph(self.evaluator.point).outputs
        inner = {getattr(node, "_forward_cls", None) for node in nodes_of(outputs)}
        marked = (f for f in inner if f is not None and is_once_differentiable(f.backward))
        return sorted(f.__qualname__ for f in marked)

    @fact
    def once_differentiable_hole(self) -> bool:
        """Whether the first gradient depends on the inputs while autograd finds no graph behind it.

        The cotangent needs no gradient, as after ``.sum()``: then ``once_differentiable`` does not raise.
        """
        if self.run.twice_differentiable:
            raise NotApplicable("backward is not marked @once_differentiable")
        evaluator, point = self.evaluator, self.evaluator.point
        generator = torch.Generator().manual_seed(self.seed)
        cotangents = signed_bounded(evaluator.forward(point), generator)
        moved = beside(point, 0.1, generator)
        here, there = evaluator.vjp(point, cotangents), evaluator.vjp(moved, cotangents)
        return any(apart(a, b) > 1e-9 for a, b in zip(here, there, strict=True))

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

    @fact
    def leaves_graph(self) -> bool:
        """Whether the raw forward leaves autograd, so that autograd alone could not serve."""
        trial, evaluator = self.first_order.trials[0], self.evaluator
        names = evaluator.output_names
        reference = reference_gradients(
            evaluator.call, self.seed, trial.point, trial.cotangents, names
        )
        return bool(reference.breaks)

    def missing_term(self, trial: Trial, place: int) -> str | None:
        """Return the operation whose derivative is missing from the gradient of argument ``place``, if one fits."""
        return missing_term(self.evaluator, trial, place)

    def is_wrong(self, argument: str) -> bool:
        """Whether the gradient of ``argument`` is known to be wrong."""
        try:
            arguments = self.first_order.arguments
        except NotApplicable:
            return False
        return any(a.name == argument and a.status == "wrong" for a in arguments)


def data_precision_of(call: Call, values: FirstOrder) -> float:
    """Return the machine epsilon of the dtypes given, and of what the values judged were rounded to before."""
    given = input_precision([call.slots[i].value for i in call.differentiated])
    return max(given, data_precision(values.trials[0].point if values.trials else ()))


def _sampled(evaluator: Evaluator, graph: Graph) -> Sample:
    outputs = [output.detach().clone() for output in graph.outputs]
    cotangents = draw_cotangents(outputs, evaluator.seed)
    return Sample(evaluator.point, outputs, cotangents, copies(graph.vjp(cotangents)))
