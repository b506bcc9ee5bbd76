"""Faults put into right Functions: a subclass whose backward changes what the right one returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

Gradients = list[Any]
#: Takes the right gradients and the incoming ones; returns what the faulty backward answers.
Fault = Callable[[Gradients, Sequence[Tensor]], Gradients]


def faulty(function: type[Function], fault: Fault) -> type[Function]:
    """Return a subclass of the same name whose gradients have the fault."""

    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Any, ...]:
        right: Any = function.backward(ctx, *grad_outputs)
        return tuple(fault(list(right) if isinstance(right, tuple) else [right], grad_outputs))

    return type(function.__name__, (function,), {"backward": staticmethod(backward)})


def vjp(function: type[Function], args: Sequence[Any], cotangent: Tensor) -> list[Tensor | None]:
    """Return the right gradients, one for each argument, None for those that have none."""
    leaves = [
        a.detach().clone().requires_grad_(a.requires_grad) if isinstance(a, Tensor) else a
        for a in args
    ]
    wanted = [i for i, leaf in enumerate(leaves) if isinstance(leaf, Tensor) and leaf.requires_grad]
    output: Any = function.apply(*leaves)
    found = torch.autograd.grad(output, [leaves[i] for i in wanted], cotangent)
    given = dict(zip(wanted, found, strict=True))
    return [given.get(i) for i in range(len(args))]


def changed_at(tensor: Tensor, change: dict[int, Tensor]) -> Tensor:
    """Return a copy with ``change`` added at the flat places given."""
    flat = tensor.reshape(-1).clone()
    for place, amount in change.items():
        flat[place] = flat[place] + amount
    return flat.reshape(tensor.shape)
