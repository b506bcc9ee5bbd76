"""The skill as data: its folder, its sections by id, and the worked example of a rule. No torch."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path

NAME = "custom-autograd-functions"
_HEADING = re.compile(r"## (.+)")
_RULES = re.compile(r"^Checked by (AG\d{3}(?:, AG\d{3})*)\.$", re.MULTILINE)
_RELATED = re.compile(r"^Related: (\S+(?:, \S+)*)\.$", re.MULTILINE)
_ALSO = re.compile(r"^<!-- Also:\s(.*?)\s-->$", re.MULTILINE | re.DOTALL)
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_SUMMARY_LENGTH = 200


@dataclass(frozen=True)
class Section:
    """One ``##`` section of a reference file; it stands alone. ``text`` starts with its heading.

    ``also`` are the words that readers use and the messages of torch that lead here; in the file
    they are a comment at the end of the section.
    """

    id: str
    title: str
    text: str
    rules: tuple[str, ...]
    related: tuple[str, ...]
    summary: str
    also: str
    line: int

    def prose(self) -> str:
        """Return the text without its fenced blocks."""
        return _FENCED.sub("", self.text)

    def code(self) -> str:
        """Return the fenced blocks alone."""
        return "\n".join(_FENCED.findall(self.text))


def skill_folder() -> Path:
    """Return the skill's folder: inside the installed package, else beside it in the repository."""
    package = Path(__file__).parent.parent
    for folder in (package / "_skill_files", package.parent / "skill"):
        if (folder / NAME / "SKILL.md").is_file():
            return folder / NAME
    raise FileNotFoundError(f"the skill {NAME} is neither in {package} nor beside it; reinstall")


def slug(heading: str) -> str:
    """Return a heading as the last part of an id: ``"Saving once"`` gives ``saving-once``."""
    return "-".join(re.findall(r"[a-z0-9]+", heading.lower()))


def shortened(text: str) -> str:
    """Return a text of two lines at most, cut at a word."""
    if len(text) <= _SUMMARY_LENGTH:
        return text
    return text[:_SUMMARY_LENGTH].rsplit(" ", 1)[0] + " ..."


def _names(pattern: re.Pattern[str], text: str) -> tuple[str, ...]:
    return tuple(name for found in pattern.findall(text) for name in found.split(", "))


def _summary(text: str) -> str:
    """Return the first paragraph after the heading."""
    prose = _FENCED.sub("", text).split("\n", 1)[1]
    first = next((part for part in prose.split("\n\n") if part.strip()), "")
    return shortened(" ".join(first.split()))


def _parts(lines: list[str]) -> Iterator[tuple[int, int]]:
    """Yield start and end of each section; a ``##`` inside a code fence is no heading."""
    starts: list[int] = []
    fenced = False
    for number, line in enumerate(lines):
        fenced ^= line.startswith("```")
        if not fenced and _HEADING.fullmatch(line):
            starts.append(number)
    yield from zip(starts, [*starts[1:], len(lines)], strict=True)


def _read(path: Path) -> Iterator[Section]:
    lines = path.read_text(encoding="utf-8").splitlines()
    for start, end in _parts(lines):
        title = lines[start].removeprefix("## ").strip()
        whole = "\n".join(lines[start:end])
        text = _ALSO.sub("", whole).strip() + "\n"
        yield Section(
            id=f"{path.stem}/{slug(title)}",
            title=title,
            text=text,
            rules=_names(_RULES, text),
            related=_names(_RELATED, text),
            summary=_summary(text),
            also=" ".join(" ".join(_ALSO.findall(whole)).split()),
            line=start + 1,
        )


@cache
def sections() -> dict[str, Section]:
    """Return every section of the references by its id."""
    found: dict[str, Section] = {}
    for path in sorted((skill_folder() / "references").glob("*.md")):
        for section in _read(path):
            if section.id in found:
                raise ValueError(f"two sections are called {section.id}")
            found[section.id] = section
    return found


def read_section(id: str) -> Section:
    """Return a section; an unknown id raises a ``LookupError`` that names the nearest ones."""
    wanted = id.strip().lower()
    found = sections().get(wanted)
    if found is None:
        raise LookupError(f"no section {id!r} in the skill; nearest: {', '.join(nearest(wanted))}")
    return found


def nearest(id: str, limit: int = 3) -> list[str]:
    """Return the ids most like an unknown one, compared whole and by the part after the slash."""

    def likeness(known: str) -> float:
        tail, wanted_tail = known.partition("/")[2], id.rpartition("/")[2]
        whole = SequenceMatcher(None, id, known).ratio()
        return max(whole, SequenceMatcher(None, wanted_tail, tail).ratio())

    return sorted(sections(), key=lambda known: (-likeness(known), known))[:limit]


def rule_example(code: str) -> tuple[str, str]:
    """Return the sources of ``Bad`` and ``Good`` in the worked example of a rule, unexecuted."""
    found = sorted((skill_folder() / "examples").glob(f"{code.lower()}_*.py"))
    if len(found) != 1:
        raise LookupError(f"{code}: {len(found)} examples in the skill, expected one")
    lines = found[0].read_text(encoding="utf-8").splitlines()
    starts = {
        node.name: min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]) - 1
        for node in ast.parse("\n".join(lines)).body
        if isinstance(node, ast.ClassDef | ast.FunctionDef)
    }
    bounds = sorted([*starts.values(), len(lines)])

    def source(name: str) -> str:
        """Return everything from ``name`` to the next definition, registrations of an op included."""
        end = bounds[bounds.index(starts[name]) + 1]
        return "\n".join(lines[starts[name] : end]).rstrip() + "\n"

    return source("Bad"), source("Good")
