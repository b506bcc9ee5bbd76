"""backward in other threads: where the engine may run it, and while another call goes on."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

import torch
from torch import Tensor

from pytest_autograd.derivatives.compare import MaybeTensors, apart
from pytest_autograd.derivatives.evaluator import Evaluator
from pytest_autograd.derivatives.tangents import signed_bounded
from pytest_autograd.errors import NotApplicable, TargetRaised
from pytest_autograd.facts.experiments import moved_copies

MOST_RIVALS = 12
RIVALS_SECONDS = 0.25
LEAST_WAIT = 1.0  # seconds, at least, for a thread that may wait for a lock that backward holds
SAME = 1e-12

Ask = Callable[[], MaybeTensors]


@dataclass(frozen=True)
class ThreadFault:
    """What differs with threads: where, the argument whose gradient it is, how far, or what was raised."""

    where: str
    argument: str | None = None
    error: float = 0.0
    raised: Exception | None = None


def thread_fault(evaluator: Evaluator, seed: int, code: CodeType) -> ThreadFault | None:
    """Run backward in a thread of its own, then with another call's between its lines; return what differs.

    ``code`` is the author's backward: the other one is let in before each of its lines, so that a race shows every
    time and not by chance.
    """
    point = evaluator.point
    generator = torch.Generator().manual_seed(seed)
    cotangents = signed_bounded(evaluator.forward(point), generator)
    moved = moved_copies(evaluator, generator)
    start = time.monotonic()
    alone = evaluator.vjp(point, cotangents)
    undisturbed = evaluator.vjp(moved, cotangents)
    cost = time.monotonic() - start
    rivals: list[_Thread] = []

    def run(around: Callable[[Ask], MaybeTensors]) -> MaybeTensors:
        return evaluator.vjp(point, cotangents, around=around)

    where = "in another thread than forward"
    try:
        other = run(lambda ask: _Thread(ask).result())
        found = _difference(where, evaluator.names, alone, other)
        if found is not None:
            return found
        where = "while another thread runs it too"
        count = min(MOST_RIVALS, max(2, int(RIVALS_SECONDS / cost)))
        asks = [_prepared(evaluator, moved, cotangents) for _ in range(count)]

        def let_in() -> bool:
            rivals.append(_Thread(asks.pop()))
            return rivals[-1].done(LEAST_WAIT + 20 * cost) and bool(asks)

        other = run(lambda ask: _interrupted(ask, code, let_in))
        found = _difference(where, evaluator.names, alone, other)
        for rival in rivals:
            answer = rival.result(LEAST_WAIT + 20 * cost)
            found = found or _difference(where, evaluator.names, undisturbed, answer)
        return found
    except TargetRaised as raised:
        return ThreadFault(where, raised=raised.error)


def _prepared(evaluator: Evaluator, point: Sequence[Tensor], cotangents: Sequence[Tensor]) -> Ask:
    """Run forward and return the backward that belongs to it, not yet run."""
    asks: list[Ask] = []

    def put_off(ask: Ask) -> MaybeTensors:
        asks.append(ask)
        return []

    evaluator.vjp(point, cotangents, around=put_off)
    return asks[0]


class _Thread:
    """A call in a thread of its own; a thread that hangs is left behind."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._answer: MaybeTensors = []
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:
            raise NotApplicable(f"no thread could be started: {error}") from error

    def _run(self) -> None:
        try:
            self._answer = self._ask()
        except Exception as error:  # handed to whoever asks for the result
            self._error = error

    def done(self, timeout: float | None = None) -> bool:
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def result(self, timeout: float | None = None) -> MaybeTensors:
        if not self.done(timeout):
            raise NotApplicable("another call did not come back: it may wait for a lock")
        if self._error is not None:
            raise TargetRaised("backward", self._error)
        return self._answer


def _interrupted(ask: Ask, code: CodeType, let_in: Callable[[], bool]) -> MaybeTensors:
    """Run ``ask``, and ``let_in`` before each line of the author's file, as long as it says that it may go on."""
    going_on = True

    def at_line(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal going_on
        if event == "line" and going_on:
            going_on = let_in()
        return at_line

    def at_call(frame: FrameType, event: str, _: Any) -> Any:
        return at_line if frame.f_code.co_filename == code.co_filename else None

    before = sys.gettrace()
    sys.settrace(at_call)
    try:
        return ask()
    finally:
        sys.settrace(before)


def _difference(
    where: str, names: Sequence[str], want: MaybeTensors, got: MaybeTensors
) -> ThreadFault | None:
    for name, a, b in zip(names, want, got, strict=True):
        error = apart(a, b)
        if error > SAME:
            return ThreadFault(where, name, error)
    return None
