"""Which finding another one accounts for.

That a rule is ``EXPLAINED_BY`` a code is a claim about findings that name no two arguments. It is put to the test where
the fault of that code can be undone (:mod:`pytest_autograd.diagnosis.mends`): what is found without it too has a cause
of its own. Where there is no experiment, what is itself explained explains nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from pytest_autograd.diagnosis.mends import MENDS
from pytest_autograd.errors import NotApplicable
from pytest_autograd.facts.probe import Probe, ValueFacts
from pytest_autograd.registry import all_rules
from pytest_autograd.report.model import Finding
from pytest_autograd.rule import Evidence

RANK = {"note": 0, "warning": 1, "error": 2}


class Explanations:
    """Why there are these findings over one call; ``despite`` are codes that cannot account for one, by its place."""

    def __init__(
        self, findings: Sequence[Finding], despite: Mapping[int, Sequence[str]], facts: ValueFacts
    ) -> None:
        self.findings, self.despite, self.facts = findings, despite, facts
        self._causes: dict[int, str | None] = {}
        self._mended: dict[str, list[Probe]] = {}

    def cause(self, place: int) -> str | None:
        """Return the code of the finding that accounts for the one at ``place``."""
        if place not in self._causes:
            finding = self.findings[place]
            found = (
                other.code
                for i, other in enumerate(self.findings)
                if _may_follow(finding, other)
                and other.code not in self.despite.get(place, ())
                and self._accounts(i, finding)
            )
            self._causes[place] = next(found, None)
        return self._causes[place]

    def _accounts(self, place: int, finding: Finding) -> bool:
        """Whether the claim holds: by experiment, or where there is none if nothing explains the other finding."""
        seen = [
            _evidence(finding.code, probe) for probe in self._without(self.findings[place].code)
        ]
        known = [found for found in seen if found is not None]
        if not known:
            return self.cause(place) is None
        return not _is_in_all(finding, known)

    def _without(self, code: str) -> list[Probe]:
        """Return the facts of each call in which the fault of ``code`` is known to be undone."""
        if code not in self._mended:
            probes = _undone(code, self.facts) if isinstance(self.facts, Probe) else ()
            self._mended[code] = [probe for probe in probes if _evidence(code, probe) == []]
        return self._mended[code]


def _undone(code: str, probe: Probe) -> Iterator[Probe]:
    for mend in MENDS.get(code, ()):
        with suppress(NotApplicable):
            yield Probe(replace(probe.subject, call=mend(probe)))


def _may_follow(finding: Finding, other: Finding) -> bool:
    """Whether it is claimed that a finding follows from another, at least as severe."""
    about = {finding.evidence.argument, other.evidence.argument} - {None}
    severe = RANK[other.severity] >= min(RANK[finding.severity], RANK["warning"])
    return other.code in all_rules()[finding.code].explained_by and severe and len(about) < 2


def _evidence(code: str, probe: Probe) -> list[Evidence] | None:
    """Return what a rule sees, None where it cannot look."""
    found: list[Evidence] = []
    try:
        for evidence in all_rules()[code].find(probe):
            found.append(evidence)
    except NotApplicable:
        return found or None
    return found


def _is_in_all(finding: Finding, seen: Sequence[Sequence[Evidence]]) -> bool:
    """Whether a finding was seen again each time, and with the same number in it."""
    found = [[each for each in evidence if _is_like(finding, each)] for evidence in seen]
    return all(found) and len({(each[0].index, repr(each[0].got)) for each in found}) == 1


def _is_like(finding: Finding, evidence: Evidence) -> bool:
    severity = evidence.severity or all_rules()[finding.code].severity
    about = {evidence.argument, finding.evidence.argument} - {None}
    return RANK[severity] >= RANK[finding.severity] and len(about) < 2
