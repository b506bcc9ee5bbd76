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

from pytest_autograd.call.call import Call
from pytest_autograd.call.constants import own_containers
from pytest_autograd.derivatives.compare import Difference, apart
from pytest_autograd.derivatives.evaluator import Evaluator
from pytest_autograd.errors import NotApplicable, TargetRaised
from pytest_autograd.facts.base import Facts, Subject, fact
from pytest_autograd.facts.numbers import Numbers
from pytest_autograd.facts.run import ObservedRun
from pytest_autograd.running.rng import reseed, streams_kept

# the wrapper imports the compiler, which takes a second
PLAIN_CHECKPOINT = inspect.unwrap(checkpoint)


class Checkpointing(Facts):
    """What saving memory changes."""

    def __init__(self, subject: Subject, run: ObservedRun, numbers: Numbers) -> None:
        super().__init__(subject)
        self.run, self.numbers = run, numbers

    @fact
    def difference(self) -> Difference | None:
        """The first way of saving memory that changes outputs or gradients, or raises."""
        self.run.require_function()
        if self.run.trace.dirty or self.run.trace.changed_inputs:
            raise NotApplicable("forward writes to its input, so it cannot be run again")
        evaluator, sample = self.numbers.evaluator, self.numbers.sample
        sent = dict(zip(evaluator.output_names, sample.cotangents, strict=True))
        gradients = [f"the gradient of {name}" for name in evaluator.names]
        want = dict(zip(evaluator.output_names, sample.outputs, strict=True))
        want |= dict(zip(gradients, sample.gradients, strict=True))
        for where, call in _ways(evaluator.call, self.seed):
            other = Evaluator(call, self.seed)
            try:
                again = other.forward(sample.point)
                # a reentrant checkpoint makes every output require grad, masks too
                answers = other.vjp(sample.point, [sent.get(name) for name in other.output_names])
            except TargetRaised as raised:
                return Difference(f"{where}, {raised.where} raises", raised=raised.error)
            got = dict(zip(other.output_names, again, strict=True))
            got |= dict(zip(gradients, answers, strict=True))
            for what, known in want.items():
                error = apart(known, got.get(what))
                if error > self.numbers.tolerance:
                    return Difference(f"{where}, {what} is another one", error=error)
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
    own = any(slot.shared is not None or slot.attributes for slot in call.slots)
    if not own:  # it detaches its arguments, and nobody passes it a module's own tensors
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
