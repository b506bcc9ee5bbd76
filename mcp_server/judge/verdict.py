"""The verdict: what the judge found decides; what the worker reports of itself can only add to it.

What no judge can exclude, since it sees only answers:

* code that answers rightly only while it is judged: that counts its calls, looks at the clock, at
  its own stack, at dtypes or at sizes, and is wrong in training;
* a worker whose evaluator is patched: answers for forward and backward that belong together but are
  not those of the submitted Function;
* a declaration that is itself wrong: ``surrogate``, ``reference``, ``grad_transform`` and
  ``@once_differentiable`` are the author's word, and are only tested for being kept;
* inputs that the source chose (``example_inputs``) and that show little: the judge moves beside
  them, but not far; describe the inputs in the call to have the judge draw them;
* faults that only the worker can see (ctx, versions, leaks; findings of origin ``worker``): code
  that means to hide them can.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from mcp_server.judge.facts import JudgeFacts
from mcp_server.judge.remote_evaluator import Misbehaved
from pytest_autograd.audit.audit import RANK, Audit
from pytest_autograd.audit.verdict import make_report
from pytest_autograd.registry import all_rules
from pytest_autograd.report.model import CheckResult, Finding, Report, Stats, Verdict
from pytest_autograd.source.load import SUBMITTED

JUDGED = ("AG101", "AG102", "AG103", "AG112", "AG113", "AG501", "AG502")
_LONGEST = 1_000
_MOST_FINDINGS = 100
_MOST_CHECKS = 500
_MEASURED_BY_WORKER = ("saved_bytes", "input_bytes", "forward_seconds", "backward_seconds")


class JudgeAudit(Audit):
    """The value rules over the judge's own facts."""

    def __init__(self, facts: JudgeFacts) -> None:
        self.facts = facts
        super().__init__(facts.call, facts.options, facts.seed, facts.deadline)

    def __post_init__(self) -> None:
        """Take the judge's facts instead of a probe, which would need the code."""
        self.probe = self.facts  # type: ignore[assignment]
        self.place = self.facts.place_of_backward

    def run(self) -> None:
        """Run the rules about values."""
        for code in JUDGED:
            if self.options.wants(code):
                self._run_rule(all_rules()[code])
        self._drop_explained()
        self.findings = [f.model_copy(update={"origin": "judge"}) for f in self.findings]


@dataclass
class Claims:
    """What the worker's own report adds: findings and checks, stamped and cut to size."""

    findings: list[Finding]
    checks: list[CheckResult]
    verdict: Verdict
    summary: str
    stats: Stats


def claims(given: Any, judged: Sequence[Finding]) -> Claims:
    """Read the worker's report; a finding that the judge has made itself is not repeated."""
    try:
        report = Report.model_validate(given)
    except ValidationError as error:
        raise Misbehaved(f"its report: {error.error_count()} errors of form") from error
    own = {(finding.code, finding.evidence.argument) for finding in judged}
    told = [f for f in report.findings if (f.code, f.evidence.argument) not in own]
    return Claims(
        [_stamped(finding) for finding in told[:_MOST_FINDINGS]],
        [_stamped_check(c) for c in report.checks[:_MOST_CHECKS] if c.code not in JUDGED],
        report.verdict,
        report.summary[:_LONGEST],
        report.stats,
    )


def _stamped(finding: Finding) -> Finding:
    """Return a finding of the worker with everything that is ours to say said by us."""
    rule = all_rules().get(finding.code)
    if rule is None:
        raise Misbehaved(f"a finding of the unknown code {finding.code[:40]!r}")
    return finding.model_copy(
        update={
            "name": rule.name,
            "function": finding.function[:_LONGEST],
            "message": finding.message[:_LONGEST],
            "fix": finding.fix[:_LONGEST],
            "skill": rule.skill,
            "file": SUBMITTED if finding.file == SUBMITTED else None,
            "line": finding.line if finding.file == SUBMITTED else None,
            "origin": "worker",
        }
    )


def _stamped_check(check: CheckResult) -> CheckResult:
    reason = None if check.reason is None else check.reason[:_LONGEST]
    return check.model_copy(update={"name": check.name[:80], "reason": reason})


def verdict(audit: JudgeAudit, told: Claims, stamp: Mapping[str, Any], seconds: float) -> Report:
    """Return the report: verified only if the judge confirmed and the worker objects to nothing."""
    report = make_report([audit, told], audit, audit.seed, seconds)  # type: ignore[list-item]
    findings = sorted(
        [*audit.findings, *told.findings], key=lambda f: (-RANK[f.severity], f.code, f.origin)
    )
    measured = {name: getattr(told.stats, name) for name in _MEASURED_BY_WORKER}
    calls = dict(audit.facts.evaluator.calls)
    update: dict[str, Any] = {
        **stamp,
        "findings": tuple(findings),
        "stats": report.stats.model_copy(update={**measured, "calls": calls}),
    }
    if report.verdict == "verified" and told.verdict != "verified":
        update |= {"verdict": "inconclusive", "summary": f"the worker objects: {told.summary}"}
    return report.model_copy(update=update)
