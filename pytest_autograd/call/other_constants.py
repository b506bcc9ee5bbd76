"""The same call with another option: a flag, a number, a word, a tuple, something in place of None."""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from pytest_autograd.call.call import Call, differentiable
from pytest_autograd.call.intercept import VJP_METHODS
from pytest_autograd.call.literals import literals_compared
from pytest_autograd.call.target import (
    defines_setup_context,
    function_call,
    is_custom_op,
    schema_of,
)

MOST_TUPLES = 4
WORDS = {"reduction": ("mean", "sum", "none")}
NUMBER = 0.7  # what is tried for a number that was left None
COUNTS = (0, 1)  # for an axis or a count that was


@dataclass(frozen=True)
class Change:
    """What is other in a call: the value of an option, or the rank of an argument.

    ``made_up``: it may never be meant to be so. ``clears``: where that is right, other guesses of that argument are
    none; False for what is right by chance too often: a flag is a number as well.
    """

    name: str
    text: str
    made_up: bool = False
    clears: bool = False

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Option:
    """A non-tensor argument: its name, its value, and its place, None where it is passed by keyword."""

    name: str
    value: Any
    place: int | None = None


def other_constants(call: Call) -> Iterator[tuple[Change, Call]]:
    """Yield (description, call) with one option changed; forward may refuse it.

    Options left at their defaults are bound first. Words are those that the author's code compares the option with.
    """
    args, kwargs = call.rebuild([slot.value for slot in call.slots])
    codes = _codes(call)
    for option in _options(call, list(args), kwargs):
        name, value = option.name, option.value
        if name in call.kept:
            continue
        literals = literals_compared(codes, name) if isinstance(value, str | int | None) else []
        if value is None:
            yield from _in_place_of_none(call, option, args, kwargs)
        for other in dict.fromkeys((*_other_values(value), *_alike(value, literals))):
            given = list(other) if isinstance(value, list) else other
            text = f"with {name}={given!r} in place of {value!r}"
            yield Change(name, text), _with(call, option, given)
        for other in _other_words(name, value, literals):
            text = f"with {name}={other!r} in place of {value!r}"
            yield Change(name, text, made_up=True, clears=True), _with(call, option, other)


def _codes(call: Call) -> list[Callable[..., Any]]:
    """Return the author's code in which an option may be compared."""
    if call.function is not None:
        return [getattr(call.function, name) for name in VJP_METHODS]
    return [getattr(call.target, "_init_fn", call.target)]  # of a custom op the plain function


def _options(call: Call, args: list[Any], kwargs: dict[str, Any]) -> list[Option]:
    """Return the options of a call, with the defaults of those left out."""
    if call.function is not None:
        names, values = _bound(call.function, args)
        pairs = enumerate(zip(names, values, strict=True))
        return [Option(name, value, place) for place, (name, value) in pairs]
    if is_custom_op(call.target):
        parameters = [
            (a.name, a.default_value if a.has_default_value() else inspect.Parameter.empty)
            for a in schema_of(call.target).arguments
        ]
    else:
        parameters = _parameters(call.target, len(args))
    found = []
    for place, (name, default) in enumerate(parameters):
        if place < len(args) and name:
            found.append(Option(name, args[place], place))
        elif default is not inspect.Parameter.empty:
            found.append(Option(name, kwargs.get(name, default)))
    return found


def _parameters(target: Callable[..., Any], given: int) -> list[tuple[str, Any]]:
    """Return the parameters of a callable with their defaults; of a wrapper those that go by keyword alone."""
    if not inspect.isfunction(target):
        return []
    parameters = list(inspect.signature(target).parameters.values())
    by_name = [p for p in parameters if p.kind is p.KEYWORD_ONLY]
    plain = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    some_have_no_name = len(plain) + len(by_name) < len(parameters)
    if hasattr(target, "__wrapped__") or some_have_no_name:
        unknown = [("", inspect.Parameter.empty)] * given
        return [*unknown, *((p.name, p.default) for p in by_name)]
    return [(p.name, p.default) for p in parameters]


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
    if isinstance(value, tuple | list) and value and all(type(n) is int for n in value):
        return _other_tuples(tuple(value))
    return ()


def _other_tuples(value: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """Return permutations, for a single number its neighbours, for all axes in order all but one: axes are given so."""
    if len(value) == 1:
        return (value[0] + 1,), (value[0] - 1,)
    if value == tuple(range(len(value))):
        return value[:-1], value[1:]
    if value[0] == 0 and list(value) == sorted(value):  # offsets
        return ()
    others = (p for p in itertools.permutations(value) if p != value)
    return tuple(dict.fromkeys(itertools.islice(others, MOST_TUPLES)))


def _alike(value: Any, literals: Sequence[Any]) -> list[Any]:
    """Return the literals that may stand for the option: of its own type, for None all."""
    return [x for x in literals if (value is None or type(x) is type(value)) and x != value]


def _other_words(name: str, value: Any, literals: Sequence[Any]) -> list[str]:
    """Return words for the last branch, where the code compares the option with some."""
    last = [*WORDS.get(name, ()), "another"] if literals and isinstance(value, str) else []
    return [word for word in last if word not in (*literals, value)]


def _with(call: Call, option: Option, value: Any) -> Call:
    """Return the call with another value of an option; what stands before it and was left out is passed too."""
    place = option.place

    def rebuild(tensors: Sequence[Tensor]) -> tuple[Sequence[Any], dict[str, Any]]:
        args, kwargs = call.rebuild(tensors)
        if place is None:
            return args, {**kwargs, option.name: value}
        filled = list(args)
        if place >= len(filled) and call.function is not None:
            filled += _bound(call.function, filled)[1][len(filled) : place + 1]
        filled[place] = value
        return tuple(filled), kwargs

    return replace(call, rebuild=rebuild)


def _in_place_of_none(
    call: Call, option: Option, args: Sequence[Any], kwargs: dict[str, Any]
) -> Iterator[tuple[Change, Call]]:
    """Yield the call with a tensor, differentiated too, or a number, a count, a flag, a mask for what is None."""
    name = option.name
    first = next((slot.value for slot in call.slots if differentiable(slot.value)), None)
    if first is not None and call.function is not None:
        for value in _tensors(call, first):
            described = f"with {name} a tensor of shape {list(value.shape)} in place of None"
            yield (
                Change(name, described, made_up=True, clears=True),
                _with_tensor(call, option, value, args, kwargs),
            )
    described = f"with {name}={NUMBER} in place of None"
    yield Change(name, described, made_up=True, clears=True), _with(call, option, NUMBER)
    for other in (*COUNTS, True):
        described = f"with {name}={other} in place of None"
        yield Change(name, described, made_up=True), _with(call, option, other)
    for shape in _shapes(call):
        described = f"with {name} a mask of shape {list(shape)} in place of None"
        yield Change(name, described, made_up=True), _with(call, option, _mask(shape, first))
    if first is not None and first.dim() and len(first) > 1:
        index = torch.tensor([0, 1, 0], device=first.device)
        described = f"with {name}={index.tolist()} in place of None"
        yield Change(name, described, made_up=True), _with(call, option, index)


def _tensors(call: Call, like: Tensor) -> Iterator[Tensor]:
    for shape in _shapes(call):
        drawn = torch.rand(shape, generator=torch.Generator().manual_seed(len(shape)))
        yield (drawn.to(like.dtype) + 0.5).to(like.device)


def _with_tensor(
    call: Call, option: Option, value: Tensor, args: Sequence[Any], kwargs: dict[str, Any]
) -> Call:
    """Return the call with a tensor for an option, differentiated like those that are."""
    function, place = call.function, option.place
    if function is None or place is None:
        raise ValueError("only a Function has gradients by place")
    bound = _bound(function, list(args))[1]
    given = [*bound[:place], value, *bound[place + 1 :]]
    shared = {slot.position: slot.shared for slot in call.slots if slot.shared is not None}
    asked = {slot.name for slot in call.slots if slot.differentiated} | {option.name}
    return function_call(function, given, kwargs, asked, shared)


def _mask(shape: Sequence[int], like: Tensor | None) -> Tensor:
    """Return a mask that lets two of three elements through."""
    count = math.prod(shape)
    mask = (torch.arange(count) % 3 > 0).reshape(tuple(shape))
    return mask if like is None else mask.to(like.device)


def _shapes(call: Call) -> list[tuple[int, ...]]:
    """Return shapes that an optional tensor may have: a vector along an axis, or like a tensor that is there."""
    shapes = [tuple(s.value.shape) for s in call.slots if differentiable(s.value)]
    ends = [(shape[axis],) for axis in (0, -1) for shape in shapes if shape]
    return list(dict.fromkeys([*ends, *shapes]))
