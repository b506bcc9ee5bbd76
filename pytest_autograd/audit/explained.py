"""Which finding another one accounts for.

That a rule is ``EXPLAINED_BY`` a code is a claim about findings that name no two arguments. It is put to the test where
the fault of that code can be undone (:mod:`pytest_autograd.diagnosis.mends`): what is found without it too has a cause
of its own, and is told as it is seen there. Where there is no experiment, what is itself explained explains nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
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
    """Why there are these findings over one call; ``despite`` are codes that cannot account for one, by its place.

    ``declared``: places of what is on purpose, which may account for what is worse than a note.
    ``anew``: by its place, what a finding is once others are undone, where that is about another argument.
    """

    def __init__(
        self,
        findings: Sequence[Finding],
        despite: Mapping[int, Sequence[str]],
        declared: Collection[int],
        facts: ValueFacts,
    ) -> None:
        self.findings, self.despite, self.declared = findings, despite, declared
        self.facts = facts
        self.anew: dict[int, Evidence] = {}
        self._causes: dict[int, str | None] = {}
        self._mended: dict[tuple[str, ...], list[Probe]] = {}

    def cause(self, place: int) -> str | None:
        """Return the code of the finding that accounts for the one at ``place``."""
        if place not in self._causes:
            others = [i for i in range(len(self.findings)) if self._is_claimed(place, i)]
            found = (self.findings[i].code for i in others if self._accounts(i, place))
            self._causes[place] = next(found, None) or self._all_together(others, place)
        if self._causes[place] is not None:
            self.anew.pop(place, None)
        return self._causes[place]

    def _is_claimed(self, place: int, by: int) -> bool:
        """Whether it is claimed that a finding follows from another, at least as severe or declared."""
        finding, other = self.findings[place], self.findings[by]
        about = {finding.evidence.argument, other.evidence.argument} - {None}
        enough = min(RANK[finding.severity], RANK["warning"])
        severe = RANK[other.severity] >= enough or by in self.declared
        claims = set(all_rules()[finding.code].explained_by) - set(self.despite.get(place, ()))
        return other.code in claims and severe and len(about) < 2

    def _accounts(self, by: int, place: int) -> bool:
        """Whether the claim holds: by experiment, or where there is none if nothing explains the other finding.

        What explains the other one, and can be undone, may account for both.
        """
        still = self._is_found_without((self.findings[by].code,), place)
        if still is not None:
            return not still
        root = self.cause(by)
        return root is None or self._is_found_without((root,), place) is False

    def _all_together(self, others: Sequence[int], place: int) -> str | None:
        """Return the first of several codes that together account for a finding."""
        codes = dict.fromkeys(self.findings[i].code for i in others)
        tried = tuple(code for code in codes if code in MENDS)
        if len(tried) < 2 or self._is_found_without(tried, place) is not False:
            return None
        return next(iter(tried))

    def _is_found_without(self, codes: tuple[str, ...], place: int) -> bool | None:
        """Whether a finding is there too where these faults are undone, None where that cannot be seen."""
        finding = self.findings[place]
        seen = [_evidence(finding.code, probe) for probe in self._without(codes)]
        known = [self._like(place, found) for found in seen if found is not None]
        if not known:
            return None
        if not all(known) or len({(each[0].index, repr(each[0].got)) for each in known}) > 1:
            return False
        if known[0][0].argument != finding.evidence.argument:
            self.anew[place] = known[0][0]
        return True

    def _like(self, place: int, found: Sequence[Evidence]) -> list[Evidence]:
        """Return the evidence of a finding, or of one that it hid, as of a first difference among several."""
        finding = self.findings[place]
        told = {f.evidence.argument for f in self.findings if f.code == finding.code}
        rule = all_rules()[finding.code]
        severe = [
            each for each in found if RANK[each.severity or rule.severity] >= RANK[finding.severity]
        ]
        same = [each for each in severe if each.argument == finding.evidence.argument]
        hidden = [each for each in severe if each.argument not in told or None in told]
        return same or ([] if rule.about == "values" else hidden)  # those tell each argument

    def _without(self, codes: tuple[str, ...]) -> list[Probe]:
        """Return the facts of each call in which the faults of ``codes`` are known to be undone."""
        if codes not in self._mended:
            probes = _undone(codes, self.facts) if isinstance(self.facts, Probe) else ()
            self._mended[codes] = [
                probe for probe in probes if all(_evidence(code, probe) == [] for code in codes)
            ]
        return self._mended[codes]


def _undone(codes: Sequence[str], probe: Probe) -> Iterator[Probe]:
    """Yield the facts of the call without the faults of ``codes``, for all ways to undo them."""
    if not codes:
        yield probe
        return
    eager = probe.options.model_copy(update={"compile": False})  # a mend is not for compilers
    for mend in MENDS.get(codes[0], ()):
        with suppress(NotApplicable):
            mended = Probe(replace(probe.subject, call=mend(probe), options=eager))
            yield from _undone(codes[1:], mended)


def _evidence(code: str, probe: Probe) -> list[Evidence] | None:
    """Return what a rule sees, None where it cannot look."""
    found: list[Evidence] = []
    try:
        for evidence in all_rules()[code].find(probe):
            found.append(evidence)
    except NotApplicable:
        return found or None
    return found
