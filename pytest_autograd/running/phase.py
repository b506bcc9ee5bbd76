"""Which phase of the checked code is running, so that a call that dies or hangs can say where."""

from __future__ import annotations

from collections.abc import Callable

_listener: Callable[[str], None] | None = None
_current = "checking"


def set_listener(listener: Callable[[str], None] | None) -> None:
    """Call ``listener(phase)`` at each change of phase: ``checking``, ``forward``, ``backward`` or ``gradcheck``."""
    global _listener
    _listener = listener


def _enter(phase: str) -> None:
    global _current
    _current = phase
    if _listener is not None:
        _listener(phase)


class phase:
    """Mark the enclosed block as ``name``; the phase before returns afterwards."""

    __slots__ = ("_before", "_name")

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        self._before = _current
        _enter(self._name)

    def __exit__(self, *error: object) -> None:
        _enter(self._before)
