"""The catalogue of the rules: an overview, and a page for each family."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_autograd.registry import all_rules
from pytest_autograd.rule import Rule
from pytest_autograd.skill.sections import rule_example

FAMILIES = {
    "AG0": "Arguments, outputs and crashes",
    "AG1": "Values",
    "AG2": "ctx and state",
    "AG3": "In-place edits and shared memory",
    "AG4": "What backward returns, layouts and sizes",
    "AG5": "Second order and forward mode",
    "AG6": "Transforms and environments",
    "AG7": "Cost",
    "AG8": "Leaving the graph",
}
INTRODUCTION = """\
# Rules

`error`: a wrong gradient, a crash, corruption or a leak follows. `warning`: fragile or wasteful. `note`: good to know.
Each example is executed by the tests: the wrong one gives exactly its code, the right one is verified.
Rules can be selected and ignored by code or prefix: `ignore=["AG7"]`; see [options](../options.md).

"""


def pages() -> dict[str, str]:
    """Return the pages by their place: every rule once, in the page of its family."""
    families: dict[str, list[Rule]] = {}
    for rule in all_rules().values():
        families.setdefault(rule.code[:3], []).append(rule)
    made = {"rules/index.md": INTRODUCTION + "".join(_table(*pair) for pair in families.items())}
    for family, rules in families.items():
        made[_uri(family)] = f"# {_title(family)}\n" + "".join(map(_entry, rules))
    return made


def _uri(family: str) -> str:
    return f"rules/{family.lower()}.md"


def _title(family: str) -> str:
    return f"{family}: {FAMILIES[family]}"


def place(rule: Rule) -> str:
    """Return where on the site a rule is explained."""
    return f"{_uri(rule.code[:3])}#{rule.code.lower()}-{rule.name}"


def _table(family: str, rules: Sequence[Rule]) -> str:
    lines = [f"## {_title(family)}\n", "| code | name | severity | what |", "|---|---|---|---|"]
    lines += [
        f"| [{rule.code}]({place(rule).removeprefix('rules/')}) | {rule.name} | {rule.severity} | {rule.title} |"
        for rule in rules
    ]
    return "\n".join(lines) + "\n\n"


def _entry(rule: Rule) -> str:
    bad, good = rule_example(rule.code)
    notes = []
    if rule.level == "full":
        notes.append('Runs at `level="full"` only.')
    if rule.explained_by:
        notes.append(f"Not reported where it follows from {', '.join(rule.explained_by)}.")
    return "\n\n".join(
        [
            f"\n## {rule.code} {rule.name}",
            f"`{rule.severity}` **{rule.title}** {rule.why}",
            f"**Fix:** {rule.fix} Read: `{rule.skill}`.",
            *notes,
            _block(f"wrong={rule.code}", bad),
            _block("verified", good) + "\n",
        ]
    )


def _block(claim: str, source: str) -> str:
    return f"```python {claim}\n{source.rstrip()}\n```"
