"""One observed run of a custom Function: what it did with ctx, its inputs and its gradients.

The run goes through a throw-away subclass whose ``forward``, ``setup_context`` and ``backward`` note what passes and
hand it on unchanged, so the author's code runs under the real engine with a real ctx, and the gradients are seen
before the engine sums, casts or refuses them.
"""

from __future__ import annotations

import functools
import math
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import Function

from pytest_autograd.call.call import Call
from pytest_autograd.call.target import PLAIN_APPLY, defines_setup_context
from pytest_autograd.call.tensors import same
from pytest_autograd.derivatives.compare import relative_error
from pytest_autograd.derivatives.tangents import draw_cotangents
from pytest_autograd.errors import NotApplicable, TargetRaised
from pytest_autograd.facts.trace import BackwardRun, Save, Trace
from pytest_autograd.places import Place
from pytest_autograd.running.author_code import entering, run_inside
from pytest_autograd.running.plain_backward import plain_backward, refuses_grad


def observe(
    call: Call,
    seed: int,
    backward_times: int = 2,
    around_backward: AbstractContextManager[Any] | None = None,
    draw: Callable[[Sequence[Tensor], int], list[Tensor]] = draw_cotangents,
) -> Trace:
    """Run forward once and backward ``backward_times`` times on one graph, and return what was seen.

    ``draw`` makes the cotangents for the outputs, from a seed.

    Raises:
        NotApplicable: the target is a callable, or the author's code had not come back in its time.
    """
    if call.function is None:
        raise NotApplicable("the target is a callable; each Function that it calls is audited")
    trace = Trace(call.function)
    leaves, trace.arguments = call.fresh()
    if not _observe_forward(call, trace, seed):
        return trace
    outputs = [tensor for _, tensor in trace.node_outputs]
    if outputs:
        inputs = [leaves[i] for i in call.differentiated]
        cotangents = draw([output.detach() for output in outputs], seed)
        with around_backward or nullcontext():
            for _ in range(backward_times):
                _observe_backward(trace, seed, outputs, inputs, cotangents)
    return trace


def ones(outputs: Sequence[Tensor], _: int) -> list[Tensor]:
    """Return the cotangents that ``sum()`` sends."""
    return [torch.ones_like(output) for output in outputs]


def _observe_forward(call: Call, trace: Trace, seed: int) -> bool:
    """Run ``apply`` of the subclass; note what it did to its inputs. Return whether it came back."""
    arguments = trace.arguments
    before = [argument.detach().clone() for argument in arguments]
    versions = [argument._version for argument in arguments]
    apply = functools.partial(PLAIN_APPLY, _watched_subclass(trace.function, trace))
    try:
        with entering("forward", seed), torch.enable_grad():
            start = time.perf_counter()
            trace.output = run_inside(call, arguments, target=apply)
            trace.forward_seconds = time.perf_counter() - start
    except TargetRaised as raised:
        trace.error = raised.error
        return False
    trace.changed_inputs = _changed(before, arguments)
    trace.written_inputs = [  # the engine itself counts one write for a dirty input
        i
        for i, argument in enumerate(arguments)
        if argument._version > versions[i] + any(argument is dirty for dirty in trace.dirty)
    ]
    return True


def _observe_backward(
    trace: Trace,
    seed: int,
    outputs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    cotangents: Sequence[Tensor],
) -> None:
    known = len(trace.backwards)
    try:
        with entering("backward", seed):
            gradients = _gradients(trace, outputs, inputs, cotangents)
    except TargetRaised as raised:
        if len(trace.backwards) == known:
            trace.backwards.append(BackwardRun(refused=raised.error))
        elif trace.backwards[-1].error is None:
            trace.backwards[-1].refused = raised.error
        return
    if len(trace.backwards) > known:
        trace.backwards[-1].gradients = [
            g if g is None else g.detach().to_dense().clone() for g in gradients
        ]


def _gradients(
    trace: Trace,
    outputs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    cotangents: Sequence[Tensor],
) -> Sequence[Tensor | None]:
    """Ask the engine; by ``.backward()`` where ``autograd.grad`` is refused, which is no pass of backward then."""
    known = len(trace.backwards)
    sent = [c.clone() for c in cotangents]
    try:
        return torch.autograd.grad(outputs, inputs, sent, allow_unused=True, retain_graph=True)
    except RuntimeError as error:
        if not refuses_grad(error):
            raise
    del trace.backwards[known:]
    sent = [c.clone() for c in cotangents]
    return plain_backward(outputs, inputs, sent, retain_graph=True)


def _watched_subclass(function: type[Function], trace: Trace) -> type[Function]:
    body: dict[str, Any] = {
        "__module__": function.__module__,
        "__qualname__": function.__qualname__,
    }
    body["forward"] = staticmethod(_watch_forward(function, trace))
    if defines_setup_context(function):
        body["setup_context"] = staticmethod(_watch_setup(function, trace))
    for name in ("backward", "vjp"):
        if getattr(function, name) is not getattr(Function, name):
            body[name] = staticmethod(_watch_backward(getattr(function, name), trace))
    watched: Any = type(function.__name__, (function,), body)
    _watch_ctx(watched._backward_cls, trace)
    return watched


def _watch_forward(function: type[Function], trace: Trace) -> Callable[..., Any]:
    takes_ctx = not defines_setup_context(function)

    @functools.wraps(function.forward)
    def forward(*args: Any, **kwargs: Any) -> Any:
        if takes_ctx:
            trace.ctx = args[0]
        result = function.forward(*args, **kwargs)
        trace.returned = True
        return result

    return forward


def _watch_setup(function: type[Function], trace: Trace) -> Callable[..., Any]:
    @functools.wraps(function.setup_context)
    def setup_context(ctx: Any, inputs: Any, output: Any) -> Any:
        trace.ctx, trace.returned = ctx, False
        result = function.setup_context(ctx, inputs, output)
        trace.returned = True
        return result

    return setup_context


def _watch_backward(original: Callable[..., Any], trace: Trace) -> Callable[..., Any]:
    @functools.wraps(original)
    def backward(ctx: Any, *grads: Any) -> Any:
        run = BackwardRun(needs_input_grad=tuple(ctx.needs_input_grad))
        boxed = len(grads) == 1 and isinstance(grads[0], list)  # by boxed_grads_call
        given = tuple(grads[0]) if boxed else grads
        run.received = tuple(g.detach().clone() if isinstance(g, Tensor) else g for g in given)
        trace.backwards.append(run)
        saved = _saved_tensors(ctx)
        before = [s if s is None else s.detach().clone() for s in saved]
        start = time.perf_counter()
        try:
            result = original(ctx, *grads)
        except Exception as error:
            run.error = error
            raise
        finally:
            run.seconds = time.perf_counter() - start
            run.changed_grads = _changed(run.received, given)
            run.changed_saved = _changed(before, saved)
        run.came_back = True
        run.returned = result if isinstance(result, tuple) else (result,)
        return result

    return backward


def _saved_tensors(ctx: Any) -> tuple[Tensor | None, ...]:
    """Return what was saved, or nothing where reading it once would spend it or raises."""
    if getattr(ctx._forward_cls, "clear_saved_tensors_on_access", False):
        return ()
    try:
        return tuple(cast(Any, super(type(ctx), ctx)).saved_tensors)
    except RuntimeError:
        return ()


def _changed(before: Sequence[Any], after: Sequence[Any]) -> dict[int, float]:
    """Return the places whose tensors have changed, and by how much of their size."""
    pairs = enumerate(zip(before, after, strict=True))
    return {
        i: relative_error(b, a) if b.shape == a.shape else math.inf
        for i, (b, a) in pairs
        if isinstance(b, Tensor) and not same(b, a)
    }


def _watch_ctx(ctx_class: type, trace: Trace) -> None:
    """Note each use of the ctx methods, on the ctx class of the throw-away subclass only."""

    def own(ctx: Any) -> Any:
        return super(ctx_class, ctx)

    def caller() -> Place:
        frame = sys._getframe(2)
        return Place(frame.f_code.co_filename, frame.f_lineno)

    def saved_tensors(self: Any) -> Any:
        if not trace.returned:
            trace.reads_in_forward.append(caller())
        return own(self).saved_tensors

    def save_for_backward(self: Any, *values: Any) -> None:
        trace.saves.append(Save(values, caller()))
        own(self).save_for_backward(*values)

    def mark_dirty(self: Any, *values: Any) -> None:
        trace.dirty += [value for value in values if isinstance(value, Tensor)]
        own(self).mark_dirty(*values)

    ctx_class.saved_tensors = property(saved_tensors)  # type: ignore[attr-defined]
    ctx_class.save_for_backward = save_for_backward  # type: ignore[attr-defined]
    ctx_class.mark_dirty = mark_dirty  # type: ignore[attr-defined]
