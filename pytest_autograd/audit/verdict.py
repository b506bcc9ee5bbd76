"""From what the rules found to the report: findings in order, checks merged, the verdict and its sentence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from pytest_autograd.audit.audit import INTERNAL_ERROR, Outcome
from pytest_autograd.audit.distinct import distinct
from pytest_autograd.derivatives.finite_differences import EPS
from pytest_autograd.derivatives.verdicts import FirstOrder
from pytest_autograd.errors import NotApplicable
from pytest_autograd.facts.base import OUT_OF_TIME
from pytest_autograd.facts.probe import Probe, ValueFacts
from pytest_autograd.options import INSIDE
from pytest_autograd.places import source_sha256
from pytest_autograd.report.ignored import merged
from pytest_autograd.report.model import (
    CheckResult,
    Finding,
    Judged,
    LeftOut,
    Report,
    Stats,
    Verdict,
)


def make_report(
    outcomes: Sequence[Outcome], own: ValueFacts, seed: int, seconds: float, stats: Stats
) -> Report:
    """Return the report on the call that ``own`` holds the facts of; ``outcomes`` are of all calls audited for it."""
    findings = distinct(outcomes, own)
    checks = _merged(outcomes)
    judged, left_out = judged_of(own), left_out_of(own, checks)
    verdict, summary = _verdict(own, findings, checks, judged, left_out)
    owner = own.call.function or own.call.target
    return Report(
        target=own.call.name,
        source_sha256=source_sha256(owner),
        torch_version=torch.__version__,
        level=own.options.level,
        seed=seed,
        inputs=own.call.describe(),
        verdict=verdict,
        summary=summary,
        findings=tuple(findings),
        checks=tuple(checks),
        judged=judged,
        left_out=left_out,
        ignored=merged(each for outcome in outcomes for each in outcome.ignored),
        stats=stats,
        seconds=seconds,
    )


def _merged(outcomes: Sequence[Outcome]) -> list[CheckResult]:
    """Return one result per check: the worst over the audited calls.

    Passed stands over skipped, but not over what found something that is ignored.
    """
    groups: dict[tuple[str, str | None], list[tuple[int, CheckResult]]] = {}
    for outcome in outcomes:
        for result in outcome.checks:
            hidden = result.code in outcome.hidden
            rank = {"failed": 3, "passed": 1, "skipped": 2 if hidden else 0}[result.status]
            groups.setdefault((result.name, result.code), []).append((rank, result))
    merged = []
    for group in groups.values():
        _, worst = max(group, key=lambda pair: pair[0])
        seconds = sum(float(result.seconds) for _, result in group)
        merged.append(worst.model_copy(update={"seconds": seconds}))
    return merged


def _verdict(
    own: ValueFacts,
    findings: Sequence[Finding],
    checks: Sequence[CheckResult],
    judged: Sequence[Judged],
    left_out: Sequence[LeftOut],
) -> tuple[Verdict, str]:
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        return "failed", f"{errors[0].code} {errors[0].message.partition(':')[0]}{more}"
    internal = next((result for result in checks if result.name == INTERNAL_ERROR), None)
    if internal is not None:
        return (
            "inconclusive",
            f"a rule crashed, which is a bug in pytest-autograd: {internal.reason}",
        )
    confirmed, reason = _confirmed(own)
    if not confirmed:
        return "inconclusive", f"not confirmed: {reason}"
    return "verified", _verified_summary(own) + _said_of(judged, left_out)


def _said_of(judged: Sequence[Judged], left_out: Sequence[LeftOut]) -> str:
    """Say what was compared and what was left out."""
    words = [
        f"{each.elements} elements in {each.dtype}, {' and '.join(ORDERS[n] for n in each.orders)} order"
        for each in judged
    ]
    late = [each for each in left_out if each.why == OUT_OF_TIME]
    told = [f"{each.what} not checked: {each.why}" for each in left_out if each not in late]
    if late:
        told.append(f"{len(late)} checks were left out: {OUT_OF_TIME}")
    return "; ".join([f" ({'; '.join(words)})", *told])


ORDERS = {1: "first", 2: "second"}


def _verified_summary(own: ValueFacts) -> str:
    slots = [own.call.slots[i] for i in own.call.differentiated]
    names = [f"{s.name} along {s.domain}" if s.domain else s.name for s in slots]
    values = own.numbers.first_order
    if not values.confirmed:
        return (
            f"the gradient of {', '.join(names)} is confirmed by gradcheck alone: {values.reason}"
        )
    how = {
        "judge": "agrees with finite differences",
        "witness": "agrees with the reference gradient",
        "reference": "agrees with the reference",
        "surrogate": "agrees with the declared surrogate",
        "grad_transform": "agrees with the declared transform of the true gradient",
        INSIDE: f"agrees with what is declared of {own.call.names_inside} inside",
    }[values.by]
    accuracy = (
        f" to {values.accuracy:.0e}"
        if values.accuracy is not None and values.accuracy > 10 * EPS
        else ""
    )
    kink = ", judged beside the sample, which lies on a kink" if values.kinked else ""
    return f"the gradient of {', '.join(names)} {how}{accuracy}{kink}"


def _confirmed(own: ValueFacts) -> tuple[bool, str | None]:
    """Return whether every differentiated argument's gradient is confirmed, and if not, why."""
    try:
        values = own.numbers.first_order
    except NotApplicable as why:
        return False, str(why)
    if values.confirmed and not values.overruled:
        return True, None
    if values.confirmed:
        why = "finite differences and gradcheck disagree with the reference gradient"
        return _gradcheck_status(own) != "failed", why
    if values.reason is None:
        wrong = [a.name for a in values.arguments if a.status in ("wrong", "missing")]
        return False, f"the gradient of {', '.join(wrong)} is wrong, but no selected rule says so"
    if values.vacuous:
        return False, values.reason
    return _gradcheck_status(own) == "passed", values.reason


def _gradcheck_status(own: ValueFacts) -> str:
    try:
        return own.torch_checks.gradcheck.status
    except NotApplicable:
        return "skipped"


def judged_of(own: ValueFacts) -> tuple[Judged, ...]:
    """Return what was compared, by dtype and device; nothing is run for it."""
    values = own.numbers.peek("first_order")
    if values is None or not values.trials:
        return ()
    point = values.trials[0].point
    second = own.numbers.peek("second_order")
    both = second is not None and second.status in ("ok", "constant")
    return (
        Judged(
            dtype=", ".join(dict.fromkeys(str(x.dtype).removeprefix("torch.") for x in point)),
            device=", ".join(dict.fromkeys(x.device.type for x in point)),
            orders=(1, 2) if both else (1,),
            elements=sum(x.numel() for x in point),
            accuracy=values.accuracy,
        ),
    )


def left_out_of(own: ValueFacts, checks: Sequence[CheckResult]) -> tuple[LeftOut, ...]:
    """Return what a verified report does not speak of: arguments, the second order, checks beyond the time limit."""
    slots = own.call.slots
    floating = [s for s in slots if s.value.is_floating_point() or s.value.is_complex()]
    left = [
        LeftOut(what=slot.name, why="it does not require grad")
        for slot in floating
        if not slot.differentiated
    ]
    values = own.numbers.peek("first_order")
    if values is not None and values.confirmed:
        flat = [name for i, name in enumerate(values.names) if _is_zero(values, i)]
        left += [LeftOut(what=name, why="its gradient is zero at these inputs") for name in flat]
    second = own.numbers.peek("second_order")
    if second is None:
        why = own.numbers.why_not("second_order") or "no selected rule asks for it"
        left.append(LeftOut(what="second order", why=why))
    elif second.status not in ("ok", "constant"):
        left.append(LeftOut(what="second order", why=SECOND[second.status]))
    late = [result.name for result in checks if result.reason == OUT_OF_TIME]
    return (*left, *(LeftOut(what=name, why=OUT_OF_TIME) for name in late))


def _is_zero(values: FirstOrder, place: int) -> bool:
    gradients = [trial.got[place] for trial in values.trials]
    return not any(g is not None and bool(g.any()) for g in gradients)


SECOND = {
    "wrong": "it is wrong",
    "raises": "it raises",
    "no-history": "the first gradient has no graph",
    "unresolved": "finite differences could not resolve it",
    "along": "it is right only within the set that an argument was given in: declare domain=",
}


def stats_of(probe: Probe, unreached: Sequence[tuple[str, int]]) -> Stats:
    """Collect what was measured on the way; nothing is run for it."""
    trace = probe.run.peek("trace_or_error")
    plain = probe.saved_tensors.peek("autograd_baseline")
    first = trace.backwards[0] if trace is not None and trace.backwards else None
    return Stats(
        accuracy=getattr(probe.numbers.peek("first_order"), "accuracy", None),
        saved_bytes=trace.saved_bytes if trace is not None else None,
        input_bytes=sum(slot.value.nbytes for slot in probe.call.slots),
        forward_seconds=trace.forward_seconds if trace is not None else None,
        backward_seconds=first.seconds if first is not None else None,
        autograd_saved_bytes=getattr(plain, "saved_bytes", None),
        autograd_forward_seconds=getattr(plain, "forward_seconds", None),
        autograd_backward_seconds=getattr(plain, "backward_seconds", None),
        unreached_lines=tuple(f"{Path(file).name}:{line}" for file, line in unreached),
        calls=dict(getattr(probe.numbers.peek("judged_evaluator"), "calls", {})),
    )
