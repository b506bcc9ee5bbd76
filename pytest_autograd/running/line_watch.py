"""Which lines of the author's methods have not run yet: a branch that no input reached is not verified."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any


class LineWatch:
    """Notes the lines that run, as long as there are some that have not.

    Where something else traces already, such as a debugger or coverage, nothing is noted.
    """

    def __init__(self) -> None:
        self._unseen: dict[CodeType, set[int]] = {}
        self._blind = False

    @contextmanager
    def watching(self, codes: Iterable[CodeType]) -> Iterator[None]:
        """Watch these codes in the block."""
        before = self._unseen, self._blind
        self._unseen = {code: _lines(code) for code in codes}
        self._blind = sys.gettrace() is not None
        try:
            yield
        finally:
            self._unseen, self._blind = before

    def begin(self) -> bool:
        """Start to note, if there is anything left to see; return whether it did."""
        if self._blind or not any(self._unseen.values()) or sys.gettrace() is not None:
            return False
        sys.settrace(self._at_call)
        return True

    @staticmethod
    def end() -> None:
        """Stop to note."""
        sys.settrace(None)

    def unreached(self) -> list[tuple[str, int]]:
        """Return (file, line) of what has not run."""
        if self._blind:
            return []
        places = {(c.co_filename, line) for c, lines in self._unseen.items() for line in lines}
        return sorted(places)

    def _at_call(self, frame: FrameType, event: str, _: Any) -> Any:
        lines = self._unseen.get(frame.f_code)
        if not lines:
            return None
        lines.discard(frame.f_lineno)

        def at_line(frame: FrameType, event: str, _: Any) -> Any:
            lines.discard(frame.f_lineno)
            return at_line

        return at_line


def _lines(code: CodeType) -> set[int]:
    """Return the lines that have code of their own, that of the ``def`` left out."""
    return {line for _, _, line in code.co_lines() if line is not None} - {code.co_firstlineno}


LINE_WATCH = LineWatch()
