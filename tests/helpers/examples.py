"""The example of each rule: how its Bad and its Good are checked, and the codes due to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from loading import ROOT, load

from pytest_autograd.registry import all_rules
from pytest_autograd.rule import Rule

EXAMPLES = sorted((ROOT / "skill/custom-autograd-functions/examples").glob("ag*.py"))


def rule_of(path: Path) -> Rule:
    return all_rules()[path.stem[:5].upper()]


def options_of(path: Path, entry: str) -> dict[str, Any]:
    """Return the options that the example asks for, ``entry`` being ``Bad`` or ``Good``."""
    example = load(path)
    own = getattr(example, f"{entry.lower()}_options", {})
    return {**getattr(example, "options", {}), **own}


def codes_of(path: Path, entry: str) -> set[str]:
    """Return the codes above a note that are due to an entry: those of the rule, and none for ``Good``."""
    if entry == "Good":
        return set()
    rule = rule_of(path)
    loud = set() if rule.severity == "note" else {rule.code}
    return loud | set(getattr(load(path), "also", ()))
