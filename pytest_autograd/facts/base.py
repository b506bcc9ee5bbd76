"""What a fact is: something observed once about a call, or the reason why it cannot be had."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_autograd.call.call import Call
from pytest_autograd.errors import NotApplicable
from pytest_autograd.options import INSIDE, REPLACES_FORWARD, Ignore, Options

OUT_OF_TIME = "the time limit is used up"


@dataclass(frozen=True)
class Subject:
    """What all facts are about: one call, the options, the seed. ``deadline`` is on the monotonic clock.

    ``through``: the callable, checked as well, by which the call is reached; what it prepares and refuses holds there.
    ``ignores``: what is ignored with a reason.
    """

    call: Call
    options: Options
    seed: int
    deadline: float
    through: str | None = None
    ignores: tuple[Ignore, ...] = ()

    @property
    def contract(self) -> str | None:
        """What the gradient is judged against, if not against forward alone: of a callable also contracts inside."""
        return self.options.contract or (INSIDE if self.call.inside else None)

    @property
    def left(self) -> float:
        """Seconds that the time limit leaves."""
        return self.deadline - time.monotonic()

    def not_through_a_callable(self) -> None:
        """Raise :class:`NotApplicable` where inputs that nobody gave are tried through a callable."""
        if self.through is not None:
            raise NotApplicable(f"other inputs are tried through {self.through}")

    def not_under_a_contract(self, why: str = "not asked under a contract") -> None:
        """Raise :class:`NotApplicable` where a contract says that the gradient is not forward's derivative."""
        if self.contract in REPLACES_FORWARD:
            raise NotApplicable(why)


class Facts:
    """Facts of one topic; each is computed when first asked for."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.call, self.options, self.seed = subject.call, subject.options, subject.seed
        self._known: dict[str, Any] = {}
        self._refused: dict[str, NotApplicable] = {}

    def peek(self, name: str) -> Any:
        """Return a fact if it is known and could be had, else None; nothing is computed."""
        return self._known.get(name)

    def why_not(self, name: str) -> str | None:
        """Return why a fact could not be had, None if it was not asked for or is known."""
        reason = self._refused.get(name)
        return None if reason is None else str(reason)


class _Fact:
    """A property that is computed once; a :class:`NotApplicable` it raises is kept and raised again.

    No fact is begun after the deadline.
    """

    def __init__(self, observe: Callable[[Any], Any]) -> None:
        self.observe, self.name, self.__doc__ = observe, observe.__name__, observe.__doc__

    def __get__(self, facts: Facts, owner: type | None = None) -> Any:
        name, known, refused = self.name, facts._known, facts._refused
        if name not in known and name not in refused:
            try:
                if facts.subject.left < 0:
                    raise NotApplicable(OUT_OF_TIME)
                known[name] = self.observe(facts)
            except NotApplicable as reason:
                refused[name] = reason
        if name in refused:
            raise refused[name].with_traceback(None)
        return known[name]


if TYPE_CHECKING:
    fact = property
else:
    fact = _Fact
