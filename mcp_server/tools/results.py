"""What the tools beside ``check_function`` return, as structured content."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from pytest_autograd.report.model import Severity


class _Result(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RuleCard(_Result):
    """One rule: the fault, why it matters, the fix, where to read on, wrong and right code."""

    code: str
    name: str
    severity: Severity
    title: str
    why: str
    fix: str
    skill: str
    bad: str
    good: str


class Hit(_Result):
    """One search result and why it was found."""

    id: str
    kind: Literal["section", "rule"]
    title: str
    summary: str
    why: str


class Hits(_Result):
    """Search results, best first."""

    results: tuple[Hit, ...]


class SkillSection(_Result):
    """One section of the skill, with the rules that check it and the sections beside it."""

    id: str
    title: str
    text: str
    rules: tuple[str, ...]
    related: tuple[str, ...]
