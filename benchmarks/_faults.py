"""Faults put into right Functions: a subclass whose backward changes what the right one returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

#: The right backward: takes gradients of the outputs, returns those of the arguments.
Right = Callable[..., list[Any]]
#: Takes the right backward and the incoming gradients; returns what the faulty backward answers.
Fault = Callable[[Right, Sequence[Tensor]], list[Any]]


def faulty(function: type[Function], fault: Fault) -> type[Function]:
    """Return a subclass of the same name whose gradients have the fault."""

    def backward(ctx: Any, *incoming: Tensor) -> tuple[Any, ...]:
        def right(*given: Tensor) -> list[Any]:
            answer: Any = function.backward(ctx, *given)
            return list(answer) if isinstance(answer, tuple) else [answer]

        return tuple(fault(right, incoming))

    return type(function.__name__, (function,), {"backward": staticmethod(backward)})


def in_slot(slot: int, change: Callable[[Tensor, Tensor], Any]) -> Fault:
    """Return the fault that changes one gradient, given the right one and grad_output."""

    def fault(right: Right, incoming: Sequence[Tensor]) -> list[Any]:
        answer = right(*incoming)
        answer[slot] = change(answer[slot], incoming[0])
        return answer

    return fault


def vjp(function: type[Function], args: Sequence[Any], cotangent: Tensor) -> list[Tensor | None]:
    """Return the right gradients, one for each argument, None for those that have none."""
    wanted = [i for i, a in enumerate(args) if isinstance(a, Tensor) and a.requires_grad]
    leaves = {i: args[i].detach().clone().requires_grad_() for i in wanted}
    output: Any = function.apply(*(leaves.get(i, a) for i, a in enumerate(args)))
    found = torch.autograd.grad(output, list(leaves.values()), cotangent)
    given = dict(zip(wanted, found, strict=True))
    return [given.get(i) for i in range(len(args))]


def changed_at(tensor: Tensor, change: dict[int, Tensor]) -> Tensor:
    """Return a copy with ``change`` added at the flat places given."""
    flat = tensor.reshape(-1).clone()
    for place, amount in change.items():
        flat[place] = flat[place] + amount
    return flat.reshape(tensor.shape)
