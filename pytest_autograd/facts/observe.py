"""One observed run of a custom Function: what it did with ctx, its inputs and its gradients.

The run goes through a throw-away subclass whose ``forward``, ``setup_context`` and ``backward`` note what passes and
hand it on unchanged, so the author's code runs under the real engine with a real ctx, and the gradients are seen
before the engine sums, casts or refuses them.
"""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import Function

from pytest_autograd.call.call import Call, differentiable, named_outputs
from pytest_autograd.call.target import PLAIN_APPLY, defines_setup_context
from pytest_autograd.call.tensors import same, storages
from pytest_autograd.derivatives.tangents import signed_bounded
from pytest_autograd.places import Place
from pytest_autograd.running.phase import phase
from pytest_autograd.running.rng import reseed


@dataclass(frozen=True)
class Save:
    """One call of ``save_for_backward``."""

    values: tuple[Any, ...]
    place: Place


@dataclass
class BackwardRun:
    """One run of backward: what came in, what it changed, and what it returned before the engine saw it."""

    received: tuple[Any, ...] = ()
    came_back: bool = False
    returned: tuple[Any, ...] = ()
    needs_input_grad: tuple[bool, ...] = ()
    error: Exception | None = None
    refused: Exception | None = None
    changed_grads: list[int] = field(default_factory=list)
    changed_saved: list[int] = field(default_factory=list)
    gradients: list[Tensor | None] = field(default_factory=list)
    seconds: float = 0.0

    def same_as(self, other: BackwardRun) -> bool:
        """Whether both passes gave the same gradients."""
        return all(
            a is b or (a is not None and b is not None and same(a, b))
            for a, b in zip(self.gradients, other.gradients, strict=True)
        )


@dataclass
class Trace:
    """What one call of ``apply`` and the backward passes after it did.

    ``returned`` tells whether forward came back; ``error`` is what ``apply`` raised. ``changed_inputs`` are slots
    whose bytes changed during forward, ``written_inputs`` those whose version did; ``dirty`` are tensors marked so.
    """

    function: type[Function]
    arguments: list[Tensor] = field(default_factory=list)
    output: Any = None
    returned: bool = False
    error: Exception | None = None
    saves: list[Save] = field(default_factory=list)
    reads_in_forward: list[Place] = field(default_factory=list)
    dirty: list[Tensor] = field(default_factory=list)
    ctx: Any = None
    changed_inputs: list[int] = field(default_factory=list)
    written_inputs: list[int] = field(default_factory=list)
    backwards: list[BackwardRun] = field(default_factory=list)
    forward_seconds: float = 0.0

    @property
    def outputs(self) -> list[tuple[str, Tensor]]:
        """Named outputs that autograd can see."""
        return named_outputs(self.output, flat=True)

    @property
    def node_outputs(self) -> list[tuple[str, Tensor]]:
        """Named outputs that require grad."""
        return [(n, t) for n, t in self.outputs if t.requires_grad and differentiable(t)]

    @property
    def saved_bytes(self) -> int:
        """Bytes of the distinct storages passed to the last ``save_for_backward``."""
        saved = self.saves[-1].values if self.saves else ()
        held = [storages(t) for t in saved if isinstance(t, Tensor)]
        return sum({address: size for each in held for address, size in each.items()}.values())

    def ctx_attributes(self) -> dict[str, Any]:
        """Return what the author put on ctx as plain attributes."""
        return dict(vars(self.ctx)) if self.ctx is not None else {}


def observe(
    call: Call,
    seed: int,
    backward_times: int = 2,
    around_backward: AbstractContextManager[Any] | None = None,
) -> Trace:
    """Run forward once and backward ``backward_times`` times on one graph, and return what was seen."""
    assert call.function is not None
    trace = Trace(call.function)
    watched = _watched_subclass(call.function, trace)
    leaves, arguments = call.fresh()
    trace.arguments = arguments
    before = [argument.detach().clone() for argument in arguments]
    versions = [argument._version for argument in arguments]
    args, kwargs = call.rebuild(arguments)
    with phase("forward"), torch.enable_grad():
        reseed(seed)
        start = time.perf_counter()
        try:
            trace.output = PLAIN_APPLY(watched, *args, **kwargs)
        except Exception as error:  # the author's forward may raise anything: it is the finding
            trace.error = error
            return trace
        trace.forward_seconds = time.perf_counter() - start
    trace.changed_inputs = [
        i for i, (old, new) in enumerate(zip(before, arguments, strict=True)) if not same(old, new)
    ]
    trace.written_inputs = [  # the engine itself counts one write for a dirty input
        i
        for i, argument in enumerate(arguments)
        if argument._version > versions[i] + any(argument is dirty for dirty in trace.dirty)
    ]
    outputs = [tensor for _, tensor in trace.node_outputs]
    if outputs:
        wanted = [leaves[i] for i in call.differentiated]
        generator = torch.Generator().manual_seed(seed)
        cotangents = signed_bounded([output.detach() for output in outputs], generator)
        with around_backward or nullcontext():
            for _ in range(backward_times):
                _backward_once(trace, seed, outputs, wanted, cotangents)
    return trace


def _backward_once(
    trace: Trace,
    seed: int,
    outputs: Sequence[Tensor],
    wanted: Sequence[Tensor],
    cotangents: Sequence[Tensor],
) -> None:
    known = len(trace.backwards)
    with phase("backward"):
        reseed(seed)
        try:
            gradients = torch.autograd.grad(
                outputs,
                wanted,
                [c.clone() for c in cotangents],
                allow_unused=True,
                retain_graph=True,
            )
        except Exception as error:  # backward may raise anything: it is the finding
            if len(trace.backwards) == known:
                trace.backwards.append(BackwardRun(refused=error))
            elif trace.backwards[-1].error is None:
                trace.backwards[-1].refused = error
            return
    if len(trace.backwards) > known:
        trace.backwards[-1].gradients = [
            g if g is None else g.detach().to_dense().clone() for g in gradients
        ]


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


def _changed(before: Sequence[Any], after: Sequence[Any]) -> list[int]:
    pairs = enumerate(zip(before, after, strict=True))
    return [i for i, (b, a) in pairs if isinstance(b, Tensor) and not same(b, a)]


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
