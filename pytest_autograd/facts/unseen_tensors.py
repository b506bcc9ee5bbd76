"""Tensors that autograd does not see: in containers among arguments or outputs, captured, or past ``apply``."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import Function
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

from pytest_autograd.call.call import differentiable
from pytest_autograd.call.intercept import is_authors
from pytest_autograd.call.target import PLAIN_APPLY
from pytest_autograd.call.tensors import memory, tensors_within
from pytest_autograd.derivatives.tangents import direction, draw_cotangents
from pytest_autograd.errors import NotApplicable
from pytest_autograd.facts.base import Facts, Subject, fact
from pytest_autograd.facts.numbers import Numbers
from pytest_autograd.facts.run import ObservedRun
from pytest_autograd.running.author_code import run_forward
from pytest_autograd.running.restore import gradients_kept

SMALL_STEP = 1e-3
NO_READS = ("detach", "__get__", "size", "dim", "numel", "__repr__")


class UnseenTensors(Facts):
    """What takes part in the computation and not in the graph."""

    def __init__(self, subject: Subject, run: ObservedRun, numbers: Numbers) -> None:
        super().__init__(subject)
        self.run, self.numbers = run, numbers

    @fact
    def hidden_outputs(self) -> list[str]:
        """The differentiable tensors inside containers among the outputs that change with the inputs."""
        self.run.require_forward()
        values = [slot.value for slot in self.call.slots]
        generator = torch.Generator().manual_seed(self.seed)
        moved = [
            x + 0.1 * direction([x], generator)[0] if slot.differentiated else x
            for slot, x in zip(self.call.slots, values, strict=True)
        ]
        here, there = (_nested(self._raw(point)) for point in (values, moved))
        return [
            name
            for name, tensor in here.items()
            if name in there
            and tensor.shape == there[name].shape
            and not torch.equal(tensor, there[name])
        ]

    def _raw(self, values: Sequence[Tensor]) -> Any:
        return run_forward(self.call, values, seed=self.seed).raw

    @fact
    def cut_outputs(self) -> list[str]:
        """The floating outputs without a graph that vary smoothly with the differentiated inputs.

        Masks, ranks and rounded values do not: halving a small step halves the change of a smooth output only.
        """
        call = self.numbers.evaluator.call
        values = [call.slots[i].value for i in call.differentiated]
        along = direction(values, torch.Generator().manual_seed(self.seed))

        def outputs(step: float) -> dict[str, Tensor]:
            point = [x + step * u for x, u in zip(values, along, strict=True)]
            named = run_forward(call, call.filled(point), seed=self.seed).outputs
            return {n: t.detach() for n, t in named if differentiable(t) and not t.requires_grad}

        cut = outputs(0.0)
        if not cut:
            return []
        near, far = outputs(SMALL_STEP / 2), outputs(SMALL_STEP)
        found = []
        for name, here in cut.items():
            if name in near and name in far and here.shape == near[name].shape == far[name].shape:
                half, whole = near[name] - here, far[name] - here
                bent = (whole / 2 - half).norm()
                if half.numel() and half.norm() > 0 and bent < 0.1 * half.norm():
                    found.append(name)
        return found

    @fact
    def hidden_arguments(self) -> list[str]:
        """The tensors inside container arguments that require grad and that forward depends on."""
        self.run.require_function()
        values = [slot.value for slot in self.call.slots]
        args, kwargs = self.call.rebuild(values)
        named = [*((f"argument {i}", value) for i, value in enumerate(args)), *kwargs.items()]
        hidden = [
            (path, tensor)
            for name, value in named
            if not isinstance(value, Tensor)
            for path, tensor in tensors_within(value, name)
            if tensor.requires_grad
        ]
        if not hidden:
            return []
        before = _leaves(self._raw(values))
        found = []
        for path, tensor in hidden:
            with _changed(tensor):
                after = _leaves(self._raw(values))
            if any(not torch.equal(a, b) for a, b in zip(before, after, strict=True)):
                found.append(path)
        return found

    @fact
    def captured(self) -> list[Tensor]:
        """Tensors that require grad and that forward takes from somewhere else than its arguments, one of a shape."""
        self.run.require_forward()
        # those inside containers are no slots, and are the same objects in each call
        args, kwargs = self.call.rebuild([slot.value for slot in self.call.slots])
        inside = [tensor for _, tensor in tensors_within([*args, *kwargs.values()], "")]
        spotter = _CaptureSpotter(inside)

        def target(*args: Any, **kwargs: Any) -> Any:
            spotter.knows([t for _, t in tensors_within([*args, *kwargs.values()], "")])
            with spotter:
                return self.call.target(*args, **kwargs)

        run_forward(self.call, seed=self.seed, target=target)
        return list(spotter.captured.values())

    @fact
    def fed_by_backward(self) -> list[Tensor]:
        """Those captured to whose ``.grad`` backward adds by itself, as one does that runs forward again."""
        leaves = [tensor for tensor in self.captured if tensor.is_leaf]
        with gradients_kept(leaves):
            try:
                evaluator = self.numbers.evaluator
                cotangents = draw_cotangents(evaluator.forward(evaluator.point), self.seed)
                evaluator.vjp(evaluator.point, cotangents)
            except NotApplicable:
                return []
            return [leaf for leaf in leaves if leaf.grad is not None and bool(leaf.grad.any())]

    @fact
    def direct_forwards(self) -> list[str]:
        """Functions whose forward the callable calls directly."""
        if self.call.function is not None:
            raise NotApplicable("the target is a Function, called through apply")
        with _forwards_outside_apply() as found:
            run_forward(self.call, seed=self.seed)
        return found


def _nested(raw: Any) -> dict[str, Tensor]:
    items = raw if isinstance(raw, tuple) else (raw,)
    found: dict[str, Tensor] = {}
    for i, item in enumerate(items):
        if not isinstance(item, Tensor):
            name = f"output[{i}]" if isinstance(raw, tuple) else "output"
            found.update(tensors_within(item, name))
    return {name: tensor.detach() for name, tensor in found.items() if differentiable(tensor)}


def _leaves(raw: Any) -> list[Tensor]:
    return [leaf.detach().clone() for leaf in pytree.tree_leaves(raw) if isinstance(leaf, Tensor)]


@contextmanager
def _changed(tensor: Tensor) -> Iterator[None]:
    """Let a tensor hold other values in the block."""
    kept = tensor.detach().clone()
    with torch.no_grad():
        tensor.mul_(1.25).add_(0.5)
    try:
        yield
    finally:
        with torch.no_grad():
            tensor.copy_(kept)


class _CaptureSpotter(TorchFunctionMode):
    """Notes tensors that require grad and are neither arguments nor made on the way."""

    def __init__(self, arguments: Sequence[Tensor]) -> None:
        self.known: set[int] = set()
        self.captured: dict[torch.Size, Tensor] = {}
        self._alive: list[Tensor] = []
        self.knows(arguments)

    def knows(self, tensors: Sequence[Tensor]) -> None:
        """Take tensors for known ones."""
        self.known |= {memory(tensor) for tensor in tensors}
        self._alive += tensors

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        for leaf in pytree.tree_leaves((args, kwargs)):
            foreign = (
                isinstance(leaf, Tensor) and leaf.requires_grad and memory(leaf) not in self.known
            )
            if foreign and name not in NO_READS:
                self.captured.setdefault(leaf.shape, leaf)
        result = func(*args, **(kwargs or {}))
        for leaf in pytree.tree_leaves(result):
            if isinstance(leaf, Tensor):
                self.known.add(memory(leaf))
                self._alive.append(leaf)
        return result


@contextmanager
def _forwards_outside_apply() -> Iterator[list[str]]:
    """Collect the names of custom Functions whose ``forward`` is called outside any ``apply``.

    Raises:
        NotApplicable: a profiler is at work; it could not be put back, as cProfile's is no callable.
    """
    if sys.getprofile() is not None:
        raise NotApplicable("a profiler is at work, and Python has room for one only")
    codes = {
        function.forward.__code__: function.__qualname__
        for function in _subclasses(Function)
        if is_authors(function) and hasattr(function.forward, "__code__")
    }
    found: list[str] = []

    def profile(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code in codes and not _inside_apply(frame):
            name = codes[frame.f_code]
            if name not in found:
                found.append(name)

    sys.setprofile(profile)
    try:
        yield found
    finally:
        sys.setprofile(None)


def _inside_apply(frame: FrameType) -> bool:
    above: FrameType | None = frame.f_back
    while above is not None:
        if above.f_code is PLAIN_APPLY.__code__:
            return True
        above = above.f_back
    return False


def _subclasses(owner: type) -> Iterator[type[Any]]:
    for subclass in owner.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)
