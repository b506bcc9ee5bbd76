"""One finding a cause, over all calls that were audited for one report."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_autograd.audit.audit import Outcome
from pytest_autograd.audit.explained import RANK
from pytest_autograd.facts.probe import ValueFacts
from pytest_autograd.registry import all_rules
from pytest_autograd.report.model import Finding


def distinct(outcomes: Sequence[Outcome], own: ValueFacts) -> list[Finding]:
    """Return the findings of all calls by severity, ``own`` being the facts of the call that the report is on.

    What several calls of one Function show is told once, where it is worst. What a callable shows because of a Function
    inside it is told of that one.
    """
    findings = _once(outcomes)
    if own.call.function is None:
        inner = [finding for finding in findings if finding.function != own.call.name]
        findings = [f for f in findings if f in inner or not _accounted_for(f, inner)]
    return sorted(findings, key=lambda finding: (-RANK[finding.severity], finding.code))


def _accounted_for(finding: Finding, inner: Sequence[Finding]) -> bool:
    """Whether a finding of a callable follows from those of the Functions inside it.

    Any error of theirs may show in the callable as anything; what is less accounts for itself and for what the rule
    names.
    """
    claims = {finding.code, *all_rules()[finding.code].explained_by}
    return any(
        each.severity == "error"
        or (each.code in claims and RANK[each.severity] >= RANK[finding.severity])
        for each in inner
    )


def _once(outcomes: Sequence[Outcome]) -> list[Finding]:
    """Return the findings without those that another call of the same Function shows as well, as bad or worse."""
    worst: dict[tuple[str, str, str | None], tuple[int, int]] = {}
    for place, outcome in enumerate(outcomes):
        for finding in outcome.findings:
            rank = RANK[finding.severity]
            known = worst.setdefault(_subject(finding), (rank, place))
            if rank > known[0]:
                worst[_subject(finding)] = (rank, place)
    return [
        finding
        for place, outcome in enumerate(outcomes)
        for finding in outcome.findings
        if worst[_subject(finding)][1] == place
    ]


def _subject(finding: Finding) -> tuple[str, str, str | None]:
    return finding.function, finding.code, finding.evidence.argument
