"""Full-text search over the skill's sections and the rules, in an SQLite FTS5 index in memory."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from pytest_autograd.registry import all_rules
from pytest_autograd.skill.query import expression
from pytest_autograd.skill.sections import sections, shortened

# What is searched, and how much a hit in it counts.
_WEIGHTS = {"codes": 8.0, "title": 8.0, "also": 4.0, "name": 3.0, "prose": 1.0, "code": 0.2}
_OPEN, _CLOSE = "\x02", "\x03"
_MARKED = re.compile(f"{_OPEN}(.*?){_CLOSE}")


@dataclass(frozen=True)
class SearchResult:
    """One hit: what it is, a summary of two lines at most, and which words matched where."""

    id: str
    kind: Literal["section", "rule"]
    title: str
    summary: str
    why: str


@cache
def _index() -> sqlite3.Connection:
    index = sqlite3.connect(":memory:", check_same_thread=False)
    index.execute(
        "CREATE VIRTUAL TABLE entry USING fts5(id UNINDEXED, kind UNINDEXED, heading UNINDEXED, "
        f"summary UNINDEXED, {', '.join(_WEIGHTS)}, tokenize = 'porter unicode61')"
    )
    marks = ", ".join("?" * (4 + len(_WEIGHTS)))
    index.executemany(f"INSERT INTO entry VALUES ({marks})", _rows())
    return index


def _rows() -> Iterator[tuple[str, ...]]:
    for each in sections().values():
        shown = (each.id, "section", each.title, each.summary)
        codes = " ".join(each.rules)
        yield (*shown, codes, each.title, each.also, each.id, each.prose(), each.code())
    for rule in all_rules().values():
        shown = (rule.code, "rule", rule.title, shortened(rule.why))
        yield (*shown, rule.code, rule.title, "", rule.name, f"{rule.why} {rule.fix}", "")


def _why(columns: tuple[str, ...]) -> str:
    found = {
        name: list(dict.fromkeys(word.lower() for word in _MARKED.findall(text)))
        for name, text in zip(_WEIGHTS, columns, strict=True)
    }
    title = [*found.pop("title"), *found.pop("name"), *found.pop("also")]
    body = [*found.pop("prose"), *found.pop("code")]
    found |= {"title": list(dict.fromkeys(title)), "body": list(dict.fromkeys(body))}
    parts = [f"{name}: {', '.join(words[:6])}" for name, words in found.items() if words]
    return "matched " + "; ".join(parts)


def search(query: str, limit: int = 5) -> list[SearchResult]:
    """Return the sections and rules nearest to a query, best first; it may be a whole traceback."""
    wanted = expression(query)
    if not wanted or limit < 1:
        return []
    marks = [f"highlight(entry, {4 + n}, '{_OPEN}', '{_CLOSE}')" for n in range(len(_WEIGHTS))]
    weights = ", ".join(map(str, _WEIGHTS.values()))
    rows = _index().execute(
        f"SELECT id, kind, heading, summary, {', '.join(marks)} FROM entry WHERE entry MATCH ? "
        f"ORDER BY bm25(entry, 0, 0, 0, 0, {weights}) LIMIT ?",
        (wanted, limit),
    )
    return [
        SearchResult(id, kind, title, summary, _why(tuple(marked)))
        for id, kind, title, summary, *marked in rows
    ]
