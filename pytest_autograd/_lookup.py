"""A rule by its code or name, as people and agents write them."""

from __future__ import annotations

import difflib

from pytest_autograd._rule import Rule, all_rules


def find_rule(code: str) -> Rule:
    """Return a rule by its code, whatever the case, or its name; others are a ``LookupError`` naming the nearest."""
    rules = all_rules()
    codes = {rule.name: known for known, rule in rules.items()}
    wanted = codes.get(code.strip().lower(), code.strip().upper())
    if wanted not in rules:
        names = difflib.get_close_matches(code.strip().lower(), codes, n=3, cutoff=0.5)
        near = names or difflib.get_close_matches(wanted, rules, n=3, cutoff=0)
        raise LookupError(f"no rule {code!r}; nearest: {', '.join(near)}")
    return rules[wanted]
