"""An end for the author's code that does not come back: an adaptive solver at inputs of 1e300 may loop for hours."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

POLL = 0.1
IDLE_POLLS = 50
DRAIN = 1.0
AGAIN = 0.5  # some code swallows the first interruption
SHORTEST = 2.0


class Overdue(BaseException):
    """The author's code ran longer than it was given; raised inside it, between two of its bytecodes."""


class TimeLimit:
    """Interrupts the thread that is inside :meth:`begin` ... :meth:`end` once its time is over.

    A call into C is not interrupted before it returns. One watching thread serves a process; it ends when idle and is
    started again when needed, also after a fork.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until = float("inf")
        self._ident = 0
        self._fired = False
        self._watcher: threading.Thread | None = None
        self.deadline = float("inf")

    @contextmanager
    def until(self, deadline: float) -> Iterator[None]:
        """Let no run in the block go on past ``deadline`` (monotonic clock), but give each a moment."""
        before, self.deadline = self.deadline, deadline
        try:
            yield
        finally:
            self.deadline = before

    def begin(self, seconds: float) -> bool:
        """Start the clock for the calling thread: so many seconds, or what is left of the check if that is less.

        Return False, and change nothing, where a clock is running already.
        """
        if self._until != float("inf"):
            return False
        self._ident, self._fired = threading.get_ident(), False
        now = time.monotonic()
        self._until = now + min(seconds, max(self.deadline - now, SHORTEST))
        if self._watcher is None or not self._watcher.is_alive():
            self._watcher = threading.Thread(target=self._watch, daemon=True, name="patience")
            with suppress(RuntimeError):  # no thread is left by the author's code: then no clock
                self._watcher.start()
        return True

    def end(self, error: BaseException | None) -> bool:
        """Stop the clock; return whether the time was over, also where the author's code swallowed the interruption."""
        with self._lock:
            self._until = float("inf")
        if self._fired and not isinstance(error, Overdue):
            self._drain()
        return self._fired

    def _drain(self) -> None:
        """Wait for an interruption that is on its way, so that it does not strike outside."""
        limit = time.monotonic() + DRAIN
        try:
            while time.monotonic() < limit:
                pass
        except Overdue:
            return

    def _watch(self) -> None:
        idle = 0
        while idle < IDLE_POLLS:
            time.sleep(POLL)
            with self._lock:
                idle = idle + 1 if self._until == float("inf") else 0
                if time.monotonic() > self._until:
                    self._until, self._fired = time.monotonic() + AGAIN, True
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(
                        ctypes.c_ulong(self._ident), ctypes.py_object(Overdue)
                    )


TIME_LIMIT = TimeLimit()
