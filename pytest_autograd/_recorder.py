"""Which custom Functions were called, and with what: one call kept for each distinct signature."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import Function

from pytest_autograd._call import Call, differentiable
from pytest_autograd._errors import CheckError
from pytest_autograd._intercept import Apply, intercepted
from pytest_autograd._target import function_call


class Recorder:
    """Records calls of authors' Functions; values are cloned when a signature is first seen."""

    def __init__(self) -> None:
        self._calls: dict[tuple[Any, ...], Call] = {}
        self.seen = 0
        self.unusable: list[str] = []

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Record all calls made in the enclosed block."""
        with intercepted(self._note):
            yield

    def calls(self) -> list[Call]:
        """Return one call per distinct (Function, shapes, dtypes, requires_grad flags, other arguments)."""
        return list(self._calls.values())

    def _note(
        self, function: type[Function], apply: Apply, args: tuple[Any, ...], kwargs: dict[str, Any], _: bool
    ) -> Any:
        self.seen += 1
        plain = [_plain(value) for value in args]
        plain_kwargs = {name: _plain(value) for name, value in kwargs.items()}
        key = (function, *(_signature(value) for value in (*plain, *plain_kwargs.values())))
        if key not in self._calls:
            self._keep(key, function, plain, plain_kwargs)
        return apply(*args, **kwargs)

    def _keep(
        self, key: tuple[Any, ...], function: type[Function], args: list[Any], kwargs: dict[str, Any]
    ) -> None:
        copies = [_copy(value) for value in args]
        keywords = {name: _copy(value) for name, value in kwargs.items()}
        try:
            self._calls[key] = function_call(function, copies, keywords)
        except CheckError as error:
            if str(error) not in self.unusable:
                self.unusable.append(f"{function.__qualname__}: {error}")


def _plain(value: Any) -> Any:
    """Take a tensor out of its functorch wrappers; of a batch, the first entry."""
    while isinstance(value, Tensor) and torch._C._functorch.is_functorch_wrapped_tensor(value):
        batched = torch._C._functorch.is_batchedtensor(value)
        dim = torch._C._functorch.maybe_get_bdim(value) if batched else 0
        wanted = value.requires_grad or torch._C._functorch.is_gradtrackingtensor(value)
        with torch._C._functorch._preserve_dynamic_layer_stack() if False else torch.no_grad():
            inner = torch._C._functorch.get_unwrapped(value)
        value = inner.select(dim, 0) if batched else inner
        if wanted and differentiable(value) and not value.requires_grad:
            value = value.detach().requires_grad_()
    return value


def _signature(value: Any) -> Any:
    if isinstance(value, Tensor):
        return (tuple(value.shape), value.dtype, value.requires_grad, str(value.device))
    try:
        hash(value)
    except TypeError:
        return repr(value)
    return (type(value), value)


def _copy(value: Any) -> Any:
    if not isinstance(value, Tensor):
        return value
    return value.detach().clone().requires_grad_(value.requires_grad)
