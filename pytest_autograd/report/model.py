"""The nouns of a report: findings, checks, statistics and the verdict. Plain values, no torch, no pytest."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from pytest_autograd.errors import GradientCheckFailed

Severity = Literal["error", "warning", "note"]
Verdict = Literal["verified", "failed", "inconclusive"]
Status = Literal["passed", "failed", "skipped"]


def plain_number(value: Any) -> Any:
    """Return ``value`` in a form that survives JSON: NaN and infinities as words, complex as ``[re, im]``."""
    if isinstance(value, complex):
        return [plain_number(value.real), plain_number(value.imag)]
    if not isinstance(value, float) or math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


Real = Annotated[
    float | Literal["NaN", "Infinity", "-Infinity"],
    BeforeValidator(plain_number),
]
Number = Annotated[Real | tuple[Real, Real], BeforeValidator(plain_number)]


class _Plain(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FindingEvidence(_Plain):
    """What was measured: which argument and output, at which element, what was expected and what came."""

    argument: str | None = None
    output: str | None = None
    index: tuple[int, ...] | None = None
    expected: Number | None = None
    got: Number | None = None
    max_error: Real | None = None


class Finding(_Plain):
    """One fault: what, where, why it matters and how to mend it."""

    code: str
    name: str
    severity: Severity
    function: str
    message: str
    evidence: FindingEvidence = FindingEvidence()
    fix: str
    skill: str
    file: str | None = None
    line: int | None = None
    column: int | None = None
    seen_by: Literal["running", "source", "both"] = "running"
    origin: Literal["judge", "worker"] = "worker"


class CheckResult(_Plain):
    """The outcome of one rule or referee; a check that could not be made is ``skipped`` with its reason."""

    name: str
    code: str | None = None
    status: Status
    reason: str | None = None
    seconds: Real = 0.0


class Stats(_Plain):
    """What the check measured beside right and wrong.

    ``accuracy``: relative agreement that could be confirmed between the gradient and its truth.
    ``saved_bytes``, ``input_bytes``: bytes kept for backward, and bytes of the tensor arguments.
    ``forward_seconds``, ``backward_seconds``: one call of each, as observed.
    ``autograd_...``: the same for autograd through the raw forward, where it runs.
    ``calls``: how often the checked code was run, by kind.
    ``unreached_lines``: lines of the author's methods that never ran, as ``file.py:12``.
    """

    accuracy: Real | None = None
    saved_bytes: int | None = None
    autograd_saved_bytes: int | None = None
    input_bytes: int | None = None
    forward_seconds: Real | None = None
    backward_seconds: Real | None = None
    autograd_forward_seconds: Real | None = None
    autograd_backward_seconds: Real | None = None
    calls: dict[str, int] = Field(default_factory=dict)
    unreached_lines: tuple[str, ...] = ()


class Judged(_Plain):
    """What was compared in one dtype on one device: which orders of derivatives, how many elements, how exactly."""

    dtype: str
    device: str
    orders: tuple[int, ...]
    elements: int
    accuracy: Real | None = None


class LeftOut(_Plain):
    """What a report does not speak of, and why."""

    what: str
    why: str


class Ignored(_Plain):
    """A code or prefix that is ignored by a declaration at ``where``.

    ``needed``: whether anything was found that it hides; None where not all of it was looked for.
    """

    function: str
    code: str
    reason: str | None
    where: str
    needed: bool | None

    def __str__(self) -> str:
        return f"{self.where}: ignoring {self.code} is not needed any more: nothing was found"


class Isolation(_Plain):
    """Which limits held while submitted code ran, and which could not be had."""

    enforced: tuple[str, ...] = ()
    not_enforced: tuple[str, ...] = ()


class Report(_Plain):
    """The outcome of :func:`pytest_autograd.check`. It is also the JSON format and the MCP output schema."""

    target: str
    source_sha256: str | None = None
    torch_version: str
    level: Literal["quick", "full"]
    seed: int
    inputs: str
    verdict: Verdict
    summary: str
    findings: tuple[Finding, ...] = ()
    checks: tuple[CheckResult, ...] = ()
    judged: tuple[Judged, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    stats: Stats = Stats()
    isolation: Isolation | None = None
    seconds: Real = 0.0

    @property
    def ok(self) -> bool:
        """Whether every differentiated input's gradient was confirmed and no error was found."""
        return self.verdict == "verified"

    @property
    def codes(self) -> set[str]:
        """Codes of the errors and warnings."""
        return {finding.code for finding in self.findings if finding.severity != "note"}

    @property
    def all_codes(self) -> set[str]:
        """Codes of all findings, notes too."""
        return {finding.code for finding in self.findings}

    def raise_if_failed(self) -> None:
        """Raise :class:`GradientCheckFailed` (an ``AssertionError``) if the verdict is ``failed``."""
        __tracebackhide__ = True
        if self.verdict == "failed":
            raise GradientCheckFailed(str(self))

    def __str__(self) -> str:
        from pytest_autograd.report.text import render_text

        return render_text(self)
