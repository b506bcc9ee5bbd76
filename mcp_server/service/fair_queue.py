"""Places for checks: a few at once, the rest in a fair order, too many refused."""

from __future__ import annotations

from collections import deque

import anyio


class Busy(Exception):
    """Too many are waiting already."""


class Turn:
    """One caller's claim to a place; ``come`` is set when the place is there."""

    def __init__(self, caller: str) -> None:
        self.caller = caller
        self.come = anyio.Event()


class Places:
    """A number of places; callers who wait get one in turn, each in their own order of arrival.

    So a caller with a hundred checks waiting delays the one check of another by one place only. For
    the same reason the bound on those who wait spares a caller who has nothing in the queue.
    """

    def __init__(self, places: int, most_waiting: int) -> None:
        self.running = 0
        self.waiting = 0
        self._places, self._most_waiting = places, most_waiting
        self._queues: dict[str, deque[Turn]] = {}

    def join(self, caller: str) -> Turn:
        """Take a place or a turn in the queue; raise :class:`Busy` where too many wait."""
        turn = Turn(caller)
        if self.running < self._places:
            self.running += 1
            turn.come.set()
        elif self._refuses(caller):
            raise Busy
        else:
            self.waiting += 1
            self._queues.setdefault(caller, deque()).append(turn)
        return turn

    def leave(self, turn: Turn) -> None:
        """Give up a place or a turn. A place goes to the next caller, who then goes to the end."""
        if not turn.come.is_set():
            self._dequeue(turn)
        elif self._queues:
            caller, queue = next(iter(self._queues.items()))
            following = queue[0]
            self._dequeue(following)
            if queue:
                self._queues[caller] = self._queues.pop(caller)
            following.come.set()
        else:
            self.running -= 1

    def _refuses(self, caller: str) -> bool:
        if self.waiting < self._most_waiting:
            return False
        return caller in self._queues or len(self._queues) >= self._most_waiting

    def _dequeue(self, turn: Turn) -> None:
        self.waiting -= 1
        queue = self._queues[turn.caller]
        queue.remove(turn)
        if not queue:
            del self._queues[turn.caller]
