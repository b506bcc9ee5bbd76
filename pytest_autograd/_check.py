"""The check: selected rules run over the facts of a call, and their evidence becomes a report."""

from __future__ import annotations

import time
import warnings
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.autograd.function import Function

from pytest_autograd._call import Call
from pytest_autograd._errors import CheckError, NotApplicable
from pytest_autograd._judge import EPS
from pytest_autograd._locate import class_place, source_sha256
from pytest_autograd._model import (
    CheckResult,
    Finding,
    FindingEvidence,
    Report,
    Stats,
    Status,
    Verdict,
)
from pytest_autograd._options import Options, make_options
from pytest_autograd._probe import Probe
from pytest_autograd._recorder import Recorder
from pytest_autograd._rng import streams_kept
from pytest_autograd._rule import Evidence, Rule, all_rules
from pytest_autograd._target import make_call

INTERNAL_ERROR = "internal-error"
VALUE_RULES = ("AG101", "AG102", "AG103", "AG104", "AG105", "AG112", "AG113", "AG501")
REFEREES = ("gradcheck", "gradgradcheck")


def check(target: Any, *args: Any, **options: Any) -> Report:
    """Verify the gradients of ``target`` on the call ``target(*args)`` and return a :class:`Report`.

    Args:
        target: a ``torch.autograd.Function`` subclass or its ``apply``, a callable on tensors, an ``nn.Module`` or
            a custom op.
        args: the positional arguments of the call. Tensors with ``requires_grad=True`` are differentiated; if none
            has it, all floating and complex ones are.
        options: see :class:`pytest_autograd._options.Options`.

    Raises:
        CheckError: nothing can be checked; the message names the mend.
    """
    return check_call(make_call(target, args, {}), make_options(**options))


def check_call(call: Call, options: Options) -> Report:
    """Verify one call, and each custom Function that it reaches."""
    start = time.monotonic()
    seed = options.seed if options.seed is not None else default_seed(call)
    deadline = start + options.time_limit
    with streams_kept(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        own = Audit(call, options, seed, deadline)
        audits = [*_inner_audits(own), own] if call.function is None else [own]
        for audit in audits:
            audit.run()
    return _report(audits, own, seed, time.monotonic() - start)


def default_seed(call: Call) -> int:
    """Return a seed from the source and the shapes of the call, so that a report repeats itself."""
    owner = call.function or call.target
    text = f"{call.name} {source_sha256(owner)} {call.describe()}"
    return zlib.crc32(text.encode())


def _inner_audits(own: Audit) -> list[Audit]:
    """Return an audit for each distinct Function call that the callable makes."""
    recorder = Recorder()
    _, arguments = own.call.fresh()
    with recorder.recording(), torch.enable_grad():
        try:
            own.call.run(arguments)
        except Exception as error:  # the callable is the user's code
            raise CheckError(
                f"{own.call.name} raises on the given inputs: {type(error).__name__}: {error}"
            ) from error
    replaced = {} if own.options.contract is None else {
        "ignore": (*own.options.ignore, *VALUE_RULES),
        "reference": None,
        "surrogate": None,
        "grad_transform": None,
        "level": "quick",
    }
    options = own.options.model_copy(update=replaced)
    return [Audit(call, options, own.seed, own.deadline) for call in recorder.calls()]


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
        """Run the referees and every selected rule, then drop findings that another finding explains."""
        for name in REFEREES:
            if not self.options.select:
                self.checks.append(self._referee(name))
        for rule in all_rules().values():
            if self.options.wants(rule.code):
                self.checks.append(self._run_rule(rule))
        self._drop_explained()

    def _referee(self, name: str) -> CheckResult:
        start = time.monotonic()
        status: Status
        try:
            ruling = getattr(self.probe, name)
            status, reason = ruling.status, ruling.reason
        except NotApplicable as why:
            status, reason = "skipped", str(why)
        return CheckResult(name=name, status=status, reason=reason, seconds=time.monotonic() - start)

    def _run_rule(self, rule: Rule) -> CheckResult:
        start = time.monotonic()
        found: list[Evidence] = []
        status: Status = "passed"
        reason, name = None, rule.name
        if start > self.deadline:
            return CheckResult(name=name, code=rule.code, status="skipped", reason="the time limit is used up")
        if rule.level == "full" and self.options.level == "quick":
            return CheckResult(name=name, code=rule.code, status="skipped", reason="runs at level full")
        try:
            found = list(rule.find(self.probe))
        except NotApplicable as why:
            status, reason = "skipped", str(why)
        except CheckError:
            raise
        except Exception as error:  # a crash of a rule is our bug and must be told as one
            status, name = "failed", INTERNAL_ERROR
            reason = f"{rule.name}: {type(error).__name__}: {error}"
        self.findings += [self._finding(rule, evidence) for evidence in found]
        if any((evidence.severity or rule.severity) != "note" for evidence in found):
            status = "failed"
        return CheckResult(name=name, code=rule.code, status=status, reason=reason, seconds=time.monotonic() - start)

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
        """Keep one finding a cause: drop what an error or warning of an explaining rule accounts for."""
        present = {finding.code for finding in self.findings if finding.severity != "note"}
        for code, rule in all_rules().items():
            causes = sorted(present & set(rule.explained_by))
            if code in present and causes:
                self.findings = [finding for finding in self.findings if finding.code != code]
                self.checks = [
                    result.model_copy(update={"status": "skipped", "reason": f"explained by {causes[0]}"})
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
        if values.confirmed or values.reason is None:
            return values.confirmed, None
        return self._confirmed_by_referee(values.reason)

    def _confirmed_by_referee(self, reason: str) -> tuple[bool, str | None]:
        try:
            if self.probe.gradcheck.status == "passed":
                return True, None
        except NotApplicable:
            pass
        return False, reason


def _report(audits: Sequence[Audit], own: Audit, seed: int, seconds: float) -> Report:
    findings = _distinct([finding for audit in audits for finding in audit.findings], own)
    checks = _merged(audits)
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
        stats=_stats(own),
        seconds=seconds,
    )


def _distinct(findings: Sequence[Finding], own: Audit) -> list[Finding]:
    """Order by severity; a callable's own value findings go where a Function inside it explains them."""
    inner = {f.code for f in findings if f.function != own.call.name and f.severity != "note"}
    kept = []
    for finding in findings:
        outer = own.call.function is None and finding.function == own.call.name
        if outer and finding.code.startswith(("AG1", "AG5")) and any(c.startswith(("AG1", "AG2", "AG3", "AG5")) for c in inner):
            continue
        kept.append(finding)
    order = {"error": 0, "warning": 1, "note": 2}
    return sorted(kept, key=lambda finding: (order[finding.severity], finding.code))


def _merged(audits: Sequence[Audit]) -> list[CheckResult]:
    """Return one result per check: the worst over the audited calls, passed over skipped."""
    rank = {"failed": 2, "passed": 1, "skipped": 0}
    merged: dict[tuple[str, str | None], CheckResult] = {}
    for audit in audits:
        for result in audit.checks:
            key = (result.name, result.code)
            known = merged.get(key)
            worse = known is None or rank[result.status] > rank[known.status]
            total = result.seconds if known is None else known.seconds + result.seconds  # type: ignore[operator]
            merged[key] = (result if worse else known).model_copy(update={"seconds": total})  # type: ignore[union-attr]
    return list(merged.values())


def _verdict(own: Audit, findings: Sequence[Finding], checks: Sequence[CheckResult]) -> tuple[Verdict, str]:
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        return "failed", f"{errors[0].code} {errors[0].message}{more}"
    internal = next((result for result in checks if result.name == INTERNAL_ERROR), None)
    if internal is not None:
        return "inconclusive", f"a rule crashed, which is a bug in pytest-autograd: {internal.reason}"
    confirmed, reason = own.confirmed
    if not confirmed:
        return "inconclusive", f"not confirmed: {reason}"
    return "verified", _verified_summary(own)


def _verified_summary(own: Audit) -> str:
    names = [own.call.slots[i].name for i in own.call.wanted]
    values = own.probe.values
    how = {
        "judge": "agrees with finite differences",
        "witness": "agrees with the reference gradient",
        "reference": "agrees with the reference",
        "surrogate": "agrees with the declared surrogate",
        "grad_transform": "agrees with the declared transform of the true gradient",
    }[values.by]
    accuracy = f" to {values.accuracy:.0e}" if values.accuracy is not None and values.accuracy > 10 * EPS else ""
    unchecked = [
        slot.name
        for slot in own.call.slots
        if not slot.wanted and (slot.value.is_floating_point() or slot.value.is_complex())
    ]
    rest = f"; not checked, since they do not require grad: {', '.join(unchecked)}" if unchecked else ""
    kink = "; judged beside the sample, which lies on a kink" if values.kinked else ""
    return f"the gradient of {', '.join(names)} {how}{accuracy}{kink}{rest}"


def _stats(own: Audit) -> Stats:
    """Collect what was measured on the way; nothing is run for it."""
    known = own.probe.known
    trace, values, evaluator = (
        None if isinstance(known.get(name), NotApplicable) else known.get(name)
        for name in ("attempt", "values", "evaluator")
    )
    first = trace.backwards[0] if trace is not None and trace.backwards else None
    return Stats(
        accuracy=getattr(values, "accuracy", None),
        saved_bytes=trace.saved_bytes if trace is not None else None,
        input_bytes=sum(slot.value.nbytes for slot in own.call.slots),
        forward_seconds=trace.forward_seconds if trace is not None else None,
        backward_seconds=first.seconds if first is not None else None,
        calls=dict(getattr(evaluator, "calls", {})),
    )


def is_function(target: Any) -> bool:
    """Whether ``target`` is a custom Function class."""
    return isinstance(target, type) and issubclass(target, Function)
