"""All selected rules over one call: their evidence becomes findings, one a cause."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from pytest_autograd.call.call import Call
from pytest_autograd.errors import CheckError, NotApplicable
from pytest_autograd.facts.probe import Probe
from pytest_autograd.options import Options
from pytest_autograd.places import class_place
from pytest_autograd.registry import all_rules
from pytest_autograd.report.model import CheckResult, Finding, FindingEvidence, Status
from pytest_autograd.rule import Evidence, Rule

INTERNAL_ERROR = "internal-error"
REFEREES = ("gradcheck", "gradgradcheck")
RANK = {"note": 0, "warning": 1, "error": 2}


@dataclass
class Audit:
    """All selected rules over one call."""

    call: Call
    options: Options
    seed: int
    deadline: float
    findings: list[Finding] = field(default_factory=list)
    checks: list[CheckResult] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.probe = Probe(self.call, self.options, self.seed, self.deadline)
        owner = self.call.function or self.call.target
        self.place = class_place(owner)

    def run(self) -> None:
        """Run every selected rule and the referees, then drop findings that others explain."""
        for rule in all_rules().values():
            if self.options.wants(rule.code):
                self._run_rule(rule)
        for name in REFEREES if not self.options.select else ():
            self._run_referee(name)
        self._drop_explained()

    def _run_rule(self, rule: Rule) -> None:
        loud = False

        def look() -> tuple[Status, str | None]:
            nonlocal loud
            if rule.level == "full" and self.options.level == "quick":
                raise NotApplicable("runs at level full")
            try:
                for evidence in rule.find(self.probe):
                    loud = loud or (evidence.severity or rule.severity) != "note"
                    self.findings.append(self._finding(rule, evidence))
            except NotApplicable:
                if not loud:
                    raise
            return ("failed" if loud else "passed"), None

        self._note(rule.name, rule.code, look)

    def _run_referee(self, name: str) -> None:
        def ask() -> tuple[Status, str | None]:
            ruling = getattr(self.probe, name)
            return ruling.status, ruling.reason

        self._note(name, None, ask)

    def _note(
        self, name: str, code: str | None, look: Callable[[], tuple[Status, str | None]]
    ) -> None:
        """Keep the outcome of one check: skipped with the reason where a fact cannot be had."""
        start = time.monotonic()
        try:
            status, reason = look()
        except NotApplicable as why:
            status, reason = "skipped", str(why)
        except CheckError:
            raise
        except Exception as error:  # a crash of ours is a bug and must be told as one
            status, reason = "failed", f"{name}: {type(error).__name__}: {error}"
            name = INTERNAL_ERROR
        seconds = time.monotonic() - start
        self.checks.append(
            CheckResult(name=name, code=code, status=status, reason=reason, seconds=seconds)
        )

    def _finding(self, rule: Rule, evidence: Evidence) -> Finding:
        place = evidence.place or self.place
        return Finding(
            code=rule.code,
            name=rule.name,
            severity=evidence.severity or rule.severity,
            function=self.call.name,
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
        )

    def _drop_explained(self) -> None:
        """Keep one finding a cause: drop what a finding at least as severe accounts for."""
        causes = {id(f): self._cause(f) for f in self.findings}
        kept = [finding for finding in self.findings if causes[id(finding)] is None]
        told = {finding.code for finding in kept}
        for finding in self.findings:
            if finding.code not in told:
                self._skip(finding.code, f"explained by {causes[id(finding)]}")
        self.findings = kept

    def _cause(self, finding: Finding) -> str | None:
        """Return the code of another finding that accounts for this one."""
        explained_by = all_rules()[finding.code].explained_by
        for other in self.findings:
            about = {finding.evidence.argument, other.evidence.argument} - {None}
            severe = RANK[other.severity] >= min(RANK[finding.severity], RANK["warning"])
            if other.code in explained_by and severe and len(about) < 2:
                return other.code
        return None

    def _skip(self, code: str, reason: str) -> None:
        self.checks = [
            result.model_copy(update={"status": "skipped", "reason": reason})
            if result.code == code
            else result
            for result in self.checks
        ]

    @property
    def confirmed(self) -> tuple[bool, str | None]:
        """Whether every differentiated argument's gradient is confirmed, and if not, why."""
        try:
            values = self.probe.values
        except NotApplicable as why:
            return False, str(why)
        if values.confirmed:
            return True, None
        if values.reason is None:
            wrong = [a.name for a in values.arguments if a.status in ("wrong", "missing")]
            return (
                False,
                f"the gradient of {', '.join(wrong)} is wrong, but no selected rule says so",
            )
        return self._confirmed_by_referee(values.reason)

    def _confirmed_by_referee(self, reason: str) -> tuple[bool, str | None]:
        try:
            if self.probe.gradcheck.status == "passed":
                return True, None
        except NotApplicable:
            pass
        return False, reason
