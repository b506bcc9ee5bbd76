"""The short texts that a model reads; the structured content beside them holds everything."""

from __future__ import annotations

from mcp.types import CallToolResult, TextContent
from pydantic import BaseModel

from mcp_server.tools.results import Hits, RuleCard, SkillSection
from pytest_autograd.report.model import Finding, Report

LONGEST = 2_000
_MOST_FINDINGS = 8
_LONGEST_PART = 300


def result(content: BaseModel, text: str) -> CallToolResult:
    """Return a tool's result: all of it as structured content, and a text for the model."""
    return CallToolResult(
        content=[TextContent(type="text", text=text)],
        structured_content=content.model_dump(mode="json"),
    )


def concise(report: Report) -> str:
    """Return the verdict, each finding with its mend, and what to do next, in under 2 KB."""
    head = f"{report.verdict.upper()} {report.target}: {_cut(report.summary)}"
    tail = _next_step(report)
    room = LONGEST - len((head + tail).encode()) - 80
    blocks: list[str] = []
    mended: set[str] = set()
    for finding in report.findings[:_MOST_FINDINGS]:
        block = _finding(finding, mend=finding.fix not in mended)
        mended.add(finding.fix)
        room -= len(block.encode()) + 1
        if room < 0:
            break
        blocks.append(block)
    if hidden := len(report.findings) - len(blocks):
        blocks.append(f"... and {hidden} more (response_format=detailed shows all)")
    return "\n".join([head, *blocks, tail])


def _finding(finding: Finding, mend: bool) -> str:
    place = f" line {finding.line}" if finding.line is not None else ""
    fault = f"{finding.code} {finding.name} ({finding.severity}){place}: {_cut(finding.message)}"
    return f"{fault}\n  fix: {_cut(finding.fix)}\n  read: {finding.skill}" if mend else fault


def _next_step(report: Report) -> str:
    skipped = sum(check.status == "skipped" for check in report.checks)
    facts = f"seed {report.seed}; inputs: {_cut(report.inputs)}"
    if skipped:
        facts += f"; checks skipped: {skipped}"
    if report.verdict == "verified":
        return f"{facts}\nNext: answer, and name the inputs this was verified on."
    if report.verdict == "failed":
        return (
            f"{facts}\nNext: mend the errors and check again; do not answer before it is verified."
        )
    return f"{facts}\nNext: not confirmed; give other inputs (or a contract) and check again."


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return (
        line if len(line) <= _LONGEST_PART else line[: _LONGEST_PART - 4].rsplit(" ", 1)[0] + " ..."
    )


def rule_text(card: RuleCard) -> str:
    """Return a rule as Markdown."""
    return (
        f"# {card.code} {card.name} ({card.severity})\n\n{card.title}\n\n{card.why}\n\n"
        f"**Fix:** {card.fix}\n\n**Read:** {card.skill}\n\n"
        f"## Wrong\n\n```python\n{card.bad.strip()}\n```\n\n"
        f"## Right\n\n```python\n{card.good.strip()}\n```\n"
    )


def hits_text(hits: Hits) -> str:
    """Return search results, one in two lines, with what reads them on."""
    if not hits.results:
        return (
            "nothing found; try other words: a term of autograd, a rule code, or the error message"
        )
    lines = [f"{hit.id} ({hit.kind}): {hit.title}\n  {hit.summary}" for hit in hits.results]
    return "\n".join([*lines, "Next: read_skill(id) for a section, explain_rule(code) for a rule."])


def section_text(section: SkillSection) -> str:
    """Return a section with its rules and neighbours."""
    notes = ""
    if section.rules:
        notes += f"\nRules: {', '.join(section.rules)}"
    if section.related:
        notes += f"\nRelated: {', '.join(section.related)}"
    return section.text.rstrip() + "\n" + notes
