"""What the checked code reaches beside its tensor arguments is put back after an audit: values and gradients."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from pytest_autograd.call.call import Call
from pytest_autograd.call.intercept import METHODS
from pytest_autograd.call.tensors import same
from pytest_autograd.errors import CheckError

MIB = 2**20


def reachable(call: Call) -> list[Tensor]:
    """Return tensors that the call can write to behind the audit's back.

    Those are tensors and modules among its other arguments, and in closures and globals of the callable or of the
    Function's methods; what hides in objects of other kinds is not found.
    """
    arguments, keywords = call.rebuild([slot.value for slot in call.slots])
    passed = {id(slot.value) for slot in call.slots}
    values: list[Any] = [*arguments, *keywords.values()]
    for code in (call.target, *(getattr(call.function, name, None) for name in METHODS)):
        if inspect.isfunction(code):
            names = inspect.getclosurevars(inspect.unwrap(code))
            values += [*names.nonlocals.values(), *names.globals.values()]
    found: dict[int, Tensor] = {}
    for leaf in pytree.tree_leaves(values):
        tensors = [*leaf.parameters(), *leaf.buffers()] if isinstance(leaf, nn.Module) else [leaf]
        found |= {id(t): t for t in tensors if isinstance(t, Tensor) and id(t) not in passed}
    return list(found.values())


@contextmanager
def put_back(tensors: Sequence[Tensor], limit: float) -> Iterator[None]:
    """Keep copies of ``tensors`` and of their gradients, and write back what has changed.

    Raises:
        CheckError: the copies would take more than ``limit`` bytes.
    """
    size = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    if size > limit:
        raise CheckError(
            f"too big to keep: the modules and tensors it reaches hold {size / MIB:,.0f} MiB, more than the "
            f"{limit / MIB:,.0f} MiB a call may take"
        )
    kept = [(t, t.detach().clone(), _grad(t), _copy(_grad(t))) for t in tensors]
    try:
        yield
    finally:
        with torch.no_grad():
            for tensor, value, grad, grad_value in kept:
                if not same(tensor, value):
                    tensor.copy_(value)
                if _grad(tensor) is not grad:
                    tensor.grad = grad
                if grad is not None and grad_value is not None and not same(grad, grad_value):
                    grad.copy_(grad_value)


@contextmanager
def gradients_kept(tensors: Sequence[Tensor]) -> Iterator[None]:
    """Take the gradients off ``tensors``, and put the same ones back: what a backward adds by itself is no one's."""
    kept = [(tensor, tensor.grad) for tensor in tensors if tensor.is_leaf]
    for tensor, _ in kept:
        tensor.grad = None
    try:
        yield
    finally:
        for tensor, grad in kept:
            tensor.grad = grad


def _grad(tensor: Tensor) -> Tensor | None:
    return tensor.grad if tensor.is_leaf else None


def _copy(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.detach().clone()
