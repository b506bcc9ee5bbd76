"""From what a reader types or pastes to an expression of SQLite's full-text index."""

from __future__ import annotations

import itertools
import re

# Words of readers that the texts do not use, and the words that the texts use instead.
SYNONYMS = {
    "binarize": "binarise",
    "crash": "raises",
    "crashes": "raises",
    "derivative": "gradient",
    "diverges": "wrong",
    "einsum": "matmul",
    "hvp": "hessian",
    "incorrect": "wrong",
    "inplace": "place",
    "normalization": "normalisation",
    "quantization": "quantisation",
    "quantize": "quantise",
    "quantizer": "quantiser",
    "twice": "second",
}
_SMALL_WORDS = """
    a about all already also am an and any are as at be been before being but by can cannot could did
    do does doing done each few for from get gets give gives goes good got had has have having how i
    if in into is it its just let like long make makes me more most much must my no not now of
    on one only or other our out over own really same should so some still such than that the their
    them then there these they this those to too until up us use used uses using very want was we
    were what when where whether which while who whole whose why will with work works would you your
"""
_STOP = frozenset(re.findall("[a-z]+", _SMALL_WORDS))
_FRAME = re.compile(r'^\s*File ".*", line \d+.*$', re.MULTILINE)
_PYTEST = re.compile(r"^E {2,}(.*)$", re.MULTILINE)
_WORD = re.compile(r"[a-z0-9_]*[a-z][a-z0-9_]*")
_MOST_WORDS = 48


def message_of(query: str) -> str:
    """Return the message of a pasted traceback or pytest failure; any other query as it is."""
    if lines := _PYTEST.findall(query):
        return "\n".join(lines)
    frames = list(_FRAME.finditer(query))
    if not frames:
        return query
    below = query[frames[-1].end() :].splitlines()
    start = next((n for n, line in enumerate(below) if line[:1].strip()), 0)
    return "\n".join(below[start:])


def expression(query: str) -> str:
    """Return words and neighbouring pairs, any of which may match; empty if nothing is telling."""
    words = _WORD.findall(message_of(query).lower())[: 4 * _MOST_WORDS]
    spread = [part for word in words for part in word.split("_") if part]
    telling = [word for word in dict.fromkeys(spread) if word not in _STOP and len(word) > 1]
    telling = telling[:_MOST_WORDS]
    also = [SYNONYMS[word] for word in telling if word in SYNONYMS]
    pairs = [
        f"{first} {second}"
        for first, second in itertools.pairwise(spread)
        if first in telling or second in telling
    ][:_MOST_WORDS]
    names = [word.replace("_", " ").strip() for word in words if "_" in word.strip("_")]
    return " OR ".join(f'"{term}"' for term in dict.fromkeys([*telling, *also, *pairs, *names]))
