"""Other inputs on which a kernel that takes sizes for granted stays within its memory.

Code behind an address does not know how long a tensor is. One size in place of another is safe only if whatever may be
as long goes along: a call that torch would refuse is run by such a kernel, out of bounds, and the process is lost.
"""

from __future__ import annotations

from pytest_autograd.call.call import Call
from pytest_autograd.call.other_constants import Change
from pytest_autograd.call.variants import Resize

FACTORS = (2, 3, 4)  # halves that are gated, heads, queries beside keys and values


def stays_in_bounds(where: str | Resize | Change, there: Call, given: Call) -> bool:
    """Whether ``there`` keeps all relations that sizes and indices have in the call as ``given``.

    Rows may come and go beside numbers, and beside tensors with an entry for each element of a row.
    """
    if isinstance(where, Resize):
        return not _leaves_a_tied_size(where, given) and _indices_fit(where, given)
    shapes = [(a.value.shape, b.value.shape) for a, b in zip(given.slots, there.slots, strict=True)]
    changes = {(old, new) for old, new in shapes if old != new}
    if not changes:
        return True
    ((old, new), *others) = changes
    kept = [slot.value for slot, (a, b) in zip(given.slots, shapes, strict=True) if a == b]
    return not others and all(
        value.numel() == 1 or old[-1:] == new[-1:] == value.shape for value in kept
    )


def _leaves_a_tied_size(change: Resize, given: Call) -> bool:
    """Whether a size stays that may follow from one that moves: by a factor, or from one moved alone by one more."""
    sizes = {n for slot in given.slots for n in slot.value.shape if n > 1}
    moved = {change.old, change.also[0]} if change.also else {change.old}
    pairs = [sorted((one, other)) for one in moved for other in sizes - moved]
    return any(
        large in {factor * small for factor in FACTORS}
        or (change.also is None and large == small + 1)
        for small, large in pairs
    )


def _indices_fit(change: Resize, given: Call) -> bool:
    """Whether no index that points into axes of the old length may point beyond the new one."""
    return not any(
        change.new <= int(slot.value.max()) < change.old
        for slot in given.slots
        if slot.value.numel() and not slot.value.is_floating_point() and not slot.value.is_complex()
    )
