"""A rule by its code, as people and agents write codes."""

from __future__ import annotations

import difflib

from pytest_autograd._rule import Rule, all_rules


def find_rule(code: str) -> Rule:
    """Return a rule, whatever the case; unknown codes are a ``LookupError`` naming the nearest."""
    rules = all_rules()
    wanted = code.strip().upper()
    if wanted not in rules:
        near = difflib.get_close_matches(wanted, rules, n=3, cutoff=0)
        raise LookupError(f"no rule {code!r}; nearest: {', '.join(near)}")
    return rules[wanted]
