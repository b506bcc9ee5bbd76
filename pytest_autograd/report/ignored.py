"""Which of the things ignored by declarations had to be, over several calls."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pytest_autograd.report.model import Ignored
from pytest_autograd.report.results import Entry


def needed(seen: Iterable[bool | None]) -> bool | None:
    """Return whether any place needs it; None where it is not known of all, or of none."""
    known = list(seen)
    return True if True in known else None if None in known or not known else False


def merged(ignored: Iterable[Ignored]) -> tuple[Ignored, ...]:
    """Return each declaration once for each Function, as needed as all its calls have it."""
    groups: dict[tuple[str, str, str], list[Ignored]] = {}
    for each in ignored:
        groups.setdefault((each.function, each.code, each.where), []).append(each)
    return tuple(
        group[0].model_copy(update={"needed": needed(each.needed for each in group)})
        for group in groups.values()
    )


def no_longer_needed(entries: Sequence[Entry]) -> list[str]:
    """Return a line for each declaration that nothing in a whole run needs.

    Of a Function that was not audited with all that it was called with, or of a file with such a one, nothing is said.
    """
    groups: dict[tuple[str, str], list[tuple[Entry, Ignored]]] = {}
    for entry in entries:
        for each in entry.report.ignored if entry.report is not None else ():
            groups.setdefault((each.where, each.code), []).append((entry, each))
    unseen = [entry for entry in entries if entry.report is None]
    lines = []
    for (where, code), group in groups.items():
        names = {name for entry, each in group for name in (entry.function, each.function)}
        files = {entry.file for entry, _ in group if entry.file}
        hidden = any(entry.function in names or entry.file in files for entry in unseen)
        if not hidden and needed(each.needed for _, each in group) is False:
            lines.append(f"{where}: ignoring {code} is not needed any more: nothing was found")
    return sorted(lines)
