"""What is saved for backward: is it used, what memory does it hold, and what would autograd have saved?"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pytest_autograd.call.call import Call, named_outputs
from pytest_autograd.call.tensors import memory, storages
from pytest_autograd.derivatives.autograd_reference import raw_forwards
from pytest_autograd.derivatives.evaluator import Evaluator
from pytest_autograd.derivatives.tangents import signed_bounded
from pytest_autograd.errors import NotApplicable, TargetRaised
from pytest_autograd.facts.observe import Trace
from pytest_autograd.running.phase import phase
from pytest_autograd.running.rng import reseed

POISONS: tuple[Callable[[Tensor], Tensor], ...] = (
    lambda t: t * -2 - 1,
    lambda t: t.roll(1) + 0.37,
    lambda t: torch.full_like(t, 1e4),
    lambda t: torch.full_like(t, -1e4),
    lambda t: torch.full_like(t, float("nan")),
)
PINNED_RATIO = 4


def unused_saves(evaluator: Evaluator, seed: int, count: int) -> list[int]:
    """Return which of the ``count`` tensors saved backward never uses, counted without the Nones among them.

    Each is replaced in turn by several poisons when backward unpacks it (NaN alone is absorbed by masks, small values
    stay within the branch that the sample takes); one that changes no gradient and raises nothing is unused, and so is
    one that backward does not even unpack. Integer and boolean tensors are left alone.
    """
    point = evaluator.point
    cotangents = signed_bounded(evaluator.forward(point), torch.Generator().manual_seed(seed))

    def answer(
        position: int | None, poison: Callable[[Tensor], Tensor] | None
    ) -> tuple[list[Any], bool]:
        packed: list[Tensor] = []
        unpacked: set[int] = set()
        met = False  # whether the tensor in question was poisoned

        def pack(tensor: Tensor) -> tuple[int, Tensor]:
            packed.append(tensor)
            return len(packed) - 1, tensor

        def unpack(entry: tuple[int, Tensor]) -> Tensor:
            nonlocal met
            number, tensor = entry
            unpacked.add(number)
            if number == position and poison is not None and _can_be_poisoned(tensor):
                met = True
                return poison(tensor.detach())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
            answers = evaluator.vjp(point, cotangents)
        ignored = [t for i, t in enumerate(packed) if i == position and i not in unpacked]
        return answers, met or any(map(_can_be_poisoned, ignored))

    clean, _ = answer(None, None)
    unused = []
    for position in range(count):
        if all(_harmless(answer, position, poison, clean) for poison in POISONS):
            unused.append(position)
    return unused


def _harmless(
    answer: Any, position: int, poison: Callable[[Tensor], Tensor], clean: list[Any]
) -> bool:
    try:
        got, poisoned = answer(position, poison)
    except TargetRaised:
        return False
    return poisoned and all(
        a is b or (a is not None and b is not None and torch.equal(a, b))
        for a, b in zip(clean, got, strict=True)
    )


def _can_be_poisoned(tensor: Tensor) -> bool:
    return (tensor.is_floating_point() or tensor.is_complex()) and tensor.numel() > 0


def pinning_saves(trace: Trace) -> list[tuple[int, int, int]]:
    """Return (position, bytes of the tensor, bytes of its storage) for saved views of much larger storages.

    Storages of inputs and outputs are held by the caller anyway.
    """
    held = {memory(t) for t in trace.arguments} | {memory(t) for _, t in trace.outputs}
    found = []
    for save in trace.saves[-1:]:
        for position, value in enumerate(save.values):
            if isinstance(value, Tensor) and memory(value) not in held | {0}:
                storage = value.untyped_storage().nbytes()
                if storage >= PINNED_RATIO * value.nbytes > 0:
                    found.append((position, value.nbytes, storage))
    return found


@dataclass(frozen=True)
class PlainAutograd:
    """What autograd through the raw forward saves and takes."""

    saved_bytes: int
    forward_seconds: float
    backward_seconds: float


def plain_autograd(call: Call, seed: int) -> PlainAutograd:
    """Run the raw forward under autograd and measure what it saves for backward, inputs and outputs included.

    Raises:
        NotApplicable: the raw forward does not run under autograd.
    """
    packed: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        packed.update(storages(tensor))
        return tensor

    leaves, arguments = call.fresh()
    try:
        with phase("forward"), torch.enable_grad(), raw_forwards():
            reseed(seed)
            with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
                start = time.perf_counter()
                raw = call.run(arguments)
                middle = time.perf_counter()
        outputs = [t for _, t in named_outputs(raw, flat=call.flat) if t.requires_grad]
        wanted = [leaves[i] for i in call.differentiated]
        again = time.perf_counter()
        torch.autograd.grad(
            outputs, wanted, [torch.ones_like(y) for y in outputs], allow_unused=True
        )
    except Exception as error:  # the author's forward may refuse to run in the open
        raise NotApplicable(f"forward does not run under autograd: {error}") from error
    return PlainAutograd(sum(packed.values()), middle - start, time.perf_counter() - again)
