"""Sizes that may be tied to each other: by one more or less, by a factor, and from inputs to outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

Relation = Callable[[int], int]
Shape = Sequence[int]

#: How one input size may follow from another: edges and cells, heads and pairs.
TIES: tuple[Relation, ...] = (
    lambda n: n + 1,
    lambda n: n - 1,
    lambda n: 2 * n,
    lambda n: 3 * n,
    lambda n: 4 * n,
)
#: How an output size may follow from an input's.
FOLLOWS: tuple[Relation, ...] = (
    *TIES,
    lambda n: n // 2,
    lambda n: 2 * n + 1,
    lambda n: 2 * n - 1,
    lambda n: n * n,
)


def tied_sizes(size: int, sizes: Sequence[int]) -> Iterator[tuple[int, Relation]]:
    """Yield the other sizes that may follow from ``size``, each with how."""
    for other in sizes:
        if other != size:
            found = next((tie for tie in TIES if tie(size) == other), None)
            if found is not None:
                yield other, found


def outputs_follow(old: int, new: int, given: Sequence[Shape], there: Sequence[Shape]) -> bool:
    """Whether output shapes went along when an input size changed from ``old`` to ``new``.

    An axis of that size becomes the new one; another stays, or follows by a simple relation. A rotation of pairs does
    not at an odd size: it returns what broadcasting made of unequal halves.
    """
    if len(given) != len(there):
        return False
    return all(
        len(a) == len(b) and all(_follows(old, new, p, q) for p, q in zip(a, b, strict=True))
        for a, b in zip(given, there, strict=True)
    )


def _follows(old: int, new: int, length: int, there: int) -> bool:
    if length == old:
        return there == new
    return there == length or any(
        follow(old) == length and follow(new) == there for follow in FOLLOWS
    )
