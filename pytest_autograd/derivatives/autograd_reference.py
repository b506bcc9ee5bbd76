"""The witness: reference gradients, by letting autograd differentiate the author's own forward.

Each custom Function is replaced by its raw ``forward``, called with a stand-in ctx under ``enable_grad``. The
result is exact and elementwise, at any size and dtype, but blind where forward leaves autograd (kernels, NumPy,
``detach``, ``no_grad``, ``.data``): such a graph break is noticed and told.
"""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

from pytest_autograd.call.call import Call
from pytest_autograd.call.intercept import Apply, intercepted
from pytest_autograd.call.target import defines_setup_context
from pytest_autograd.derivatives.compare import MaybeTensors
from pytest_autograd.errors import NotApplicable, TargetRaised, first_line
from pytest_autograd.running.author_code import gradients_of, run_forward

LEAVES_GRAPH = frozenset(
    [
        "detach",
        "detach_",
        "numpy",
        "__array__",
        "item",
        "tolist",
        "data",
        "data_ptr",
        "untyped_storage",
        "storage",
        "__float__",
        "__int__",
        "__bool__",
        "__dlpack__",
        "__cuda_array_interface__",
    ]
)
#: By these the memory of a tensor is reached without its sizes, which code behind an address takes for granted.
ADDRESSES = frozenset(
    ["data_ptr", "untyped_storage", "storage", "__dlpack__", "__cuda_array_interface__"]
)
MOST_STEPS = 10_000
MOST_SECONDS = 10.0
MOST_BYTES = 2 << 30
# nodes seen from Python are freed by recursion: 5,000 overflow the stack of 512 KiB that a thread may have
MOST_NODES = 2_000
MOST_NODES_IN_MAIN_THREAD = 10_000


class StandInContext:
    """What forward needs of a ctx, without autograd behind it."""

    saved_tensors: tuple[Tensor, ...] = ()

    def __init__(self, needs_input_grad: tuple[bool, ...]) -> None:
        self.needs_input_grad = needs_input_grad
        self.materialize_grads = True

    def save_for_backward(self, *tensors: Any) -> None:
        """Forget the tensors: nothing will ask for them."""

    save_for_forward = save_for_backward
    mark_dirty = save_for_backward
    mark_non_differentiable = save_for_backward

    def set_materialize_grads(self, value: bool) -> None:
        """Take the setting; it has no meaning here."""


@dataclass(frozen=True)
class ReferenceGradients:
    """Reference gradients of one call; ``breaks`` names what in forward left the graph."""

    gradients: MaybeTensors
    breaks: tuple[str, ...]


#: Takes a point and cotangents.
AskReference = Callable[[Sequence[Tensor], Sequence[Tensor]], ReferenceGradients]


class BreakSpotter(TorchFunctionMode):
    """Notes each operation that takes a differentiable tensor out of the graph, and ends a run that is too dear.

    ``by_address``: whether the address of any tensor was asked for.
    """

    def __init__(self) -> None:
        self.breaks: list[str] = []
        self.by_address = False
        self._steps = self._bytes = 0
        self._stop = time.monotonic() + MOST_SECONDS
        self._rests = False

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Look away in the enclosed block."""
        before, self._rests = self._rests, True
        try:
            yield
        finally:
            self._rests = before

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if self._rests:
            return func(*args, **(kwargs or {}))
        name = getattr(func, "__name__", str(func))
        attribute = name == "__get__"
        if attribute:
            name = getattr(getattr(func, "__self__", None), "__name__", name)
        self.by_address |= name in ADDRESSES
        tracked = [
            a
            for a in pytree.tree_leaves((args, kwargs))
            if isinstance(a, Tensor) and a.requires_grad
        ]
        if tracked:
            self._steps += 1
            self._give_up_in_time()
            if name in LEAVES_GRAPH:
                self._note(name)
            elif not torch.is_grad_enabled() and not attribute:
                self._note("torch.no_grad")
        with torch._C.DisableTorchFunctionSubclass():
            result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor) and result.requires_grad and result._base is None:
            self._bytes += result.nbytes
        return result

    def _give_up_in_time(self) -> None:
        if self._steps > MOST_STEPS:
            raise NotApplicable(f"forward takes more than {MOST_STEPS:,} steps")
        if self._bytes > MOST_BYTES:
            raise NotApplicable(f"forward makes more than {MOST_BYTES >> 30} GiB of intermediates")
        if time.monotonic() > self._stop:
            raise NotApplicable(f"forward takes more than {MOST_SECONDS:g} s under autograd")

    def _note(self, name: str) -> None:
        if name not in self.breaks:
            self.breaks.append(name)


def raw_forward(
    function: type, _apply: Apply, args: tuple[Any, ...], kwargs: dict[str, Any], _: bool
) -> Any:
    """Return what forward itself gives for a call of a Function, for :func:`intercepted`."""
    if defines_setup_context(function):
        bound = inspect.signature(function.forward).bind(*args, **kwargs)
        bound.apply_defaults()
        return function.forward(*bound.args, **bound.kwargs)
    needs = tuple(isinstance(a, Tensor) and a.requires_grad for a in (*args, *kwargs.values()))
    return function.forward(StandInContext(needs), *args, **kwargs)


@contextmanager
def _in_the_open(spotter: BreakSpotter) -> Iterator[None]:
    with raw_forwards(), spotter:
        yield


def raw_forwards() -> AbstractContextManager[None]:
    """Replace each custom Function by its raw forward in the enclosed block."""
    return intercepted(raw_forward)


@dataclass(frozen=True)
class OpenGraph:
    """The raw forward run under autograd: leaves of the differentiated slots, outputs by name, graph breaks.

    ``by_address``: whether it asked for the address of a tensor, as kernels do.
    """

    leaves: list[Tensor]
    outputs: dict[str, Tensor]
    breaks: tuple[str, ...]
    by_address: bool = False


def open_graph(call: Call, seed: int, point: Sequence[Tensor]) -> OpenGraph:
    """Run the raw forward at ``point`` under autograd.

    Raises:
        NotApplicable: forward cannot be run this way.
    """
    spotter = BreakSpotter()
    try:
        run = run_forward(call, call.filled(point), seed=seed, around=_in_the_open(spotter))
    except TargetRaised as raised:  # the author's forward may refuse to run in the open, in any way
        raise _refused(raised) from raised
    return OpenGraph(
        run.differentiated, dict(run.outputs), tuple(spotter.breaks), spotter.by_address
    )


def _refused(raised: TargetRaised) -> NotApplicable:
    return NotApplicable(f"forward does not run under autograd: {first_line(raised.error)}")


def reference_gradients(
    call: Call,
    seed: int,
    point: Sequence[Tensor],
    cotangents: Sequence[Tensor],
    output_names: Sequence[str],
) -> ReferenceGradients:
    """Return the gradient of ``<cotangents, outputs>`` by autograd through the raw forward.

    Raises:
        NotApplicable: forward cannot be run this way, or none of its outputs has a graph.
    """
    graph = open_graph(call, seed, point)
    pairs = [
        (graph.outputs[name], cotangent)
        for name, cotangent in zip(output_names, cotangents, strict=True)
        if name in graph.outputs and graph.outputs[name].requires_grad
    ]
    if not pairs:
        raise NotApplicable(f"forward leaves autograd ({', '.join(graph.breaks) or 'a kernel'})")
    outputs = [output for output, _ in pairs]
    sent = [cotangent.to(output.dtype) for output, cotangent in pairs]
    try:
        gradients = gradients_of(outputs, graph.leaves, sent, seed=seed)
    except TargetRaised as raised:  # an operation of forward has no derivative, or was overwritten
        raise _refused(raised) from raised
    return ReferenceGradients(gradients, (*graph.breaks, *foreign_nodes(outputs)))


def foreign_nodes(outputs: Sequence[Tensor]) -> list[str]:
    """Return the names of the nodes that torch did not generate: such a backward would witness for itself.

    Those are custom ops, Functions in C++, compiled regions, nodes of other libraries.

    Where there are too many nodes to look at, any may be foreign, and their number is told.
    """
    in_main = threading.current_thread() is threading.main_thread()
    most = MOST_NODES_IN_MAIN_THREAD if in_main else MOST_NODES
    nodes = nodes_of(outputs, most + 1)
    if len(nodes) > most:
        return [f"more than {most:,} nodes"]
    kinds = {type(node) for node in nodes}
    own = torch._C._functions  # type: ignore[attr-defined]
    return sorted(k.__name__ for k in kinds if getattr(own, k.__name__, None) is not k)


def nodes_of(outputs: Sequence[Tensor], most: int = MOST_NODES) -> list[Any]:
    """Return the nodes of the graph behind ``outputs``, at most so many."""
    seen: dict[Any, None] = {}
    todo: list[Any] = [output.grad_fn for output in outputs]
    while todo and len(seen) < most:
        node = todo.pop()
        if node is not None and node not in seen:
            seen[node] = None
            todo += [following for following, _ in node.next_functions]
    return list(seen)
