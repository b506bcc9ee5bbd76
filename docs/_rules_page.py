"""The page of all rules, generated from them: ``python docs/_rules_page.py [--check]``."""

from __future__ import annotations

import sys
from pathlib import Path

from pytest_autograd.registry import all_rules
from pytest_autograd.rule import Rule

PAGE = Path(__file__).parent.parent / "skill/custom-autograd-functions/rules.md"
HEAD = """\
<!-- Generated from pytest_autograd/rules by `make catalogue`; edit the rules instead. -->
# Rules

`error`: a wrong gradient, a crash, corruption or a leak follows. `warning`: fragile or wasteful. `note`: good to know.
Each rule has an example, `Bad` and `Good`, and a section of the skill that teaches it.

"""
EXAMPLES = "examples"
REFERENCES = "references"


def page() -> str:
    """Return the page as Markdown: an overview table, then one paragraph a rule."""
    rules = list(all_rules().values())
    table = ["| code | name | severity | what |", "|---|---|---|---|"]
    table += [
        f"| [{rule.code}](#{rule.code.lower()}-{rule.name}) | {rule.name} | {rule.severity} | {rule.title} |"
        for rule in rules
    ]
    return HEAD + "\n".join(table) + "\n" + "".join(map(_entry, rules))


def _entry(rule: Rule) -> str:
    file, _, anchor = rule.skill.partition("/")
    explained = f"\n\nNot reported where it follows from {', '.join(rule.explained_by)}."
    return (
        f"\n## {rule.code} {rule.name}\n\n**{rule.title}** {rule.why}\n\n**Fix:** {rule.fix}"
        f"{explained if rule.explained_by else ''}\n\n"
        f"Example: [{rule.stem}.py]({EXAMPLES}/{rule.stem}.py) · "
        f"Read: [{rule.skill}]({REFERENCES}/{file}.md#{anchor})\n"
    )


def main() -> None:
    """Write the page, or with ``--check`` fail if it is stale."""
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(page(), encoding="utf-8")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != page():
        sys.exit(f"{PAGE.name} is stale: run `make catalogue`")


if __name__ == "__main__":
    main()
