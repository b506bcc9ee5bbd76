"""Which custom Functions were called, and with what: one call kept for each distinct signature."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch._functorch.pyfunctorch import temporarily_clear_interpreter_stack
from torch.autograd.function import Function

from pytest_autograd._call import Call, differentiable
from pytest_autograd._errors import CheckError
from pytest_autograd._intercept import Apply, intercepted
from pytest_autograd._target import function_call

functorch: Any = torch._C._functorch  # type: ignore[attr-defined]


class Recorder:
    """Records calls of authors' Functions; values are cloned when a signature is first seen."""

    def __init__(self) -> None:
        self._calls: dict[tuple[Any, ...], Call] = {}
        self._unwrapping: set[type[Function]] = set()
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
        self,
        function: type[Function],
        apply: Apply,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        under_transform: bool,
    ) -> Any:
        if function in self._unwrapping:  # the same call again, one transform further in
            return apply(*args, **kwargs)
        self.seen += 1
        with temporarily_clear_interpreter_stack():
            plain = [_plain(value) for value in args]
            plain_kwargs = {name: _plain(value) for name, value in kwargs.items()}
            key = (function, *(_signature(value) for value in (*plain, *plain_kwargs.values())))
            if key not in self._calls:
                self._keep(key, function, plain, plain_kwargs)
        if not under_transform:
            return apply(*args, **kwargs)
        self._unwrapping.add(function)
        try:
            return apply(*args, **kwargs)
        finally:
            self._unwrapping.discard(function)

    def _keep(
        self,
        key: tuple[Any, ...],
        function: type[Function],
        args: list[Any],
        kwargs: dict[str, Any],
    ) -> None:
        copies = [_copy(value) for value in args]
        keywords = {name: _copy(value) for name, value in kwargs.items()}
        try:
            self._calls[key] = function_call(function, copies, keywords)
        except CheckError as error:
            if str(error) not in self.unusable:
                self.unusable.append(f"{function.__qualname__}: {error}")


def _plain(value: Any) -> Any:
    """Return a value that outlives the call: a tensor without functorch wrappers, of a batch the first entry."""
    if not isinstance(value, Tensor):
        return value
    wanted = value.requires_grad
    with torch.no_grad():
        while functorch.is_functorch_wrapped_tensor(value):
            wanted = wanted or functorch.is_gradtrackingtensor(value)
            batch = functorch.maybe_get_bdim(value) if functorch.is_batchedtensor(value) else None
            value = functorch.get_unwrapped(value)
            if batch is not None:
                value = value.select(batch, 0)
        plain = value.detach()
    return plain.requires_grad_(wanted and differentiable(plain))


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
