"""What a fact is: something observed once about a call, or the reason why it cannot be had."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from pytest_autograd.call.call import Call
from pytest_autograd.errors import NotApplicable
from pytest_autograd.options import Options

T = TypeVar("T")
OUT_OF_TIME = "the time limit is used up"


class Facts:
    """What all facts are about: one call, the options, the seed. ``deadline`` is on the monotonic clock."""

    def __init__(self, call: Call, options: Options, seed: int, deadline: float) -> None:
        self.call, self.options, self.seed, self.deadline = call, options, seed, deadline
        self.known: dict[str, Any] = {}
        self.refused: dict[str, NotApplicable] = {}


class fact(Generic[T]):
    """A property that is computed once; a :class:`NotApplicable` it raises is kept and raised again.

    No fact is begun after the deadline.
    """

    def __init__(self, observe: Callable[[Any], T]) -> None:
        self.observe, self.name, self.__doc__ = observe, observe.__name__, observe.__doc__

    def __get__(self, facts: Facts, owner: type | None = None) -> T:
        if self.name not in facts.known and self.name not in facts.refused:
            if time.monotonic() > facts.deadline:
                raise NotApplicable(OUT_OF_TIME)
            try:
                facts.known[self.name] = self.observe(facts)
            except NotApplicable as reason:
                facts.refused[self.name] = reason
        if self.name in facts.refused:
            raise NotApplicable(str(facts.refused[self.name]))
        return facts.known[self.name]
