"""From what the rules found to the report: findings in order, checks merged, the verdict and its sentence."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from pytest_autograd.audit.audit import INTERNAL_ERROR, RANK, Outcome
from pytest_autograd.derivatives.finite_differences import EPS
from pytest_autograd.errors import NotApplicable
from pytest_autograd.facts.base import OUT_OF_TIME
from pytest_autograd.facts.probe import Probe, ValueFacts
from pytest_autograd.places import source_sha256
from pytest_autograd.report.model import CheckResult, Finding, Report, Stats, Verdict


def make_report(
    outcomes: Sequence[Outcome], own: ValueFacts, seed: int, seconds: float, stats: Stats
) -> Report:
    """Return the report on the call that ``own`` holds the facts of; ``outcomes`` are of all calls audited for it."""
    findings = _distinct([finding for outcome in outcomes for finding in outcome.findings], own)
    checks = _merged(outcomes)
    verdict, summary = _verdict(own, findings, checks)
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
        stats=stats,
        seconds=seconds,
    )


def _distinct(findings: Sequence[Finding], own: ValueFacts) -> list[Finding]:
    """Order by severity; drop what a callable shows only because a Function inside it is at fault."""

    def inside(finding: Finding) -> bool:
        return own.call.function is not None or finding.function != own.call.name

    at_fault = any(inside(finding) and finding.severity == "error" for finding in findings)
    kept = [finding for finding in findings if inside(finding) or not at_fault]
    return sorted(kept, key=lambda finding: (-RANK[finding.severity], finding.code))


def _merged(outcomes: Sequence[Outcome]) -> list[CheckResult]:
    """Return one result per check: the worst over the audited calls, passed over skipped."""
    rank = {"failed": 2, "passed": 1, "skipped": 0}
    merged: dict[tuple[str, str | None], CheckResult] = {}
    for outcome in outcomes:
        for result in outcome.checks:
            key = (result.name, result.code)
            known = merged.get(key)
            if known is None:
                merged[key] = result
                continue
            worst = max(known, result, key=lambda one: rank[one.status])
            seconds = float(known.seconds) + float(result.seconds)
            merged[key] = worst.model_copy(update={"seconds": seconds})
    return list(merged.values())


def _verdict(
    own: ValueFacts, findings: Sequence[Finding], checks: Sequence[CheckResult]
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
    late = sum(result.reason == OUT_OF_TIME for result in checks)
    rest = f"; {late} checks were left out: {OUT_OF_TIME}" if late else ""
    return "verified", _verified_summary(own) + rest


def _verified_summary(own: ValueFacts) -> str:
    names = [own.call.slots[i].name for i in own.call.differentiated]
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
    }[values.by]
    accuracy = (
        f" to {values.accuracy:.0e}"
        if values.accuracy is not None and values.accuracy > 10 * EPS
        else ""
    )
    unchecked = [
        slot.name
        for slot in own.call.slots
        if not slot.differentiated and (slot.value.is_floating_point() or slot.value.is_complex())
    ]
    rest = (
        f"; not checked, since they do not require grad: {', '.join(unchecked)}"
        if unchecked
        else ""
    )
    kink = "; judged beside the sample, which lies on a kink" if values.kinked else ""
    return f"the gradient of {', '.join(names)} {how}{accuracy}{kink}{rest}"


def _confirmed(own: ValueFacts) -> tuple[bool, str | None]:
    """Return whether every differentiated argument's gradient is confirmed, and if not, why."""
    try:
        values = own.numbers.first_order
    except NotApplicable as why:
        return False, str(why)
    if values.confirmed:
        return True, None
    if values.reason is None:
        wrong = [a.name for a in values.arguments if a.status in ("wrong", "missing")]
        return False, f"the gradient of {', '.join(wrong)} is wrong, but no selected rule says so"
    if values.vacuous:
        return False, values.reason
    try:
        return own.torch_checks.gradcheck.status == "passed", values.reason
    except NotApplicable:
        return False, values.reason


def stats_of(probe: Probe) -> Stats:
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
        calls=dict(getattr(probe.numbers.peek("judged_evaluator"), "calls", {})),
    )
