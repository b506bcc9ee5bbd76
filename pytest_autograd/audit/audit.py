"""Rules over the facts of one call: their evidence becomes findings, one a cause."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pytest_autograd.audit.explained import Explanations
from pytest_autograd.audit.ignores import Ignores
from pytest_autograd.call.call import Call
from pytest_autograd.errors import Aborted, CheckError, NotApplicable
from pytest_autograd.facts.probe import ValueFacts
from pytest_autograd.options import Ignore
from pytest_autograd.places import Place
from pytest_autograd.registry import all_rules
from pytest_autograd.report.model import CheckResult, Finding, FindingEvidence, Ignored, Status
from pytest_autograd.rule import Evidence, Rule

INTERNAL_ERROR = "internal-error"
REFEREES = ("gradcheck", "gradgradcheck")


@dataclass
class Outcome:
    """What the rules found over one call.

    ``despite``: codes that cannot account for a finding, by its place; ``declared``: places of what is on purpose.
    ``ignored``: what was ignored with a reason, and whether that was needed; ``hidden``: the codes that it hides.
    """

    call: Call
    place: Place | None
    findings: list[Finding] = field(default_factory=list)
    checks: list[CheckResult] = field(default_factory=list)
    despite: dict[int, tuple[str, ...]] = field(default_factory=dict)
    declared: set[int] = field(default_factory=set)
    ignored: tuple[Ignored, ...] = ()
    hidden: set[str] = field(default_factory=set)


def run_rules(
    rules: Iterable[Rule],
    probe: ValueFacts,
    *,
    referees: Sequence[str] = (),
    origin: Literal["judge", "worker"] = "worker",
    ignores: Sequence[Ignore] = (),
) -> Outcome:
    """Run the rules that the options want over the facts of ``probe``, then drop findings that others explain.

    ``referees``: facts of ``probe.torch_checks`` whose results become checks of their own. ``ignores``: what is ignored
    with a reason; it explains nothing.
    """
    outcome, watched = Outcome(probe.call, probe.source.of_target), Ignores(ignores)
    for rule in sorted(rules, key=lambda rule: rule.dear):  # what is cheap and telling first
        if probe.options.wants(rule.code) and (probe.options.select or not rule.opt_in):
            _run_rule(rule, probe, outcome, origin, watched)
    outcome.ignored = watched.told(probe.call.name)
    for name in referees if not probe.options.select else ():
        _run_referee(name, probe, outcome)
    _drop_explained(outcome, probe, origin)
    return outcome


def _run_rule(
    rule: Rule,
    probe: ValueFacts,
    outcome: Outcome,
    origin: Literal["judge", "worker"],
    ignores: Ignores,
) -> None:
    loud, ignored, before = False, ignores.of(rule.code), len(outcome.findings)

    def look() -> tuple[Status, str | None]:
        nonlocal loud
        if ignored is not None and not ignored.watched:
            raise NotApplicable(str(ignored))
        if rule.level == "full" and probe.options.level == "quick":
            raise NotApplicable("runs at level full")
        try:
            for evidence in rule.find(probe):
                loud = loud or (evidence.severity or rule.severity) != "note"
                outcome.despite[len(outcome.findings)] = evidence.despite
                if evidence.declared:
                    outcome.declared.add(len(outcome.findings))
                outcome.findings.append(_finding(rule, evidence, outcome, origin))
        except NotApplicable:
            if not loud:
                raise
        return ("failed" if loud else "passed"), None

    result = _checked(rule.name, rule.code, look)
    if ignored is not None and result.name == rule.name:
        found = len(outcome.findings) > before
        ignores.note(rule.code, found, result.status)
        if found:
            _take_back(outcome, before)
            outcome.hidden.add(rule.code)
            result = result.model_copy(update={"status": "skipped", "reason": str(ignored)})
    outcome.checks.append(result)


def _take_back(outcome: Outcome, count: int) -> None:
    """Leave the first findings only."""
    del outcome.findings[count:]
    outcome.declared = {place for place in outcome.declared if place < count}
    outcome.despite = {place: codes for place, codes in outcome.despite.items() if place < count}


def _run_referee(name: str, probe: ValueFacts, outcome: Outcome) -> None:
    def ask() -> tuple[Status, str | None]:
        result = getattr(probe.torch_checks, name)
        asked_on = None if result.inputs is None else f"on {result.inputs}"
        return result.status, result.reason or asked_on

    outcome.checks.append(_checked(name, None, ask))


def _checked(
    name: str, code: str | None, look: Callable[[], tuple[Status, str | None]]
) -> CheckResult:
    """Return the outcome of one check: skipped with the reason where a fact cannot be had."""
    start = time.monotonic()
    try:
        status, reason = look()
    except NotApplicable as why:
        status, reason = "skipped", str(why)
    except (CheckError, Aborted):
        raise
    except Exception as error:  # a crash of ours is a bug and must be told as one
        status, reason = "failed", f"{name}: {type(error).__name__}: {error}"
        name = INTERNAL_ERROR
    seconds = time.monotonic() - start
    return CheckResult(name=name, code=code, status=status, reason=reason, seconds=seconds)


def _finding(
    rule: Rule, evidence: Evidence, outcome: Outcome, origin: Literal["judge", "worker"]
) -> Finding:
    place = evidence.place or outcome.place
    return Finding(
        code=rule.code,
        name=rule.name,
        severity=evidence.severity or rule.severity,
        function=outcome.call.name,
        message=evidence.message,
        evidence=FindingEvidence(
            argument=evidence.argument,
            output=evidence.output,
            index=evidence.index,
            expected=evidence.expected,
            got=evidence.got,
            max_error=evidence.max_error,
        ),
        fix=evidence.fix or rule.fix,
        skill=rule.skill,
        file=place.file if place else None,
        line=place.line if place else None,
        seen_by=evidence.seen_by,
        origin=origin,
    )


def _cause(why: Explanations, place: int, outcome: Outcome) -> str | None:
    """Return the code that accounts for a finding; an experiment of ours that crashes is told, and explains nothing."""
    finding, cause = outcome.findings[place], None

    def look() -> tuple[Status, str | None]:
        nonlocal cause
        cause = why.cause(place)
        return "passed", None

    result = _checked(finding.name, finding.code, look)
    if result.name == INTERNAL_ERROR:
        outcome.checks.append(result)
    return cause


def _drop_explained(
    outcome: Outcome, probe: ValueFacts, origin: Literal["judge", "worker"]
) -> None:
    """Keep one finding a cause."""
    why = Explanations(outcome.findings, outcome.despite, outcome.declared, probe)
    causes = [_cause(why, place, outcome) for place in range(len(outcome.findings))]
    pairs = list(zip(outcome.findings, causes, strict=True))
    told = {finding.code for finding, cause in pairs if cause is None}
    skipped = {
        finding.code: {"status": "skipped", "reason": f"explained by {cause}"}
        for finding, cause in pairs
        if finding.code not in told
    }
    for place, evidence in why.anew.items():
        rule = all_rules()[outcome.findings[place].code]
        outcome.findings[place] = _finding(rule, evidence, outcome, origin)
    repeated = _written_again(outcome.findings)
    outcome.findings = [
        finding
        for place, (finding, cause) in enumerate(zip(outcome.findings, causes, strict=True))
        if cause is None and place not in repeated
    ]
    outcome.checks = [
        result.model_copy(update=skipped.get(result.code or "")) for result in outcome.checks
    ]


def _written_again(findings: Sequence[Finding]) -> set[int]:
    """Return the places of writes of backward into an argument of which a write of forward is told too."""
    by_forward = {f.evidence.argument for f in findings if f.code == "AG303"}
    return {
        place
        for place, f in enumerate(findings)
        if f.code == "AG302" and f.evidence.argument in by_forward - {None}
    }
