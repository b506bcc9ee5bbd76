"""All rules, discovered by scanning the folder ``rules``; one of them by its code or name."""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
import re
from functools import cache
from types import ModuleType

from pytest_autograd.rule import Rule

STEM = re.compile(r"ag(\d{3})_([a-z0-9_]+)")


def _rule_of(module: ModuleType) -> Rule:
    match = STEM.fullmatch(module.__name__.rpartition(".")[2])
    if match is None:
        raise RuntimeError(f"{module.__name__}: a rule module is named agNNN_slug")
    title, _, why = inspect.cleandoc(module.__doc__ or "").partition("\n\n")
    return Rule(
        code=f"AG{match[1]}",
        name=match[2].replace("_", "-"),
        severity=module.SEVERITY,
        title=title,
        why=" ".join(why.split()),
        fix=module.FIX,
        skill=module.SKILL,
        find=module.find,
        level=getattr(module, "LEVEL", "quick"),
        explained_by=getattr(module, "EXPLAINED_BY", ()),
        about=getattr(module, "ABOUT", "use"),
        dear=getattr(module, "DEAR", False),
        opt_in=getattr(module, "OPT_IN", False),
    )


@cache
def all_rules() -> dict[str, Rule]:
    """Return every rule by code, in the order of the codes."""
    from pytest_autograd import rules as package

    found: dict[str, Rule] = {}
    for entry in sorted(pkgutil.iter_modules(package.__path__), key=lambda module: module.name):
        rule = _rule_of(importlib.import_module(f"{package.__name__}.{entry.name}"))
        if rule.code in found:
            raise RuntimeError(f"{rule.code} is defined twice")
        found[rule.code] = rule
    return found


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
