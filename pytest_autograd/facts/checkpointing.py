"""The same gradient when the saved tensors were copied away, or forward is run again for backward."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.checkpoint import checkpoint

from pytest_autograd.call.call import Call, own_containers
from pytest_autograd.derivatives.compare import apart
from pytest_autograd.derivatives.evaluator import Evaluator
from pytest_autograd.derivatives.tangents import draw_cotangents
from pytest_autograd.errors import TargetRaised
from pytest_autograd.facts.transforms import Differs
from pytest_autograd.running.rng import reseed, streams_kept

# the wrapper imports the compiler, which takes a second
PLAIN_CHECKPOINT = inspect.unwrap(checkpoint)


def recompute_difference(evaluator: Evaluator, seed: int, tolerance: float) -> Differs | None:
    """Return the first way of saving memory that changes outputs or gradients, or raises."""
    point = evaluator.point
    outputs = evaluator.forward(point)
    cotangents = draw_cotangents(outputs, seed)
    sent = dict(zip(evaluator.output_names, cotangents, strict=True))
    gradients = [f"the gradient of {name}" for name in evaluator.names]
    want = dict(zip(evaluator.output_names, outputs, strict=True)) | dict(
        zip(gradients, evaluator.vjp(point, cotangents), strict=True)
    )
    for where, call in _ways(evaluator.call, seed):
        other = Evaluator(call, seed)
        try:
            again = other.forward(point)
            # a reentrant checkpoint makes every output require grad, masks too
            answers = other.vjp(point, [sent.get(name) for name in other.output_names])
        except TargetRaised as raised:
            return Differs(f"{where}, {raised.where} raises", raised=raised.error)
        got = dict(zip(other.output_names, again, strict=True)) | dict(
            zip(gradients, answers, strict=True)
        )
        for what, known in want.items():
            error = apart(known, got.get(what))
            if error > tolerance:
                return Differs(f"{where}, {what} is another one", error)
    return None


def _ways(call: Call, seed: int) -> Iterator[tuple[str, Call]]:
    def offloaded(*args: Any, **kwargs: Any) -> Any:
        with saved_tensors_hooks(lambda tensor: tensor.detach().clone(), lambda copy: copy):
            return call.target(*args, **kwargs)

    def reentrant(*args: Any, **kwargs: Any) -> Any:
        def run(*given: Any) -> Any:
            return call.target(*map(own_containers, given), **kwargs)

        return PLAIN_CHECKPOINT(run, *args, use_reentrant=True)

    yield "with saved tensors offloaded (saved_tensors_hooks)", replace(call, target=offloaded)
    yield "under checkpoint", replace(call, target=_run_again(call, seed))
    if not call.shared:  # it detaches its arguments, and nobody passes it a module's own tensors
        yield "under checkpoint(use_reentrant=True)", replace(call, target=reentrant)


def _run_again(call: Call, seed: int) -> Callable[..., Any]:
    """Return the target as under ``checkpoint(use_reentrant=False)``, whose own first use takes a second."""

    def target(*args: Any, **kwargs: Any) -> Any:
        places: list[int] = []
        again: list[Tensor] = []

        def pack(_: Tensor) -> int:
            places.append(len(places))
            return places[-1]

        def keep(tensor: Tensor) -> Tensor:
            again.append(tensor.detach())
            return tensor

        def unpack(place: int) -> Tensor:
            if not again:
                with streams_kept(), torch.enable_grad(), saved_tensors_hooks(keep, lambda t: t):
                    reseed(seed, torch_only=True)  # all that checkpoint puts back
                    call.target(*args, **kwargs)
            if len(again) != len(places):
                raise RuntimeError(
                    f"forward saves {len(places)} tensors and, run again, {len(again)}"
                )
            return again[place]

        first = [own_containers(value) for value in args]  # what wraps the call may build them anew
        with saved_tensors_hooks(pack, unpack):
            return call.target(*first, **kwargs)

    return target
