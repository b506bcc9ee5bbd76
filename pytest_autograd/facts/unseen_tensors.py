"""Tensors that autograd does not see: in containers among arguments or outputs, captured, or past ``apply``."""

from __future__ import annotations

import dataclasses
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

from pytest_autograd.call.call import Call, differentiable, named_outputs
from pytest_autograd.call.intercept import is_authors
from pytest_autograd.call.target import PLAIN_APPLY
from pytest_autograd.call.tensors import memory
from pytest_autograd.derivatives.tangents import direction
from pytest_autograd.errors import NotApplicable
from pytest_autograd.running.phase import phase
from pytest_autograd.running.rng import reseed

DEPTH = 4
SMALL_STEP = 1e-3


def tensors_in(value: Any, name: str, depth: int = DEPTH) -> Iterator[tuple[str, Tensor]]:
    """Yield (path, tensor) for the tensors inside lists, tuples, dicts, dataclasses and plain objects."""
    if isinstance(value, Tensor):
        yield name, value
    elif depth and isinstance(value, dict):
        for key, item in value.items():
            yield from tensors_in(item, f"{name}[{key!r}]", depth - 1)
    elif depth and isinstance(value, list | tuple):
        for i, item in enumerate(value):
            yield from tensors_in(item, f"{name}[{i}]", depth - 1)
    elif depth and dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from tensors_in(getattr(value, field.name), f"{name}.{field.name}", depth - 1)
    elif depth and _is_plain_object(value):
        for key, item in vars(value).items():
            yield from tensors_in(item, f"{name}.{key}", depth - 1)


def _is_plain_object(value: Any) -> bool:
    """Whether ``value`` is an instance that keeps attributes and is no library's own: no module, array or function."""
    foreign = type(value).__module__.partition(".")[0] in ("builtins", "torch", "numpy")
    known = isinstance(value, type | torch.nn.Module) or callable(value)
    return hasattr(value, "__dict__") and not foreign and not known


def _run(call: Call, values: Sequence[Tensor], seed: int) -> Any:
    _, arguments = call.fresh(values)
    with phase("forward"), torch.enable_grad():
        reseed(seed)
        try:
            return call.run(arguments)
        except Exception as error:  # the author's code
            raise NotApplicable("forward raises") from error


def hidden_outputs(call: Call, seed: int) -> list[str]:
    """Return the differentiable tensors inside containers among the outputs that change with the inputs."""
    values = [slot.value for slot in call.slots]
    generator = torch.Generator().manual_seed(seed)
    moved = [
        x + 0.1 * direction([x], generator)[0] if slot.differentiated else x
        for slot, x in zip(call.slots, values, strict=True)
    ]
    here, there = (_nested(_run(call, point, seed)) for point in (values, moved))
    return [
        name
        for name, tensor in here.items()
        if name in there
        and tensor.shape == there[name].shape
        and not torch.equal(tensor, there[name])
    ]


def cut_outputs(call: Call, seed: int) -> list[str]:
    """Return the floating outputs without a graph that vary smoothly with the differentiated inputs.

    Masks, ranks and rounded values do not: halving a small step halves the change of a smooth output only.
    """
    values = [slot.value for slot in call.slots]
    along = direction([values[i] for i in call.differentiated], torch.Generator().manual_seed(seed))

    def outputs(step: float) -> dict[str, Tensor]:
        point = [values[i] + step * u for i, u in zip(call.differentiated, along, strict=True)]
        named = named_outputs(_run(call, call.filled(point), seed), flat=call.flat)
        return {n: t.detach() for n, t in named if differentiable(t) and not t.requires_grad}

    cut = outputs(0.0)
    if not cut:
        return []
    near, far = outputs(SMALL_STEP / 2), outputs(SMALL_STEP)
    found = []
    for name, here in cut.items():
        if name in near and name in far and here.shape == near[name].shape == far[name].shape:
            half, whole = near[name] - here, far[name] - here
            if half.numel() and half.norm() > 0 and (whole / 2 - half).norm() < 0.1 * half.norm():
                found.append(name)
    return found


def _nested(raw: Any) -> dict[str, Tensor]:
    items = raw if isinstance(raw, tuple) else (raw,)
    found: dict[str, Tensor] = {}
    for i, item in enumerate(items):
        if not isinstance(item, Tensor):
            name = f"output[{i}]" if isinstance(raw, tuple) else "output"
            found.update(tensors_in(item, name))
    return {name: tensor.detach() for name, tensor in found.items() if differentiable(tensor)}


def hidden_arguments(call: Call, seed: int) -> list[str]:
    """Return the tensors inside container arguments that require grad and that forward depends on."""
    values = [slot.value for slot in call.slots]
    args, kwargs = call.rebuild(values)
    named = [*((f"argument {i}", value) for i, value in enumerate(args)), *kwargs.items()]
    hidden = [
        (path, tensor)
        for name, value in named
        if not isinstance(value, Tensor)
        for path, tensor in tensors_in(value, name)
        if tensor.requires_grad
    ]
    if not hidden:
        return []
    before = _leaves(_run(call, values, seed))
    found = []
    for path, tensor in hidden:
        kept = tensor.detach().clone()
        with torch.no_grad():
            tensor.mul_(1.25).add_(0.5)
        try:
            after = _leaves(_run(call, values, seed))
        finally:
            with torch.no_grad():
                tensor.copy_(kept)
        if any(not torch.equal(a, b) for a, b in zip(before, after, strict=True)):
            found.append(path)
    return found


def _leaves(raw: Any) -> list[Tensor]:
    return [leaf.detach().clone() for leaf in pytree.tree_leaves(raw) if isinstance(leaf, Tensor)]


class _CaptureSpotter(TorchFunctionMode):
    """Notes tensors that require grad and are neither arguments nor made on the way."""

    def __init__(self, arguments: Sequence[Tensor]) -> None:
        self.known = {memory(argument) for argument in arguments}
        self.captured: list[str] = []
        self._alive: list[Tensor] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        for leaf in pytree.tree_leaves((args, kwargs)):
            foreign = (
                isinstance(leaf, Tensor) and leaf.requires_grad and memory(leaf) not in self.known
            )
            if foreign and name not in ("detach", "__get__", "size", "dim", "numel", "__repr__"):
                shape = list(leaf.shape)
                if f"{shape}" not in self.captured:
                    self.captured.append(f"{shape}")
        result = func(*args, **(kwargs or {}))
        for leaf in pytree.tree_leaves(result):
            if isinstance(leaf, Tensor):
                self.known.add(memory(leaf))
                self._alive.append(leaf)
        return result


def captured_tensors(call: Call, seed: int) -> list[str]:
    """Return the shapes of tensors that require grad and that forward takes from somewhere else than its arguments."""
    _, arguments = call.fresh()
    args, kwargs = call.rebuild(arguments)
    inside = [tensor for _, tensor in tensors_in([*args, *kwargs.values()], "")]
    spotter = _CaptureSpotter([*arguments, *inside])
    with phase("forward"), torch.enable_grad(), spotter:
        reseed(seed)
        call.run(arguments)
    return spotter.captured


@contextmanager
def direct_forwards() -> Iterator[list[str]]:
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
