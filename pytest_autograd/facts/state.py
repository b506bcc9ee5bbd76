"""State that outlives a call, or is shared by calls: what is stale, overwritten, random, or never freed."""

from __future__ import annotations

import gc
import time
import weakref
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from pytest_autograd.call.call import Call
from pytest_autograd.call.tensors import same
from pytest_autograd.derivatives.compare import Difference, apart, first_difference
from pytest_autograd.derivatives.evaluator import Evaluator
from pytest_autograd.derivatives.tangents import direction, draw_cotangents, signed_bounded
from pytest_autograd.errors import NotApplicable, TargetRaised
from pytest_autograd.facts.base import Facts, Subject, fact
from pytest_autograd.facts.numbers import Numbers
from pytest_autograd.facts.run import ObservedRun
from pytest_autograd.running.author_code import run_forward

SAME = 1e-12
THREADS_END_WITHIN = 0.2


def moved_copies(evaluator: Evaluator, generator: torch.Generator) -> list[Tensor]:
    """Return another point for a call that runs beside the first: a shared tensor cannot hold two values at a time."""
    point, call = evaluator.point, evaluator.call
    along = direction(point, generator)
    stay = [call.slots[i].shared is not None for i in call.differentiated]
    return [x if stays else x + 0.5 * u for x, u, stays in zip(point, along, stay, strict=True)]


class State(Facts):
    """What one call of the Function leaves behind for another."""

    def __init__(self, subject: Subject, run: ObservedRun, numbers: Numbers) -> None:
        super().__init__(subject)
        self.run, self.numbers = run, numbers

    @fact
    def interleaved(self) -> Difference | None:
        """The argument whose gradient changes when another call, forward and backward, comes in between."""
        evaluator = self.numbers.evaluator
        point, generator = evaluator.point, torch.Generator().manual_seed(self.seed)
        moved = moved_copies(evaluator, generator)
        cotangents = signed_bounded(evaluator.forward(point), generator)
        alone = evaluator.vjp(point, cotangents)
        first, second = evaluator.graph(point), evaluator.graph(moved)
        second.vjp(cotangents)
        between = first.vjp(cotangents)
        return first_difference("", evaluator.names, alone, lambda: between, SAME)

    @fact
    def repeated_forward(self) -> Difference | None:
        """The output that differs when forward is called again on the same inputs and random stream."""
        evaluator = self.numbers.evaluator
        one, other = (_fresh_outputs(evaluator) for _ in range(2))
        tolerance = self.numbers.tolerance
        return first_difference("", evaluator.output_names, one, lambda: other, tolerance)

    @fact
    def backward_rng(self) -> str | None:
        """The argument whose gradient changes with the random stream that backward meets."""
        evaluator = self.numbers.evaluator
        point = evaluator.point
        cotangents = draw_cotangents(evaluator.forward(point), self.seed)
        one, other = (evaluator.graph(point).vjp(cotangents, shift=shift) for shift in (1, 2))
        found = first_difference("", evaluator.names, one, lambda: other, SAME)
        return found.argument if found is not None else None

    @fact
    def leak(self) -> bool:
        """Whether the node of one call outlives its outputs: a reference cycle that keeps the saved tensors alive."""
        self.run.require_forward()
        enabled = gc.isenabled()
        gc.disable()
        try:
            node = _node_after_call(self.call, self.seed)
            if node is None:
                raise NotApplicable("no output requires grad")
            return node() is not None and not _dies_soon(node)
        finally:
            if enabled:
                gc.enable()

    @fact
    def reused_output(self) -> str | None:
        """The output that the next call overwrites."""
        self.run.require_forward()
        generator = torch.Generator().manual_seed(self.seed)
        first = run_forward(self.call, seed=self.seed).outputs
        kept = [tensor.detach().clone() for _, tensor in first]
        moved = [
            slot.value + 0.5 * direction([slot.value], generator)[0]
            if slot.differentiated
            else slot.value
            for slot in self.call.slots
        ]
        try:
            run_forward(self.call, moved, seed=self.seed)
        except TargetRaised as raised:
            raise NotApplicable("forward refuses inputs beside the given ones") from raised
        overwritten = (
            name for (name, t), before in zip(first, kept, strict=True) if not same(before, t)
        )
        return next(overwritten, None)

    @fact
    def reused_gradient(self) -> str | None:
        """The argument whose gradient the next backward overwrites."""
        evaluator = self.numbers.evaluator
        point, generator = evaluator.point, torch.Generator().manual_seed(self.seed)
        outputs = evaluator.forward(point)
        first = evaluator.vjp(point, signed_bounded(outputs, generator))
        kept = [None if g is None else g.detach().clone() for g in first]
        evaluator.vjp(point, signed_bounded(outputs, generator))
        for name, gradient, before in zip(evaluator.names, first, kept, strict=True):
            if gradient is not None and before is not None and not same(before, gradient):
                return name
        return None

    def goes_stale(self, argument: str) -> bool:
        """Whether an in-place write to ``argument`` between forward and backward silently changes the gradients."""
        try:
            evaluator, point = self.numbers.evaluator, self.numbers.evaluator.point
            cotangents = draw_cotangents(evaluator.forward(point), self.seed)
            clean = evaluator.vjp(point, cotangents)
            graph = evaluator.graph(point)
            _write(evaluator.call, graph.arguments, argument)
            written = graph.vjp(cotangents)
        except NotApplicable:  # that autograd notices the write is what ought to happen
            return False
        return any(apart(a, b) > SAME for a, b in zip(clean, written, strict=True))


def _write(call: Call, arguments: Sequence[Tensor], name: str) -> None:
    for slot, argument in zip(call.slots, arguments, strict=True):
        if slot.name == name:
            with torch.no_grad():
                argument.add_(1).mul_(2)


def _dies_soon(node: weakref.ref[Any]) -> bool:
    """Whether the node goes by itself in a moment: a thread that took part in forward may still be letting go of it."""
    limit = time.monotonic() + THREADS_END_WITHIN
    while node() is not None and time.monotonic() < limit:
        time.sleep(0.005)
    return node() is None


def _node_after_call(call: Call, seed: int) -> weakref.ref[Any] | None:
    """Call once, drop everything, and return a weak reference to the node that autograd made."""
    nodes = [tensor.grad_fn for _, tensor in run_forward(call, seed=seed).outputs]
    backward = getattr(call.function, "_backward_cls", None)
    own = [node for node in nodes if type(node) is backward]
    return weakref.ref(own[0]) if own else None


def _fresh_outputs(evaluator: Evaluator) -> list[Tensor]:
    return [output.detach() for output in evaluator.graph(evaluator.point).outputs]
