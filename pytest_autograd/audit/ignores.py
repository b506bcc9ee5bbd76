"""What is ignored with a reason, and whether it had to be."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_autograd.options import Ignore
from pytest_autograd.report.ignored import needed
from pytest_autograd.report.model import Ignored, Status


class Ignores:
    """What is ignored over one call; rules that are ignored run all the same, to see whether that is needed."""

    def __init__(self, ignores: Sequence[Ignore]) -> None:
        self.ignores = ignores
        self._needed: dict[Ignore, list[bool | None]] = {}

    def of(self, code: str) -> Ignore | None:
        """Return the first that says to ignore ``code``; one that is not watched spares its rules to run."""
        matching = [ignore for ignore in self.ignores if code.startswith(ignore.code)]
        return min(matching, key=lambda ignore: ignore.watched, default=None)

    def note(self, code: str, found: bool, status: Status) -> None:
        """Take what the rule of ``code`` saw; one that was skipped has looked for nothing."""
        for ignore in self.ignores:
            if ignore.watched and code.startswith(ignore.code):
                seen = True if found else None if status == "skipped" else False
                self._needed.setdefault(ignore, []).append(seen)

    def told(self, function: str) -> tuple[Ignored, ...]:
        """Return what was ignored over the call of ``function``."""
        return tuple(
            Ignored(
                function=function,
                code=ignore.code,
                reason=ignore.reason,
                where=ignore.where,
                needed=needed(self._needed.get(ignore, ())),
            )
            for ignore in self.ignores
            if ignore.watched
        )
