"""The same call with another option: a flag, a number, a word, a tuple, something in place of None."""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from pytest_autograd.call.call import Call, differentiable
from pytest_autograd.call.target import defines_setup_context, function_call
from pytest_autograd.places import literals_compared

MOST_TUPLES = 4
WORDS = {"reduction": ("mean", "sum", "none")}
NUMBER = 0.7  # what is tried for a number that was left None


@dataclass(frozen=True)
class Option:
    """An option, or the rank of an argument, that is another.

    ``made_up``: it may never be meant to be so; one that is right clears the others.
    """

    name: str
    text: str
    made_up: bool = False

    def __str__(self) -> str:
        return self.text


def other_constants(call: Call) -> Iterator[tuple[Option, Call]]:
    """Yield (description, call) with one option of a Function changed; forward may refuse it.

    Options left at their defaults are bound first. Words are those that forward compares the option with.
    """
    if call.function is None:
        return
    args, kwargs = call.rebuild([slot.value for slot in call.slots])
    names, bound = _bound(call.function, list(args))
    for i, (name, value) in enumerate(zip(names, bound, strict=True)):
        if name in call.kept:
            continue
        if value is None:
            yield from _in_place_of_none(call, i, name, bound, kwargs)
        for other in (*_other_values(value), *_compared(call.function, name, value)):
            text = f"with {name}={other!r} in place of {value!r}"
            yield Option(name, text), _with(call, bound, i, other)
        for other in _other_words(call.function, name, value):
            text = f"with {name}={other!r} in place of {value!r}"
            yield Option(name, text, made_up=True), _with(call, bound, i, other)


def _bound(function: type, args: list[Any]) -> tuple[list[str], list[Any]]:
    """Return the names and values of the positional arguments, with the defaults of those left out."""
    skip = 1 - defines_setup_context(function)
    try:
        parameters = list(inspect.signature(function.forward).parameters.values())[skip:]  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        return [f"argument {i}" for i in range(len(args))], args
    names, values = [], list(args)
    for i, parameter in enumerate(parameters):
        if parameter.kind is not parameter.POSITIONAL_OR_KEYWORD:
            break
        names.append(parameter.name)
        if i >= len(values):
            if parameter.default is parameter.empty:
                return names[:i], values
            values.append(parameter.default)
    return [*names, *(f"argument {i}" for i in range(len(names), len(values)))], values


def _other_values(value: Any) -> tuple[Any, ...]:
    if type(value) is bool:
        return (not value,)
    if type(value) is int:
        return (value + 1, value - 1)
    if type(value) is float and math.isfinite(value):
        return (1.7 * value,) if value else (0.3,)
    if type(value) is tuple and value and all(type(n) is int for n in value):
        return _other_tuples(value)
    return ()


def _other_tuples(value: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """Return permutations, and for a single number its neighbours: axes and sizes are given so."""
    if len(value) == 1:
        return (value[0] + 1,), (value[0] - 1,)
    if value[0] == 0 and list(value) == sorted(value):  # offsets, or all axes in order
        return ()
    others = (p for p in itertools.permutations(value) if p != value)
    return tuple(dict.fromkeys(itertools.islice(others, MOST_TUPLES)))


def _compared(function: Any, name: str, value: Any) -> list[Any]:
    """Return the words or, for None, the literals that forward compares the option with."""
    if not isinstance(value, str | None):
        return []
    known = literals_compared(function.forward, name)
    words = [other for other in known if value is None or isinstance(other, str)]
    return [word for word in words if word != value]


def _other_words(function: Any, name: str, value: Any) -> list[str]:
    """Return words for the last branch of forward, where it compares the option with some."""
    known = literals_compared(function.forward, name) if isinstance(value, str) else []
    last = [*WORDS.get(name, ()), "another"] if known else []
    return [word for word in last if word not in (*known, value)]


def _with(call: Call, bound: Sequence[Any], place: int, value: Any) -> Call:
    """Return the call with another constant at ``place``; what stands before it and was left out is passed too."""

    def rebuild(tensors: Sequence[Tensor]) -> tuple[Sequence[Any], dict[str, Any]]:
        args, kwargs = call.rebuild(tensors)
        filled = [*args, *bound[len(args) : place + 1]]
        filled[place] = value
        return tuple(filled), kwargs

    return replace(call, rebuild=rebuild)


def _in_place_of_none(
    call: Call, place: int, name: str, bound: Sequence[Any], kwargs: dict[str, Any]
) -> Iterator[tuple[Option, Call]]:
    """Yield the call with a tensor, differentiated too, or a number for an argument that is None."""
    function = call.function
    if function is None:
        return
    first = next((slot.value for slot in call.slots if differentiable(slot.value)), None)
    if first is not None:
        shared = {slot.position: slot.shared for slot in call.slots if slot.shared is not None}
        asked = {slot.name for slot in call.slots if slot.differentiated} | {name}
        for shape in _shapes(call):
            drawn = torch.rand(shape, generator=torch.Generator().manual_seed(len(shape)))
            value = (drawn.to(first.dtype) + 0.5).to(first.device)
            given = [*bound[:place], value, *bound[place + 1 :]]
            described = f"with {name} a tensor of shape {list(shape)} in place of None"
            yield (
                Option(name, described, made_up=True),
                function_call(function, given, kwargs, asked, shared),
            )
    described = f"with {name}={NUMBER} in place of None"
    yield Option(name, described, made_up=True), _with(call, bound, place, NUMBER)


def _shapes(call: Call) -> list[tuple[int, ...]]:
    """Return shapes that an optional tensor may have: a vector along an axis, or like a tensor that is there."""
    shapes = [tuple(s.value.shape) for s in call.slots if differentiable(s.value)]
    ends = [(shape[axis],) for axis in (0, -1) for shape in shapes if shape]
    return list(dict.fromkeys([*ends, *shapes]))
