"""The worked scenarios: a list, and a page for each with its source."""

from __future__ import annotations

import ast
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "examples"
INTRODUCTION = """\
# Examples

Each is what people ask for, with the attempts that go wrong on the way and what is said of them. All are run by the
tests:

"""


def pages() -> dict[str, str]:
    """Return the pages by their place, in the order of the numbers."""
    made = {"examples/index.md": INTRODUCTION}
    for path in sorted(FOLDER.glob("scenario_*.py"), key=_number):
        source = path.read_text(encoding="utf-8")
        tree = ast.parse(source)
        title, _, text = (ast.get_docstring(tree) or "").partition("\n\n")
        title = title.partition(": ")[2].rstrip(".")
        title = title[0].upper() + title[1:]
        code = "\n".join(source.splitlines()[tree.body[0].end_lineno :]).strip()
        made[f"examples/{path.stem}.md"] = f"# {title}\n\n{text}\n\n```python\n{code}\n```\n"
        made["examples/index.md"] += f"* [{title}]({path.stem}.md)\n"
    return made


def _number(path: Path) -> int:
    return int(path.stem.split("_")[1])
