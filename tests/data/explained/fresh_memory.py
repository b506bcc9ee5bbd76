"""Fresh memory that holds something else each time, and Functions that read it."""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch.autograd import Function
from torch.utils._python_dispatch import TorchDispatchMode

from pytest_autograd.facts.uninitialised import EMPTY


class Garbage(TorchDispatchMode):
    """Fills fresh memory with another number each time."""

    def __init__(self) -> None:
        super().__init__()
        self.values = itertools.cycle(range(3, 1000, 7))

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func in EMPTY and result.is_floating_point() and result.device.type != "meta":
            result.fill_(next(self.values))
        return result


def first_left_out(values: torch.Tensor) -> torch.Tensor:
    """Return a copy of ``values`` whose first row nobody writes."""
    copy = torch.empty_like(values, memory_format=torch.contiguous_format)
    copy[1:] = values[1:]
    return copy


class Product(Function):
    """Two arguments, two outputs, in the style with ctx."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x * y, x.sin()

    @staticmethod
    def backward(ctx, grad_product, grad_sine):
        x, y = ctx.saved_tensors
        return first_left_out(grad_product * y + grad_sine * x.cos()), grad_product * x


class Sine(Function):
    """One output, with all that torch's transforms ask for; forward leaves out the first row."""

    @staticmethod
    def forward(x):
        return first_left_out(x.sin())

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return first_left_out(grad_output * x.cos())

    @staticmethod
    def jvp(ctx, tangent):
        (x,) = ctx.saved_tensors
        return first_left_out(tangent * x.cos())

    @staticmethod
    def vmap(info, in_dims, x):
        return Sine.apply(x.movedim(in_dims[0], -1)), x.dim() - 1
