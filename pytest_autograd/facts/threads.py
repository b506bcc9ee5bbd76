"""backward in other threads: where the engine may run it, and while another call goes on."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

import torch
from torch import Tensor

from pytest_autograd.derivatives.compare import Difference, MaybeTensors, first_difference
from pytest_autograd.derivatives.evaluator import Evaluator
from pytest_autograd.derivatives.tangents import signed_bounded
from pytest_autograd.errors import NotApplicable, TargetRaised
from pytest_autograd.facts.base import Facts, Subject, fact
from pytest_autograd.facts.numbers import Numbers
from pytest_autograd.facts.source import Source
from pytest_autograd.facts.state import SAME, State, moved_copies
from pytest_autograd.facts.uninitialised import Uninitialised
from pytest_autograd.places import unwrap

MOST_RIVALS = 12
RIVALS_SECONDS = 0.25
LEAST_WAIT = 1.0  # seconds, at least, for a thread that may wait for a lock that backward holds

Ask = Callable[[], MaybeTensors]


class Threads(Facts):
    """What other threads change."""

    def __init__(
        self,
        subject: Subject,
        source: Source,
        numbers: Numbers,
        state: State,
        uninitialised: Uninitialised,
    ) -> None:
        super().__init__(subject)
        self.source, self.numbers, self.state = source, numbers, state
        self.uninitialised = uninitialised

    @fact
    def difference(self) -> Difference | None:
        """What changes when backward runs in a thread of its own, or another call's between its lines.

        The other one is let in before each line of the author's backward, so that a race shows every time and not by
        chance.
        """
        code = getattr(unwrap(self.source.backward_code), "__code__", None)
        if code is None:
            raise NotApplicable("backward has no Python code")
        if self.numbers.stochastic or self.state.backward_rng is not None:
            raise NotApplicable("random numbers are drawn, from streams that all threads share")
        if self.uninitialised.difference is not None:
            raise NotApplicable("memory is read before it is written, and differs from run to run")
        evaluator = self.numbers.evaluator
        point, generator = evaluator.point, torch.Generator().manual_seed(self.seed)
        cotangents = signed_bounded(evaluator.forward(point), generator)
        moved = moved_copies(evaluator, generator)
        start = time.monotonic()
        alone = evaluator.vjp(point, cotangents)
        undisturbed = evaluator.vjp(moved, cotangents)
        cost = time.monotonic() - start
        race = _Race(evaluator, cotangents, point, moved, alone, undisturbed, cost)
        return race.in_another_thread() or race.with_rivals(code)


@dataclass(frozen=True)
class _Race:
    """One call at ``point``, others at ``moved``, and the gradients of each alone; ``cost`` in seconds."""

    evaluator: Evaluator
    cotangents: list[Tensor]
    point: list[Tensor]
    moved: list[Tensor]
    alone: MaybeTensors
    undisturbed: MaybeTensors
    cost: float

    def in_another_thread(self) -> Difference | None:
        """Run backward in a thread of its own."""
        where, graph = "in another thread than forward", self.evaluator.graph(self.point)

        def ask() -> MaybeTensors:
            with graph.entering_backward():
                return _Thread(lambda: graph.backward(self.cotangents)).result()

        return first_difference(where, self.evaluator.names, self.alone, ask, SAME)

    def with_rivals(self, code: CodeType) -> Difference | None:
        """Let a backward of another call in before each line of ``code``."""
        where, names = "while another thread runs it too", self.evaluator.names
        count = min(MOST_RIVALS, max(2, int(RIVALS_SECONDS / self.cost)))
        graphs = [self.evaluator.graph(self.moved) for _ in range(count)]
        asks = [lambda graph=graph: graph.backward(self.cotangents) for graph in graphs]
        graph, rivals = self.evaluator.graph(self.point), list[_Thread]()
        patience = LEAST_WAIT + 20 * self.cost

        def let_in() -> bool:
            rivals.append(_Thread(asks.pop()))
            return rivals[-1].done(patience) and bool(asks)

        def ask() -> MaybeTensors:
            with graph.entering_backward():
                return _interrupted(lambda: graph.backward(self.cotangents), code, let_in)

        found = first_difference(where, names, self.alone, ask, SAME)
        if found is not None and found.raised is not None:
            return found
        answers = [
            first_difference(
                where, names, self.undisturbed, lambda r=rival: r.result(patience), SAME
            )
            for rival in rivals
        ]
        return found or next((answer for answer in answers if answer is not None), None)


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
