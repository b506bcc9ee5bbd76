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

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from mcp_server.judge.facts import JudgeFacts
from mcp_server.judge.remote_evaluator import Misbehaved
from pytest_autograd.audit.audit import Outcome, run_rules
from pytest_autograd.audit.explained import RANK
from pytest_autograd.audit.verdict import make_report
from pytest_autograd.call.call import Call
from pytest_autograd.registry import all_rules
from pytest_autograd.report.model import CheckResult, Finding, Report, Stats, Verdict
from pytest_autograd.rule import Rule
from pytest_autograd.source.load import SUBMITTED

_LONGEST = 1_000
_MOST_FINDINGS = 100
_MOST_CHECKS = 500
_MEASURED_BY_WORKER = ("saved_bytes", "input_bytes", "forward_seconds", "backward_seconds")
_LINE = re.compile(r"submitted\.py:\d{1,6}")
_MOST_LINES = 100


def judged_rules() -> dict[str, Rule]:
    """Return the rules that the judge decides itself: those about values."""
    return {code: rule for code, rule in all_rules().items() if rule.about == "values"}


def judged(facts: JudgeFacts) -> Outcome:
    """Run the rules about values over the judge's own facts."""
    return run_rules(judged_rules().values(), facts, origin="judge")


@dataclass
class Claims:
    """What the worker's own report adds: findings and checks, stamped and cut to size."""

    outcome: Outcome
    verdict: Verdict
    summary: str
    stats: Stats


def claims(given: Any, judged: Sequence[Finding], call: Call) -> Claims:
    """Read the worker's report; a finding that the judge has made itself is not repeated."""
    try:
        report = Report.model_validate(given)
    except ValidationError as error:
        raise Misbehaved(f"its report: {error.error_count()} errors of form") from error
    own = {(finding.code, finding.evidence.argument) for finding in judged}
    told = [f for f in report.findings if (f.code, f.evidence.argument) not in own]
    ours = judged_rules()
    checks = [_stamped_check(c) for c in report.checks[:_MOST_CHECKS] if c.code not in ours]
    findings = [_stamped(finding) for finding in told[:_MOST_FINDINGS]]
    outcome = Outcome(call, None, findings, checks)
    return Claims(outcome, report.verdict, report.summary[:_LONGEST], report.stats)


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


def verdict(
    facts: JudgeFacts, own: Outcome, told: Claims, stamp: Mapping[str, Any], seconds: float
) -> Report:
    """Return the report: verified only if the judge confirmed and the worker objects to nothing."""
    measured = {name: getattr(told.stats, name) for name in _MEASURED_BY_WORKER}
    accuracy = getattr(facts.numbers.peek("first_order"), "accuracy", None)
    calls = dict(facts.numbers.evaluator.calls)
    lines = tuple(filter(_LINE.fullmatch, told.stats.unreached_lines[:_MOST_LINES]))
    stats = Stats(accuracy=accuracy, calls=calls, unreached_lines=lines, **measured)
    report = make_report([own, told.outcome], facts, facts.subject.seed, seconds, stats)
    findings = sorted(
        [*own.findings, *told.outcome.findings],
        key=lambda f: (-RANK[f.severity], f.code, f.origin),
    )
    update: dict[str, Any] = {**stamp, "findings": tuple(findings)}
    if report.verdict == "verified" and told.verdict != "verified":
        update |= {"verdict": "inconclusive", "summary": f"the worker objects: {told.summary}"}
    return report.model_copy(update=update)
