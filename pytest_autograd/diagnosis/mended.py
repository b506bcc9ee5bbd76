"""The checked Function with something done around its methods: a throw-away subclass, and the call of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial, wraps
from typing import Any

from torch.autograd.function import Function

from pytest_autograd.call.call import Call
from pytest_autograd.call.target import PLAIN_APPLY, defines_setup_context
from pytest_autograd.errors import NotApplicable

Run = Callable[..., Any]


class Mend:
    """What is done around the author's methods; by itself nothing."""

    def inside(self) -> AbstractContextManager[Any]:
        """Return the context that forward and backward run in."""
        return nullcontext()

    def seen_by_forward(self, ctx: Any) -> Any:
        """Return what the author's code gets for ctx while forward runs."""
        return ctx

    def seen_by_backward(self, ctx: Any) -> Any:
        """Return what the author's code gets for ctx while backward runs."""
        return ctx

    def forward(self, run: Run, arguments: Sequence[Any]) -> Any:
        """Run forward, without ctx."""
        return run(*arguments)

    def setup(self, run: Callable[[], Any]) -> None:
        """Run setup_context."""
        run()

    def after_forward(self, ctx: Any, arguments: Sequence[Any], output: Any) -> None:
        """Do something once forward has come back and ctx is filled."""

    def backward(self, ctx: Any, run: Run, grads: Sequence[Any]) -> Any:
        """Run backward, without ctx."""
        return run(*grads)


class SeenCtx:
    """A ctx some of whose attributes are others; what is set goes to the real one."""

    def __init__(self, ctx: Any, **others: Any) -> None:
        vars(self).update(others, _ctx=ctx)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ctx, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._ctx, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._ctx, name)


def mended(call: Call, mend: Mend) -> Call:
    """Return the same call of a subclass whose methods run as ``mend`` has it.

    Raises:
        NotApplicable: the target is no Function.
    """
    function = call.function
    if function is None:
        raise NotApplicable("the target is a callable; each Function that it calls is audited")
    body: dict[str, Any] = {
        "__module__": function.__module__,
        "__qualname__": function.__qualname__,
        **_forward_of(function, mend),
    }
    for name in ("backward", "vjp"):
        if getattr(function, name) is not getattr(Function, name):
            body[name] = staticmethod(_backward(getattr(function, name), mend))
    if function.jvp is not Function.jvp:
        body["jvp"] = staticmethod(_inside(function.jvp, mend))
    subclass: Any = type(function.__name__, (function,), body)
    return replace(call, function=subclass, target=partial(PLAIN_APPLY, subclass))


def _forward_of(function: type[Function], mend: Mend) -> dict[str, Any]:
    author: Any = function.forward

    if not defines_setup_context(function):

        @wraps(author)
        def with_ctx(ctx: Any, *args: Any, **kwargs: Any) -> Any:
            run = partial(author, mend.seen_by_forward(ctx), **kwargs)
            with mend.inside():
                output = mend.forward(run, args)
            mend.after_forward(ctx, args, output)
            return output

        return {"forward": staticmethod(with_ctx)}

    @wraps(author)
    def without_ctx(*args: Any, **kwargs: Any) -> Any:
        with mend.inside():
            return mend.forward(partial(author, **kwargs), args)

    @wraps(function.setup_context)
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        mend.setup(partial(function.setup_context, mend.seen_by_forward(ctx), inputs, output))
        mend.after_forward(ctx, inputs, output)

    return {
        "forward": staticmethod(without_ctx),
        "setup_context": staticmethod(setup_context),
    }


def _backward(author: Any, mend: Mend) -> Any:
    @wraps(author)
    def backward(ctx: Any, *grads: Any) -> Any:
        with mend.inside():
            return mend.backward(ctx, partial(author, mend.seen_by_backward(ctx)), grads)

    return backward


def _inside(author: Any, mend: Mend) -> Any:
    @wraps(author)
    def method(*args: Any) -> Any:
        with mend.inside():
            return author(*args)

    return method
