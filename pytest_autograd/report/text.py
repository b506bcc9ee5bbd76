"""A report as text that reads like a good compiler's message."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pytest_autograd.places import source_line

if TYPE_CHECKING:
    from pytest_autograd.report.model import Finding, Report

SHOWN = 3
SHOWN_LINES = 10


def render_text(report: Report) -> str:
    """Return the whole report: findings first, then what was and was not checked, then the verdict."""
    blocks = [render_finding(finding) for finding in report.findings]
    blocks.append(_checks(report))
    return "\n\n".join(block for block in blocks if block)


def render_short(report: Report) -> str:
    """Return the errors in full, the rest by their codes, and the verdict in one line."""
    errors = [finding for finding in report.findings if finding.severity == "error"]
    blocks = [render_finding(finding) for finding in errors[:SHOWN]]
    rest = [*errors[SHOWN:], *(f for f in report.findings if f.severity != "error")]
    verdict = f"{report.target}: {report.verdict}"
    if not errors:
        verdict += f": {report.summary}"
    lines = [verdict, f"  inputs: {report.inputs}"]
    if rest:
        told = ", ".join(f"{finding.code} {finding.name}" for finding in rest)
        lines.append(f"  also: {told} (-v shows all)")
    return "\n\n".join([*blocks, "\n".join(lines)])


def render_finding(finding: Finding) -> str:
    """Return one finding: fault, place, expected and got, mend, where to read on."""
    lines = [f"{finding.severity}[{finding.code}] {finding.name}: {finding.message}"]
    if finding.file:
        lines.append(f"  --> {_short(finding.file)}:{finding.line} in {finding.function}")
        text = source_line(finding.file, finding.line)
        if text:
            lines.append(f"   | {text}")
    else:
        lines.append(f"  --> {finding.function}")
    measured = _measured(finding)
    if measured:
        lines.append(f"   = {measured}")
    lines += [f"   = fix: {finding.fix}", f"   = read: {finding.skill}"]
    return "\n".join(lines)


def _measured(finding: Finding) -> str:
    seen = finding.evidence
    if seen.expected is None and seen.got is None:
        return ""
    subject = seen.argument or seen.output or "value"
    where = f" at [{', '.join(map(str, seen.index))}]" if seen.index is not None else ""
    parts = (("expected", seen.expected), ("got", seen.got))
    known = [f"{word} {_number(value)}" for word, value in parts if value is not None]
    return f"{subject}{where}: {', '.join(known)}"


def _number(value: object) -> str:
    if isinstance(value, tuple | list):
        return f"{_number(value[0])} + {_number(value[1])}i"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _short(file: str) -> str:
    try:
        return str(Path(file).relative_to(Path.cwd()))
    except ValueError:
        return file


def _checks(report: Report) -> str:
    count = {status: 0 for status in ("passed", "failed", "skipped")}
    for result in report.checks:
        count[result.status] += 1
    lines = [f"{report.target}: {report.verdict}: {report.summary}"]
    lines.append(f"  inputs: {report.inputs}")
    lines.append(
        f"  checks: {count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped "
        f"(level {report.level}, seed {report.seed}, {float(report.seconds):.2f} s)"
    )
    for result in report.checks:
        if result.code is None and result.reason is not None:
            lines.append(f"  {result.name} {result.status}: {result.reason}")
    lines += [f"  {each}" for each in report.ignored if each.needed is False]
    unreached = report.stats.unreached_lines
    if unreached:
        more = f" and {len(unreached) - SHOWN_LINES} more" if len(unreached) > SHOWN_LINES else ""
        lines.append(f"  never ran: {', '.join(unreached[:SHOWN_LINES])}{more}")
    return "\n".join(lines)
