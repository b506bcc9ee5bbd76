"""What is saved for backward: is it used, what memory does it hold, and what would autograd have saved?"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from pytest_autograd.call.call import Call, differentiable
from pytest_autograd.call.tensors import memory, storages
from pytest_autograd.derivatives.autograd_reference import raw_forwards
from pytest_autograd.derivatives.compare import MaybeTensors, copies
from pytest_autograd.derivatives.evaluator import Evaluator
from pytest_autograd.derivatives.tangents import draw_cotangents
from pytest_autograd.errors import NotApplicable, TargetRaised
from pytest_autograd.facts.base import Facts, Subject, fact
from pytest_autograd.facts.numbers import Numbers
from pytest_autograd.facts.run import ObservedRun
from pytest_autograd.running.author_code import gradients_of, run_forward

Poison = Callable[[Tensor], Tensor]
POISONS: tuple[Poison, ...] = (
    lambda t: t * -2 - 1,
    lambda t: t.roll(1) + 0.37,
    lambda t: torch.full_like(t, 1e4),
    lambda t: torch.full_like(t, -1e4),
    lambda t: torch.full_like(t, float("nan")),
)
PINNED_RATIO = 4


@dataclass(frozen=True)
class Cost:
    """What one call costs: bytes of the distinct storages saved for backward, seconds of each pass."""

    saved_bytes: int
    forward_seconds: float
    backward_seconds: float


class SavedTensors(Facts):
    """What the Function keeps for backward."""

    def __init__(self, subject: Subject, run: ObservedRun, numbers: Numbers) -> None:
        super().__init__(subject)
        self.run, self.numbers = run, numbers

    @fact
    def unused(self) -> list[int]:
        """Positions of saved tensors that backward never uses.

        Each is replaced in turn by several poisons when backward unpacks it (NaN alone is absorbed by masks, small
        values stay within the branch that the sample takes); one that changes no gradient and raises nothing is
        unused, and so is one that backward does not even unpack. Integer and boolean tensors are left alone.
        """
        saves = self.run.trace.saves
        once = getattr(self.run.source.function, "clear_saved_tensors_on_access", False)
        if not saves or once:
            raise NotApplicable("nothing is saved that could be observed")
        call = self.numbers.as_passed
        slots = tuple(replace(s, differentiated=differentiable(s.value)) for s in call.slots)
        every = Evaluator(replace(call, slots=slots), self.seed)
        cotangents = draw_cotangents(every.forward(every.point), self.seed)
        with saved_tensors_hooks(lambda tensor: tensor, lambda tensor: tensor):
            clean = copies(every.vjp(every.point, cotangents))
        tensors = [i for i, value in enumerate(saves[-1].values) if value is not None]
        return [
            tensor
            for place, tensor in enumerate(tensors)
            if all(_is_harmless(every, cotangents, clean, place, poison) for poison in POISONS)
        ]

    @fact
    def pinning(self) -> list[tuple[int, int, int]]:
        """(position, bytes of the tensor, bytes of its storage) of saved views of much larger storages.

        Storages of inputs and outputs are held by the caller anyway.
        """
        trace = self.run.trace
        held = {memory(t) for t in trace.arguments} | {memory(t) for _, t in trace.outputs}
        found = []
        for save in trace.saves[-1:]:
            for position, value in enumerate(save.values):
                if isinstance(value, Tensor) and memory(value) not in held | {0}:
                    storage = value.untyped_storage().nbytes()
                    if storage >= PINNED_RATIO * value.nbytes > 0:
                        found.append((position, value.nbytes, storage))
        return found

    @fact
    def autograd_baseline(self) -> Cost:
        """What autograd through the raw forward saves, inputs and outputs included, and takes."""
        self.run.require_function()
        return measured(self.call, self.seed, raw=True)


class _Poisoning:
    """Poisons the saved tensor at ``place`` when it is unpacked."""

    def __init__(self, place: int, poison: Poison) -> None:
        self.place, self.poison = place, poison
        self.packed: list[Tensor] = []
        self.unpacked: set[int] = set()
        self.met = False

    def pack(self, tensor: Tensor) -> tuple[int, Tensor]:
        self.packed.append(tensor)
        return len(self.packed) - 1, tensor

    def unpack(self, entry: tuple[int, Tensor]) -> Tensor:
        number, tensor = entry
        self.unpacked.add(number)
        if number != self.place or not _can_be_poisoned(tensor):
            return tensor
        self.met = True
        return self.poison(tensor.detach())

    @property
    def did_its_work(self) -> bool:
        """Whether the tensor was poisoned, or was left packed although it could have been."""
        ignored = self.place < len(self.packed) and self.place not in self.unpacked
        return self.met or (ignored and _can_be_poisoned(self.packed[self.place]))


def _is_harmless(
    evaluator: Evaluator, cotangents: list[Tensor], clean: MaybeTensors, place: int, poison: Poison
) -> bool:
    poisoning = _Poisoning(place, poison)
    try:
        with saved_tensors_hooks(poisoning.pack, poisoning.unpack):
            got = evaluator.vjp(evaluator.point, cotangents)
    except TargetRaised:
        return False
    return poisoning.did_its_work and all(
        a is b or (a is not None and b is not None and torch.equal(a, b))
        for a, b in zip(clean, got, strict=True)
    )


def _can_be_poisoned(tensor: Tensor) -> bool:
    return differentiable(tensor) and tensor.numel() > 0


def measured(call: Call, seed: int, *, raw: bool) -> Cost:
    """Return what one call costs; ``raw``: with autograd through the raw forward in place of the custom backward.

    Raises:
        NotApplicable: it does not run so, or no output requires grad.
    """
    packed: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        packed.update(storages(tensor))
        return tensor

    @contextmanager
    def noted() -> Iterator[None]:
        with saved_tensors_hooks(pack, lambda tensor: tensor):
            yield

    @contextmanager
    def noted_raw() -> Iterator[None]:
        with raw_forwards(), noted():
            yield

    try:
        run = run_forward(call, seed=seed, around=noted_raw() if raw else noted())
        outputs = [t for _, t in run.outputs if differentiable(t) and t.requires_grad]
        if not outputs:
            raise NotApplicable("no output requires grad")
        start = time.perf_counter()
        gradients_of(outputs, run.differentiated, [torch.ones_like(y) for y in outputs], seed=seed)
        backward_seconds = time.perf_counter() - start
    except TargetRaised as raised:
        what = "forward does not run under autograd" if raw else "it raises"
        raise NotApplicable(f"{what}: {raised.error}") from raised
    return Cost(sum(packed.values()), run.seconds, backward_seconds)
