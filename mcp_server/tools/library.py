"""Rules and skill sections by code and id; the unknown is answered with the nearest known."""

from __future__ import annotations

from mcp_server.tools.results import Hit, Hits, RuleCard, SkillSection
from pytest_autograd.registry import find_rule
from pytest_autograd.skill import sections
from pytest_autograd.skill.search import search as nearest

MOST_RESULTS = 20


def rule_card(code: str) -> RuleCard:
    """Return a rule with its examples; an unknown code is a ``LookupError`` naming the nearest."""
    rule = find_rule(code)
    bad, good = sections.rule_example(rule.code)
    return RuleCard(
        code=rule.code,
        name=rule.name,
        severity=rule.severity,
        title=rule.title,
        why=rule.why,
        fix=rule.fix,
        skill=rule.skill,
        bad=bad,
        good=good,
    )


def search(query: str, limit: int) -> Hits:
    """Return what the skill and the rules say nearest to a query, best first."""
    found = nearest(query, min(max(limit, 1), MOST_RESULTS))
    return Hits(
        results=tuple(
            Hit(id=hit.id, kind=hit.kind, title=hit.title, summary=hit.summary, why=hit.why)
            for hit in found
        )
    )


def section(id: str) -> SkillSection:
    """Return a section by its id; an unknown one raises a ``LookupError`` naming the nearest."""
    found = sections.read_section(id)
    return SkillSection(
        id=found.id, title=found.title, text=found.text, rules=found.rules, related=found.related
    )
