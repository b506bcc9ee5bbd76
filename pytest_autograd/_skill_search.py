"""Full-text search over the skill's sections and the rules, in an SQLite FTS5 index in memory."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from pytest_autograd._rule import all_rules
from pytest_autograd._skill import sections, shortened

_COLUMNS = ("codes", "title", "body", "words")
_WEIGHTS = "8.0, 6.0, 1.0, 2.0"
_OPEN, _CLOSE = "\x02", "\x03"
_MARKED = re.compile(f"{_OPEN}(.*?){_CLOSE}")
_MOST_TERMS = 48

# Words of readers that the texts do not use, and the words that the texts use instead.
_SYNONYMS = {
    "activation": "elementwise",
    "averaging": "mean",
    "bias": "broadcasting",
    "binarize": "surrogate",
    "bug": "wrong",
    "bypass": "surrogate",
    "cache": "state",
    "cached": "state",
    "checkpointing": "memory",
    "crash": "raises",
    "crashes": "raises",
    "diverges": "wrong",
    "dropout": "stochastic",
    "einsum": "matmul",
    "embedding": "indexing",
    "error": "raises",
    "fail": "wrong",
    "fails": "wrong",
    "gather": "indexing",
    "hessian": "double",
    "hvp": "double",
    "incorrect": "wrong",
    "inplace": "place",
    "jacobian": "vjp",
    "kernel": "numpy",
    "leak": "cycle",
    "linear": "matmul",
    "oom": "memory",
    "penalty": "double",
    "quantization": "surrogate",
    "random": "stochastic",
    "relu": "piecewise",
    "scatter": "indexing",
    "second": "double",
    "slow": "needs",
    "spike": "surrogate",
    "ste": "surrogate",
    "transpose": "matmul",
    "triton": "kernel",
    "twice": "double",
}
_SMALL_WORDS = """
    a an and any are as at be been but by can did do does doing for from get had has have how i if
    in into is it its may me my not of on or our so than that the their them then there this to use
    was we what when where which while who why will with would you your
"""
_STOP = frozenset(re.findall("[a-z]+", _SMALL_WORDS))


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
        "summary UNINDEXED, codes, title, body, words, tokenize = 'porter unicode61')"
    )
    index.executemany(f"INSERT INTO entry VALUES ({', '.join('?' * 8)})", _rows())
    return index


def _rows() -> Iterator[tuple[str, ...]]:
    for each in sections().values():
        codes = " ".join(each.rules)
        yield (each.id, "section", each.title, each.summary, codes, each.title, each.text, each.id)
    for rule in all_rules().values():
        summary, text = shortened(rule.why), f"{rule.why} {rule.fix}"
        yield (rule.code, "rule", rule.title, summary, rule.code, rule.title, text, rule.name)


def _terms(query: str) -> list[str]:
    """Return the words to look for; of a pasted traceback neither punctuation nor small words."""
    words = dict.fromkeys(re.findall(r"[a-z0-9]+", query.lower()))
    telling = [word for word in words if word not in _STOP and len(word) > 1][:_MOST_TERMS]
    also = [_SYNONYMS[word] for word in telling if word in _SYNONYMS]
    return list(dict.fromkeys([*telling, *also]))


def _why(columns: tuple[str, ...]) -> str:
    found = {
        name: list(dict.fromkeys(word.lower() for word in _MARKED.findall(text)))
        for name, text in zip(_COLUMNS, columns, strict=True)
    }
    found["title"] = list(dict.fromkeys([*found["title"], *found.pop("words")]))
    parts = [f"{name}: {', '.join(words[:6])}" for name, words in found.items() if words]
    return "matched " + "; ".join(parts)


def search(query: str, limit: int = 5) -> list[SearchResult]:
    """Return the sections and rules nearest to a query, best first; it may be a whole traceback."""
    terms = _terms(query)
    if not terms or limit < 1:
        return []
    marks = [f"highlight(entry, {4 + n}, '{_OPEN}', '{_CLOSE}')" for n in range(len(_COLUMNS))]
    rows = _index().execute(
        f"SELECT id, kind, heading, summary, {', '.join(marks)} FROM entry WHERE entry MATCH ? "
        f"ORDER BY bm25(entry, 0, 0, 0, 0, {_WEIGHTS}) LIMIT ?",
        (" OR ".join(f'"{term}"' for term in terms), limit),
    )
    return [
        SearchResult(id, kind, title, summary, _why(tuple(marked)))
        for id, kind, title, summary, *marked in rows
    ]
