"""Small experiments on a Function: linearity in grad_output, interleaved calls, leaks, work for frozen inputs."""

from __future__ import annotations

import gc
import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from pytest_autograd.call.call import Call, named_outputs
from pytest_autograd.derivatives.compare import apart, relative_error
from pytest_autograd.derivatives.evaluator import Evaluator
from pytest_autograd.derivatives.tangents import direction, signed_bounded
from pytest_autograd.errors import NotApplicable, TargetRaised
from pytest_autograd.facts.observe import BackwardRun, Trace, observe
from pytest_autograd.running.phase import phase
from pytest_autograd.running.rng import reseed

LINEAR_RTOL = 0.02  # rounding in a bfloat16 backward is no nonlinearity
LARGE = 1000.0
THREADS_END_WITHIN = 0.2


@dataclass(frozen=True)
class Nonlinearity:
    """How backward breaks linearity in grad_output: the argument, by how much, and at which scale."""

    argument: str
    error: float
    law: str


def nonlinearities(evaluator: Evaluator, seed: int, precision: float) -> list[Nonlinearity]:
    """Return for each argument the first law of linearity in grad_output that backward breaks.

    A gradient that ignores grad_output altogether is left to the judge of values.
    """
    point = evaluator.point
    generator = torch.Generator().manual_seed(seed)
    outputs = evaluator.forward(point)
    one, other = (signed_bounded(outputs, generator) for _ in range(2))
    first, second = evaluator.vjp(point, one), evaluator.vjp(point, other)
    ignoring = {
        name for name, a, b in zip(evaluator.names, first, second, strict=True) if _close(a, b, 0.0)
    }
    tolerance = max(LINEAR_RTOL, 50 * precision)

    def combine(a: float, x: Sequence[Any], b: float, y: Sequence[Any]) -> list[Any]:
        return [None if p is None else a * p + b * q for p, q in zip(x, y, strict=True)]

    laws = (
        ("a term does not depend on it: B(0) is not 0", 0.0, 0.0),
        ("B(2.5 g - 1.5 h) is not 2.5 B(g) - 1.5 B(h)", 2.5, -1.5),
        ("B(-g) is not -B(g)", -1.0, 0.0),
        ("B(1000 g) is not 1000 B(g)", LARGE, 0.0),
    )
    found: dict[str, Nonlinearity] = {}
    for law, a, b in laws:
        expected = combine(a, first, b, second)
        answers = evaluator.vjp(point, combine(a, one, b, other))
        for name, want, got in zip(evaluator.names, expected, answers, strict=True):
            if name not in found and name not in ignoring and not _close(want, got, tolerance):
                found[name] = Nonlinearity(name, apart(want, got), law)
    return list(found.values())


def _close(want: Tensor | None, got: Tensor | None, tolerance: float) -> bool:
    if want is None or got is None:
        return want is got
    return relative_error(want, got) <= tolerance


def moved_copies(evaluator: Evaluator, generator: torch.Generator) -> list[Tensor]:
    """Return another point for a call that runs beside the first: a shared tensor cannot hold two values at a time."""
    point, call = evaluator.point, evaluator.call
    along = direction(point, generator)
    stay = [call.slots[i].shared is not None for i in call.differentiated]
    return [x if stays else x + 0.5 * u for x, u, stays in zip(point, along, stay, strict=True)]


def interleaving_error(evaluator: Evaluator, seed: int) -> tuple[str, float] | None:
    """Run forward A, forward B, backward B, backward A; return what changed A's gradient.

    That is the name of the argument and the relative error, or None.
    """
    generator = torch.Generator().manual_seed(seed)
    point = evaluator.point
    moved = moved_copies(evaluator, generator)
    cotangents = signed_bounded(evaluator.forward(point), generator)
    alone = evaluator.vjp(point, cotangents)
    together = evaluator.vjp_around(point, cotangents, moved)
    for name, want, got in zip(evaluator.names, alone, together, strict=True):
        if not _close(want, got, 1e-12):
            return name, apart(want, got)
    return None


def unsteady_output(evaluator: Evaluator, tolerance: float) -> tuple[str, float] | None:
    """Return (output, relative error) of two forwards on the same inputs and random stream that differ, else None."""
    one, other = (evaluator.forward(evaluator.point) for _ in range(2))
    for name, first, second in zip(evaluator.output_names, one, other, strict=True):
        if not _close(first, second, tolerance):
            return name, relative_error(first, second)
    return None


def leaks(call: Call, seed: int) -> bool:
    """Whether the node of one call outlives its outputs: a reference cycle that keeps the saved tensors alive."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        node = _node_after_call(call, seed)
        if node is None:
            raise NotApplicable("no output requires grad")
        leaked = node() is not None and not _dies_soon(node)
    finally:
        if enabled:
            gc.enable()
    return leaked


def _dies_soon(node: weakref.ref[Any]) -> bool:
    """Whether the node goes by itself in a moment: a thread that took part in forward may still be letting go of it."""
    limit = time.monotonic() + THREADS_END_WITHIN
    while node() is not None and time.monotonic() < limit:
        time.sleep(0.005)
    return node() is None


def _node_after_call(call: Call, seed: int) -> weakref.ref[Any] | None:
    """Call once, drop everything, and return a weak reference to the node that autograd made."""
    _, arguments = call.fresh()
    with phase("forward"), torch.enable_grad():
        reseed(seed)
        raw = call.run(arguments)
    nodes = [tensor.grad_fn for _, tensor in named_outputs(raw, flat=True)]
    own = [node for node in nodes if type(node) is call.function._backward_cls]  # type: ignore[union-attr]
    return weakref.ref(own[0]) if own else None


@dataclass(frozen=True)
class Wasted:
    """Floating-point operations of backward that no asked-for gradient needs, with one argument frozen."""

    frozen: str
    wasted: int
    total: int


class _WorkMeter(TorchDispatchMode):
    """Keeps for each tensor the set of operations that it was made by, and what each operation costs."""

    def __init__(self) -> None:
        super().__init__()
        self.flops: list[int] = []
        self._makers: dict[int, frozenset[int]] = {}
        self._alive: list[Tensor] = []

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # True imports the compiler, which takes a second

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        made_by = frozenset({len(self.flops)}).union(
            *(self.makers(leaf) for leaf in pytree.tree_leaves((args, kwargs)))
        )
        count = flop_registry.get(func.overloadpacket)
        self.flops.append(int(count(*args, **kwargs, out_val=result)) if count else 0)
        for leaf in pytree.tree_leaves(result):
            if isinstance(leaf, Tensor):
                self._makers[id(leaf)] = made_by
                self._alive.append(leaf)
        return result

    def makers(self, value: Any) -> frozenset[int]:
        """Return the operations that ``value`` depends on."""
        return (
            self._makers.get(id(value), frozenset()) if isinstance(value, Tensor) else frozenset()
        )


def work_for_frozen(call: Call, seed: int) -> list[Wasted]:
    """Freeze one differentiated argument after the other and measure what backward still computes in vain.

    Counted are matrix products, convolutions and attention, whose cost torch knows; elementwise work is trivial
    beside a kernel launch and counts nothing. Work that is idle with nothing frozen, as in a recomputed forward, is no
    fault of the frozen argument.
    """
    if len(call.differentiated) < 2:
        raise NotApplicable("only one argument is differentiated")
    always = _idle_work(call, seed)
    found = []
    for index in call.freezable:
        slots = tuple(
            replace(s, differentiated=s.differentiated and i != index)
            for i, s in enumerate(call.slots)
        )
        work = _idle_work(replace(call, slots=slots), seed)
        if work is not None:
            idle = max(0, work[0] - (always[0] if always else 0))
            found.append(Wasted(call.slots[index].name, idle, work[1]))
    return found


def _idle_work(call: Call, seed: int) -> tuple[int, int] | None:
    """Return (operations that no asked-for gradient is made from, all operations) of one backward."""
    meter = _WorkMeter()
    run = _answered(observe(call, seed, backward_times=1, around_backward=meter))
    if run is None:
        return None
    needed: frozenset[int] = frozenset()
    for gradient, need in zip(run.returned, run.needs_input_grad, strict=False):
        if need:
            needed |= meter.makers(gradient)
    total = sum(meter.flops)
    return total - sum(meter.flops[i] for i in needed), total


def _answered(trace: Trace) -> BackwardRun | None:
    runs = [run for run in trace.backwards if run.came_back]
    return runs[0] if runs else None


def goes_stale(evaluator: Evaluator, argument: str, seed: int) -> bool:
    """Whether an in-place write to ``argument`` between forward and backward silently changes the gradients."""
    point = evaluator.point
    cotangents = signed_bounded(evaluator.forward(point), torch.Generator().manual_seed(seed))
    clean = evaluator.vjp(point, cotangents)
    try:
        written = evaluator.vjp(point, cotangents, overwritten=argument)
    except TargetRaised:  # autograd noticed the write: that is what ought to happen
        return False
    return not all(_close(a, b, 1e-12) for a, b in zip(clean, written, strict=True))


def random_backward(evaluator: Evaluator, seed: int) -> str | None:
    """Return the argument whose gradient depends on the random stream that backward meets, None if none does."""
    point = evaluator.point
    cotangents = signed_bounded(evaluator.forward(point), torch.Generator().manual_seed(seed))
    one, other = (evaluator.vjp(point, cotangents, shift=shift) for shift in (1, 2))
    for name, a, b in zip(evaluator.names, one, other, strict=True):
        if not _close(a, b, 1e-12):
            return name
    return None


def once_differentiable_hole(evaluator: Evaluator, seed: int) -> bool:
    """Whether the first gradient depends on the inputs while autograd finds no graph behind it.

    The cotangent needs no gradient, as after ``.sum()``: then ``once_differentiable`` does not raise.
    """
    generator = torch.Generator().manual_seed(seed)
    point = evaluator.point
    cotangents = signed_bounded(evaluator.forward(point), generator)
    moved = [x + 0.1 * u for x, u in zip(point, direction(point, generator), strict=True)]
    here, there = evaluator.vjp(point, cotangents), evaluator.vjp(moved, cotangents)
    return not all(_close(a, b, 1e-9) for a, b in zip(here, there, strict=True))
