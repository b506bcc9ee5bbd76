"""Tensor arguments that the Function also reaches by another road: a parameter of a module that is passed beside it.

``Fn.apply(module, x, *module.parameters())`` computes with the module's own parameters and returns gradients for
those arguments. A copy of such an argument would change nothing in forward, so the tensor itself takes the value of
each point and gets its own memory back in the end.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import Function

from pytest_autograd.call.intercept import VJP_METHODS

MOST_OBJECTS = 2000
PLAIN = (int, float, complex, str, bytes, bool, type(None), torch.dtype, torch.device, torch.Size)


def shared_arguments(function: type[Function], values: Sequence[Any]) -> dict[int, Tensor]:
    """Return, by place, the leaves among ``values`` that the other values or the Function's closures hold too."""
    others = [value for value in values if not isinstance(value, (Tensor, *PLAIN))]
    for name in VJP_METHODS:
        code = getattr(function, name, None)
        if inspect.isfunction(code):
            others += _captured(inspect.unwrap(code))
    if not others:
        return {}
    places = {
        (_address(value), value.shape): i
        for i, value in enumerate(values)
        if isinstance(value, Tensor) and value.requires_grad and _address(value)
    }
    found: dict[int, Tensor] = {}
    for tensor in _tensors_within(others) if places else ():
        if tensor.is_leaf and tensor.requires_grad:
            place = places.get((_address(tensor), tensor.shape))
            if place is not None:
                found[place] = tensor
    return found


def _address(tensor: Tensor) -> int:
    """Return where the first element lies; 0 for a tensor without memory."""
    try:
        return tensor.data_ptr()
    except (NotImplementedError, RuntimeError):
        return 0


def _captured(code: Any) -> list[Any]:
    names = inspect.getclosurevars(code)
    return [value for value in names.nonlocals.values() if not isinstance(value, PLAIN)]


def _tensors_within(values: Iterable[Any]) -> Iterator[Tensor]:
    """Yield the tensors that are reached from modules, containers, bound methods, closures and plain objects."""
    seen: set[int] = set()
    waiting = list(values)
    while waiting and len(seen) < MOST_OBJECTS:
        value = waiting.pop()
        if isinstance(value, PLAIN) or id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, Tensor):
            yield value
        else:
            waiting += _parts(value)


def _parts(value: Any) -> list[Any]:
    if isinstance(value, nn.Module):
        return [*value.parameters(), *value.buffers(), *value.__dict__.values()]
    if isinstance(value, list | tuple | set | frozenset):
        return list(value)
    if isinstance(value, Mapping):
        return list(value.values())
    if isinstance(value, functools.partial):
        return [value.func, *value.args, *value.keywords.values()]
    if inspect.ismethod(value):
        return [value.__self__, value.__func__]
    if inspect.isfunction(value):
        return _captured(value)
    if isinstance(value, type) or inspect.ismodule(value):
        return []
    return list(getattr(value, "__dict__", {}).values())


@contextmanager
def own_memory_back(tensors: Iterable[Tensor]) -> Iterator[None]:
    """Give each tensor its own memory and its own ``.grad`` back at the end of the block."""
    kept = [(tensor, tensor.data, tensor.grad, _copied(tensor.grad)) for tensor in tensors]
    try:
        yield
    finally:
        for tensor, memory, gradient, value in kept:
            tensor.data = memory
            tensor.grad = gradient
            if gradient is not None and value is not None:
                with torch.no_grad():
                    gradient.copy_(value)


def _copied(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.detach().clone()
