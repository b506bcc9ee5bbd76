"""The decision: are the first derivatives right? Judge and reference weighed against each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

from torch import Tensor

from pytest_autograd.derivatives.compare import MaybeTensors, minus
from pytest_autograd.derivatives.coverage import (
    unresolved_arguments,
    why_not_all_was_compared,
    why_nothing_can_be_compared,
)
from pytest_autograd.derivatives.directional_test import Judgement
from pytest_autograd.derivatives.finite_differences import EPS
from pytest_autograd.derivatives.tangents import inner
from pytest_autograd.derivatives.trials import Trials
from pytest_autograd.derivatives.verdicts import (
    ArgumentVerdict,
    FirstOrder,
    Trial,
    why_unresolved,
)
from pytest_autograd.errors import NotApplicable

TRIALS = 2
RETRIES = 3
CONTRACT_RTOL = 1e-9

Truth = Callable[[Sequence[Tensor], Sequence[Tensor]], MaybeTensors]


class FirstOrderTest:
    """Decides on the gradients of one evaluator; see the table in the documentation of verdicts.

    ``constant``: cotangents as sums and masked losses give them are tried too.
    """

    def __init__(self, trials: Trials, constant: bool = True) -> None:
        self.trials, self.evaluator, self.constant = trials, trials.evaluator, constant

    def against_truth(self, truth: Truth, by: str, tolerance: float) -> FirstOrder:
        """Verify against known gradients (a contract), element by element, at the point and beside it."""
        trials = self.trials.draw(self.evaluator.point, constant=True)
        trials += self.trials.draw(self.trials.nearby())
        known = [truth(trial.point, trial.cotangents) for trial in trials]
        arguments = self._all_compared(trials, known, tolerance)
        if any(argument.status != "ok" for argument in arguments):
            trials = self.trials.on_own_graphs(trials)
            arguments = self._all_compared(trials, known, tolerance)
        bad = any(argument.status not in ("ok", "inexact") for argument in arguments)
        error = max((argument.error for argument in arguments), default=0.0)
        values = FirstOrder(
            arguments, not bad, by, max(error, EPS), trials=trials, precision=self.trials.precision
        )
        self._say_what_hardly_matters(values)
        return self._if_anything(values)

    def _all_compared(
        self, trials: Sequence[Trial], known: Sequence[MaybeTensors], tolerance: float
    ) -> list[ArgumentVerdict]:
        pairs = zip(trials, known, strict=True)
        compared = [self.trials.compare(trial, want, tolerance) for trial, want in pairs]
        return _worst_of_each([argument for each in compared for argument in each])

    def verify(self) -> FirstOrder:
        """Verify against forward itself."""
        values = self._at(self.evaluator.point)
        attempts = 0
        while values.reason and values.kinked and attempts < RETRIES:
            attempts += 1
            try:
                beside = self._at(self.trials.nearby())
            except NotApplicable:  # outside of forward's domain
                continue
            if beside.confirmed or any(a.status in ("wrong", "missing") for a in beside.arguments):
                values = replace(beside, kinked=True)
                values.notes.append("judged beside the sample, which lies on a kink")
        if values.reason:
            values = self._by_reference_alone(values)
        self._say_what_hardly_matters(values)
        values = self._if_anything(values)
        reason = why_not_all_was_compared(self.trials, values.trials) if values.confirmed else None
        if reason is not None:
            return replace(values, confirmed=False, accuracy=None, reason=reason, vacuous=True)
        return values

    def _if_anything(self, values: FirstOrder) -> FirstOrder:
        """Confirm nothing where there was nothing to compare."""
        trial = values.trials[0]
        reason = why_nothing_can_be_compared(trial.point, trial.outputs)
        if reason is None or not (values.confirmed or values.reason):
            return values
        return replace(values, confirmed=False, accuracy=None, reason=reason, vacuous=True)

    def _at(self, point: Sequence[Tensor]) -> FirstOrder:
        trials = self.trials.draw(point, TRIALS, constant=self.constant)
        judgements, wrong = self._heard(trials)
        if wrong or any(judgement.status != "ok" for judgement in judgements):
            trials = self.trials.on_own_graphs(trials)
            judgements, wrong = self._heard(trials)
        kinked = any(judgement.status == "kink" for judgement in judgements)
        base = FirstOrder(
            [], False, "judge", trials=trials, kinked=kinked, precision=self.trials.precision
        )
        base.judgements = judgements
        if wrong:
            if self._reference_objects(trials):
                return self._blame(base)
            return self._unresolved(replace(base, overruled=True))
        if any(judgement.status != "ok" for judgement in judgements):
            return self._unresolved(base, judgements)
        base.accuracy = max(judgement.accuracy for judgement in judgements)
        base.arguments = [ArgumentVerdict(name, "ok") for name in self.evaluator.names]
        base.confirmed = True
        if not self._compared_with_reference(base, judgements[0]):
            self._resolve_each(base, judgements[0])
        return base

    def _heard(self, trials: Sequence[Trial]) -> tuple[list[Judgement], bool]:
        """Return the judge's word on the drawn cotangents, and whether any trial is wrong."""
        every = range(len(trials[0].point))
        judgements = [self.trials.judge_trial(trial, every) for trial in trials[:TRIALS]]
        wrong = any(judgement.status == "wrong" for judgement in judgements)
        if not wrong:  # ones may cancel, so that nothing is resolved: they only ever object
            plain = (self.trials.judge_trial(trial, every) for trial in trials[TRIALS:])
            wrong = any(judgement.status == "wrong" for judgement in plain)
        return judgements, wrong

    def _resolve_each(self, values: FirstOrder, judgement: Judgement) -> None:
        """Judge alone each argument that hardly matters beside the others."""
        trial = values.trials[0]
        for i in unresolved_arguments(trial, judgement) if len(trial.point) > 1 else ():
            verdict = self._blame_one(trial, i)
            values.arguments[i] = verdict
            if verdict.status != "ok":
                values.confirmed, values.accuracy = verdict.status == "inexact", verdict.error

    @staticmethod
    def _say_what_hardly_matters(values: FirstOrder) -> None:
        small = [argument.name for argument in values.arguments if argument.status == "unresolved"]
        statuses = {argument.status for argument in values.arguments}
        if small and values.reason is None and not statuses & {"wrong", "missing"}:
            values.reason = (
                f"the influence of {', '.join(small)} on the outputs is below what can be resolved: "
                "give larger values there, or smaller ones elsewhere"
            )

    def _reference_objects(self, trials: Sequence[Trial]) -> bool:
        """Whether the reference does not contradict the judge's "wrong" by agreeing with backward in every element."""
        try:
            for trial in trials:
                reference = self.trials.ask_reference(trial.point, trial.cotangents)
                compared = self.trials.compare(
                    trial, reference.gradients, self.trials.reference_tolerance
                )
                if reference.breaks or any(argument.status != "ok" for argument in compared):
                    return True
        except NotApplicable:
            return True
        return False

    def _unresolved(self, values: FirstOrder, judgements: Sequence[Judgement] = ()) -> FirstOrder:
        values.arguments = [ArgumentVerdict(name, "unresolved") for name in self.evaluator.names]
        values.reason = why_unresolved(judgements)
        return values

    def _compared_with_reference(self, values: FirstOrder, judgement: Judgement) -> bool:
        """Let the reference look for errors smaller than the judge resolves; return whether it could.

        One generic cotangent shows it every element.
        """
        trial = values.trials[0]
        try:
            reference = self.trials.ask_reference(trial.point, trial.cotangents)
        except NotApplicable as reason:
            values.notes.append(f"no reference gradient: {reason}")
            return False
        apart = inner(minus(trial.got, reference.gradients), trial.along)
        unresolved = 10 * max(judgement.best.uncertainty, EPS * judgement.scale)
        if abs(apart) > unresolved + 1e-8 * judgement.scale:
            cause = ", ".join(reference.breaks) or "a tie"
            values.notes.append(
                f"the reference gradient disagrees through {cause}; the judge confirms"
            )
        elif not reference.breaks:
            self._compare_with_reference(values, trial, reference.gradients)
            return True
        return False

    def _compare_with_reference(
        self, values: FirstOrder, trial: Trial, gradients: MaybeTensors
    ) -> None:
        tolerance = self.trials.reference_tolerance
        compared = self.trials.compare(trial, gradients, tolerance)
        if any(argument.status == "inexact" for argument in compared):
            tolerance = max(tolerance, self.trials.reference_rounding(trial, gradients))
            compared = self.trials.compare(trial, gradients, tolerance)
        pairs = zip(values.arguments, compared, strict=True)
        values.arguments = [max(pair, key=lambda a: a.error) for pair in pairs]
        statuses = {argument.status for argument in values.arguments}
        if statuses != {"ok"}:
            values.accuracy = max(argument.error for argument in values.arguments)
            values.confirmed = statuses <= {"ok", "inexact"}

    def _by_reference_alone(self, values: FirstOrder) -> FirstOrder:
        """Confirm by the reference what the judge cannot resolve, if forward never left autograd."""
        compared: list[ArgumentVerdict] = []
        for trial in values.trials:
            try:
                reference = self.trials.ask_reference(trial.point, trial.cotangents)
            except NotApplicable as reason:
                values.reason = f"{values.reason}, and there is no reference gradient: {reason}"
                return values
            if reference.breaks:
                values.reason = (
                    f"{values.reason}, and forward leaves autograd ({', '.join(reference.breaks)})"
                )
                return values
            compared += self.trials.compare(
                trial, reference.gradients, self.trials.reference_tolerance
            )
        off = next((a for a in compared if a.status != "ok"), None)
        if off is not None and not values.kinked and self._judge_sides_with_reference(values):
            values.arguments = _worst_of_each(compared)
            statuses = {argument.status for argument in values.arguments}
            values.confirmed, values.reason = statuses <= {"ok", "inexact"}, None
            values.accuracy = max(argument.error for argument in values.arguments)
            return values
        if off is not None:
            values.reason = f"{values.reason}, and the reference gradient of {off.name} differs"
            return values
        values.arguments = compared[: len(self.evaluator.names)]
        values.notes.append(f"confirmed by the reference gradient alone: {values.reason}")
        values.confirmed, values.by, values.reason = True, "witness", None
        values.accuracy = self.trials.reference_tolerance
        return values

    def _judge_sides_with_reference(self, values: FirstOrder) -> bool:
        """Whether the best slope of each trial allows what the reference claims: then both object to backward."""
        for trial, judgement in zip(values.trials[:TRIALS], values.judgements, strict=True):
            reference = self.trials.ask_reference(trial.point, trial.cotangents)
            claimed = inner(reference.gradients, trial.along)
            if judgement.rough or judgement.best.kinked or judgement.best.differs(claimed):
                return False
        return True

    def _blame(self, values: FirstOrder) -> FirstOrder:
        """Find out which arguments are wrong, and what their gradients should be."""
        for trial in values.trials:
            values.arguments = [self._blame_one(trial, i) for i in range(len(trial.point))]
            if any(a.status in ("wrong", "missing", "inexact") for a in values.arguments):
                break
        statuses = {argument.status for argument in values.arguments}
        if statuses <= {"ok", "inexact"} and "inexact" in statuses:
            values.confirmed = True
            values.accuracy = max(a.error for a in values.arguments)
        elif not statuses & {"wrong", "missing"}:
            values.reason = (
                "backward disagrees with forward in sum but no single argument could be blamed"
            )
        return values

    def _blame_one(self, trial: Trial, slot: int) -> ArgumentVerdict:
        name, got = self.evaluator.names[slot], trial.got[slot]
        judgement = self.trials.judge_trial(trial, [slot])
        if judgement.status == "ok":
            return ArgumentVerdict(name, "ok", judgement.accuracy)
        if judgement.status != "wrong":
            return ArgumentVerdict(name, "unresolved")
        expected, tolerance = self.trials.expected(trial, slot, judgement)
        compared = self.trials.compare_one(trial, slot, expected, tolerance)
        if compared.status != "ok":
            return compared
        status: Literal["wrong", "inexact"] = (
            "wrong" if judgement.discrepancy > self.trials.rtol else "inexact"
        )
        return ArgumentVerdict(name, status, judgement.discrepancy, tolerance, expected, got)


def _worst_of_each(arguments: Sequence[ArgumentVerdict]) -> list[ArgumentVerdict]:
    worst: dict[str, ArgumentVerdict] = {}
    for argument in arguments:
        known = worst.get(argument.name)
        if known is None or argument.error > known.error:
            worst[argument.name] = argument
    return list(worst.values())
