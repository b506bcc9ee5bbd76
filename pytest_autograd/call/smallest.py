"""The smallest call of the same kind: its sizes shrunk together as long as the code takes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pytest_autograd.call.call import Call
from pytest_autograd.call.declared import placed
from pytest_autograd.call.size_relations import tied_sizes
from pytest_autograd.call.variants import Resize, resized_together, sizes_to_change
from pytest_autograd.errors import NotApplicable

ENOUGH = 32  # elements of the differentiated inputs
SMALL = (2, 3, 4, 6, 8)


def smallest_call(call: Call, takes: Callable[[Resize, Call, Call], bool]) -> Call:
    """Return the call with sizes shrunk, the largest first, until few elements are left.

    ``takes`` says of a change, the call so changed and the one before whether it is of the same kind. A size that may
    be tied to another shrinks with it first.
    """
    small, tried = call, set[int]()
    while _elements(small) > ENOUGH:
        sizes = [n for n in sizes_to_change(small) if n > SMALL[0] and n not in tried]
        if not sizes:
            break
        tried.add(max(sizes))
        made = _shrunk(small, max(sizes))
        small = next((found for change, found in made if takes(change, found, small)), small)
    return small


def _shrunk(call: Call, size: int) -> Iterator[tuple[Resize, Call]]:
    """Yield (change, call) with one size made small, with one that is tied to it or alone."""
    ties = list(tied_sizes(size, sizes_to_change(call)))
    for new in (n for n in SMALL if n < size):
        together = [(other, tie(new)) for other, tie in ties if 0 < tie(new) < other]
        for change in (*(Resize(size, new, also=also) for also in together), Resize(size, new)):
            try:
                yield change, placed(resized_together(call, change), call)
            except NotApplicable:  # a domain has nothing of that shape
                continue


def _elements(call: Call) -> int:
    return sum(call.slots[i].value.numel() for i in call.differentiated)
