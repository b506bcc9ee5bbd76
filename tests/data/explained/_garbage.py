"""Fresh memory that holds another number each time, and what reads it."""

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from pytest_autograd.facts.uninitialised import EMPTY


class Garbage(TorchDispatchMode):
    """Fills fresh memory with another number each time, or where ``calm`` says so with zero."""

    def __init__(self, calm: Callable[[Tensor, int], bool] = lambda tensor, number: False) -> None:
        super().__init__()
        self.numbers, self.calm = itertools.count(), calm

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func in EMPTY and result.is_floating_point() and result.device.type != "meta":
            number = next(self.numbers)
            result.fill_(0.0 if self.calm(result, number) else 3.0 + 7 * (number % 101))
        return result


at_five_in_float64 = partial(
    Garbage, lambda tensor, number: tensor.shape == (5,) and tensor.dtype == torch.float64
)
in_float64 = partial(Garbage, lambda tensor, number: tensor.dtype == torch.float64)
at_first = partial(Garbage, lambda tensor, number: number < 20)


def rest_of(values, start=1):
    """Return a copy of ``values`` whose first rows nobody writes."""
    copy = torch.empty(values.shape, dtype=values.dtype)
    copy[start:] = values[start:]
    return copy


def only_kept(values, keep):
    """Return ``values`` where ``keep`` is, in memory that nobody has cleared."""
    return torch.empty(values.shape, dtype=values.dtype).masked_scatter(keep, values[keep])
