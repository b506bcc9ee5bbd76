"""What was found at inputs that nobody gave, and which of it is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pytest_autograd.call.other_constants import Change
from pytest_autograd.call.variants import Resize
from pytest_autograd.derivatives.verdicts import ArgumentVerdict, FirstOrder
from pytest_autograd.errors import TargetRaised

TIED = "it seems tied to another size"


@dataclass(frozen=True)
class WrongAtOtherInput:
    """A gradient that is right at the given inputs and wrong at others, or a backward that raises there.

    ``doubt``: why callers may never pass such inputs, so that it is no proof of a fault.
    """

    where: str | Resize | Change
    what: tuple[FirstOrder, ArgumentVerdict] | TargetRaised
    doubt: str | None = None


def _made_up(where: str | Resize | Change) -> bool:
    return isinstance(where, Change) and where.made_up


def told_of(
    wrongs: Sequence[WrongAtOtherInput],
    cleared: set[str],
    together: set[int],
    believed: Callable[[Sequence[WrongAtOtherInput]], bool],
) -> list[WrongAtOtherInput]:
    """Return the first place where each argument is wrong, one beyond doubt before others.

    Guesses that raise, or that another one clears, are none. Sizes are tied only if ``together`` with another they were
    changed and right.
    """
    wrongs = [_if_tied(wrong, together) for wrong in wrongs]
    found: dict[str, WrongAtOtherInput] = {}
    raised: list[WrongAtOtherInput] = []
    for wrong in wrongs:
        if isinstance(wrong.where, Change) and wrong.where.name in cleared and wrong.where.made_up:
            continue
        if not isinstance(wrong.what, TargetRaised):
            name = wrong.what[1].name
            if name not in found or (found[name].doubt and not wrong.doubt):
                found[name] = wrong
        elif not _made_up(wrong.where):
            raised.append(wrong)
    for name, wrong in found.items():
        if isinstance(wrong.where, Resize) and wrong.doubt is None and _only_odd(name, wrongs):
            found[name] = replace(wrong, doubt="only where an even size is made odd")
    return [*found.values(), *(raised[:1] if raised and believed(raised) else ())]


def _if_tied(wrong: WrongAtOtherInput, together: set[int]) -> WrongAtOtherInput:
    tied = isinstance(wrong.where, Resize) and wrong.where.old in together
    return wrong if tied or wrong.doubt != TIED else replace(wrong, doubt=None)


def _only_odd(argument: str, wrongs: Sequence[WrongAtOtherInput]) -> bool:
    """Whether an argument is wrong beyond doubt only at sizes that are odd in place of an even one."""
    places = [
        wrong.where
        for wrong in wrongs
        if isinstance(wrong.what, tuple) and wrong.what[1].name == argument and not wrong.doubt
    ]
    return all(isinstance(where, Resize) and where.makes_odd for where in places)


def is_a_pattern(raised: Sequence[WrongAtOtherInput]) -> bool:
    """Whether backward raises at a size of one, or at two sizes in place of the same one.

    A single size that nobody gave may happen to broadcast in forward what was never meant to.
    """
    changes = [w.where for w in raised if isinstance(w.where, Resize) and not w.where.batch_only]
    olds = [change.old for change in changes]
    return any(change.new == 1 for change in changes) or len(olds) > len(set(olds))
