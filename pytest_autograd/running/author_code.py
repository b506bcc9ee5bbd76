"""The one door to the author's code: seeded, its phase told, its time limited, what it raises a fact."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from pytest_autograd.call.call import Call, Tensors, named_outputs
from pytest_autograd.errors import NotApplicable, TargetRaised
from pytest_autograd.running.line_watch import LINE_WATCH
from pytest_autograd.running.phase import phase
from pytest_autograd.running.rng import drew_since, reseed
from pytest_autograd.running.time_limit import SHORTEST, TIME_LIMIT

MANY_TIMES = 50


class NoHistory(Exception):
    """The first gradient does not require grad although it was taken with ``create_graph=True``."""


@dataclass
class Runs:
    """What earlier runs of one call taught: how long a phase takes, and whether it draws from Python's own streams."""

    first_seconds: dict[str, float] = field(default_factory=dict)
    draws_in_python: dict[str, bool] = field(default_factory=dict)

    def seconds(self, where: str) -> float:
        """Return how long a run may take: many times what the first one took."""
        return max(SHORTEST, MANY_TIMES * self.first_seconds.get(where, float("inf")))


class entering:
    """Run the enclosed block as the author's code.

    The random streams are seeded first. Whether the code draws from ``random`` or NumPy is learnt from the first of
    its ``runs``; if not, these slow streams are left alone afterwards. Inside another such block only the phase and
    the seed are new.

    Raises:
        TargetRaised: the block raised.
        NotApplicable: it had not come back in its time.
    """

    __slots__ = ("_learning", "_phase", "_runs", "_seed", "_start", "_timed", "_watched", "_where")

    def __init__(self, where: str, seed: int, runs: Runs | None = None) -> None:
        self._where, self._seed, self._runs = where, seed, runs
        self._phase = phase(where)

    def __enter__(self) -> None:
        known = self._runs.draws_in_python.get(self._where) if self._runs else True
        reseed(self._seed, torch_only=known is False)
        self._learning = known is None
        self._phase.__enter__()
        self._start = time.monotonic()
        seconds = self._runs.seconds(self._where) if self._runs else float("inf")
        self._timed = TIME_LIMIT.begin(seconds)
        self._watched = LINE_WATCH.begin()

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        if self._watched:
            LINE_WATCH.end()
        overdue = self._timed and TIME_LIMIT.end(error)
        self._phase.__exit__()
        seconds = time.monotonic() - self._start
        if overdue:
            raise NotApplicable(f"{self._where} had not come back after {seconds:.1f} s") from None
        if self._runs is not None:
            self._runs.first_seconds.setdefault(self._where, seconds)
            if self._learning:
                self._runs.draws_in_python[self._where] = drew_since(self._seed)
        if isinstance(error, Exception) and not isinstance(error, NotApplicable | NoHistory):
            raise TargetRaised(self._where, error) from error


@dataclass(frozen=True)
class ForwardRun:
    """One run of forward: the leaf of every slot, what went in, what came out."""

    call: Call
    leaves: Tensors
    arguments: Tensors
    raw: Any
    seconds: float

    @property
    def outputs(self) -> list[tuple[str, Tensor]]:
        """The tensors among the outputs, with a name each."""
        return named_outputs(self.raw, flat=self.call.flat)

    @property
    def differentiated(self) -> Tensors:
        """The leaves of the differentiated slots."""
        return [self.leaves[i] for i in self.call.differentiated]


def run_forward(
    call: Call,
    values: Sequence[Tensor] | None = None,
    *,
    seed: int,
    target: Callable[..., Any] | None = None,
    around: AbstractContextManager[Any] | None = None,
    runs: Runs | None = None,
) -> ForwardRun:
    """Run forward on fresh copies of ``values``, one a slot, or of those given; or another ``target`` in its place.

    Raises:
        TargetRaised: forward raised.
        NotApplicable: it had not come back in its time.
    """
    leaves, arguments = call.fresh(values)
    with entering("forward", seed, runs), torch.enable_grad(), around or nullcontext():
        start = time.perf_counter()
        raw = call.invoke(arguments, target)
        seconds = time.perf_counter() - start
    return ForwardRun(call, leaves, arguments, raw, seconds)


def run_inside(
    call: Call, tensors: Sequence[Tensor], seed: int | None = None, target: Any = None
) -> Any:
    """Run forward inside a block of :class:`entering`: for functions that torch calls back.

    ``seed``: seed the random streams first.
    """
    if seed is not None:
        reseed(seed)
    return call.invoke(tensors, target)


def gradients_of(
    outputs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    cotangents: Sequence[Tensor | None],
    *,
    seed: int,
) -> list[Tensor | None]:
    """Return ``autograd.grad``, None for an input that has no part in the outputs.

    Raises:
        TargetRaised: a backward raised.
        NotApplicable: it had not come back in its time.
    """
    with entering("backward", seed):
        return list(torch.autograd.grad(outputs, inputs, cotangents, allow_unused=True))
