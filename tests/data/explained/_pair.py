"""What a pair of codes is shown by: where the one accounts for the other, and where each has a cause of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from types import MappingProxyType
from typing import Any, NamedTuple

NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})


class Shown(NamedTuple):
    """A target, the arguments to check it with, options of ``check``, and what the check runs in."""

    target: Any
    inputs: Callable[[], tuple]
    options: Mapping[str, Any] = NO_OPTIONS
    inside: Callable[[], AbstractContextManager[Any]] = nullcontext


class Pair(NamedTuple):
    """What shows a claim and its limit.

    ``explained``: here the first code accounts for the second; a name is that of a mode of the catalogue or of a rule
    whose example it is. ``beside``: here both are told; a text says why there is no such case.
    """

    explained: Shown | str
    beside: Shown | str
