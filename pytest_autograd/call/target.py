"""From what a user passes to a :class:`Call`: Functions, their ``apply``, callables, modules, custom ops."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch._library.custom_ops import CustomOpDef
from torch._ops import OpOverload, OpOverloadPacket
from torch.autograd.function import Function, _is_setup_context_defined
from torch.nn.utils.stateless import _reparametrize_module
from torch.utils import _pytree as pytree

from pytest_autograd.call.call import (
    WIDE,
    Call,
    Rebuild,
    choose_wanted,
    parameter_names,
)
from pytest_autograd.call.constants import describe_constant, is_plain, own_containers
from pytest_autograd.call.shared_parameters import shared_arguments
from pytest_autograd.call.slot import Slot
from pytest_autograd.errors import CheckError

PLAIN_APPLY = Function.__dict__["apply"].__func__


def is_custom_op(target: Any) -> bool:
    """Whether ``target`` is an op of ``torch.library``."""
    return isinstance(target, CustomOpDef | OpOverload | OpOverloadPacket)


def schema_of(op: Any) -> Any:
    """Return the schema of a custom op, of several overloads the first one's."""
    found = op._opoverload if isinstance(op, CustomOpDef) else op
    if isinstance(found, OpOverloadPacket):
        found = getattr(found, found.overloads()[0])
    return found._schema


def declared_writes(op: Any) -> set[str]:
    """Return the names of the arguments that the schema of a custom op says it writes to."""
    arguments = schema_of(op).arguments
    return {a.name for a in arguments if a.alias_info is not None and a.alias_info.is_write}


def defines_setup_context(function: type[Function]) -> bool:
    """Whether ``forward`` takes no ctx because ``setup_context`` is defined."""
    return _is_setup_context_defined(function.setup_context)


def make_call(target: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Call:
    """Return the call that ``target(*args, **kwargs)`` stands for.

    Raises:
        CheckError: the target is nothing that can be checked, or no argument can have a gradient.
    """
    target = _unwrap_apply(target)
    if isinstance(target, type) and issubclass(target, Function):
        if target.apply.__func__ is not PLAIN_APPLY:
            return _callable_call(target.apply, target.__qualname__, args, kwargs)
        sparse = [value for value in args if isinstance(value, Tensor) and _is_sparse(value)]
        if not all(_is_constant(value, args) for value in sparse):
            call = _callable_call(_open_apply(target), target.__qualname__, args, kwargs)
            return replace(call, first_order_only=True)
        return function_call(target, args, kwargs)
    if isinstance(target, nn.Module):
        return _module_call(target, args, kwargs)
    if is_custom_op(target):
        return _callable_call(target, schema_of(target).name, args, kwargs)
    if isinstance(target, type) or not callable(target):
        raise CheckError(
            f"{_shown(target)} cannot be checked: pass a torch.autograd.Function subclass, a callable "
            "on tensors, an nn.Module instance or a custom op"
        )
    name = getattr(target, "__qualname__", None) or str(target)
    return _callable_call(target, name, args, kwargs)


def _shown(target: Any) -> str:
    if isinstance(target, type):
        return f"the class {target.__qualname__}"
    return f"{type(target).__name__} {target!r}"[:80]


def _open_apply(function: type[Function]) -> Callable[..., Any]:
    """Return ``apply`` as a plain function with forward's parameters and forward's place in the source."""

    def apply(*args: Any, **kwargs: Any) -> Any:
        return PLAIN_APPLY(function, *args, **kwargs)

    signature = inspect.signature(function.forward)
    skip = 0 if defines_setup_context(function) else 1
    apply.__wrapped__ = function.forward  # type: ignore[attr-defined]
    apply.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=list(signature.parameters.values())[skip:]
    )
    return apply


def _is_constant(tensor: Tensor, values: Sequence[Any]) -> bool:
    """Whether a tensor is passed on as it is: a sparse one beside dense ones that require grad."""
    others = (v for v in values if isinstance(v, Tensor) and v.layout == torch.strided)
    return (
        tensor.layout != torch.strided
        and not tensor.requires_grad
        and any(other.requires_grad for other in others)
    )


def _is_sparse(tensor: Tensor) -> bool:
    return tensor.layout == torch.sparse_coo


def _unwrap_apply(target: Any) -> Any:
    """Turn ``Fn.apply`` into ``Fn``."""
    owner = getattr(target, "__self__", None)
    is_function = isinstance(owner, type) and issubclass(owner, Function)
    if is_function and getattr(target, "__func__", None) is PLAIN_APPLY:
        return owner
    return target


def function_call(
    function: type[Function],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    differentiated: set[str] | None = None,
    shared: Mapping[int, Tensor] | None = None,
) -> Call:
    """Return the call of a custom Function; only tensors at the top level can have a gradient."""
    if function.forward is Function.forward:
        raise CheckError(f"{function.__qualname__} defines no forward: write one as a staticmethod")
    skip = 0 if defines_setup_context(function) else 1
    args, kwargs = _in_order(function, skip, args, kwargs)
    names = parameter_names(function.forward, skip, len(args)) + list(kwargs)
    values = [*args, *kwargs.values()]
    links = shared_arguments(function, values) if shared is None else shared
    places = {i: names[i] for i, value in enumerate(values) if _is_slot(value, values)}
    named = [(name, values[i]) for i, name in places.items()]
    chosen = choose_wanted(named) if differentiated is None else differentiated
    rest = [
        (name, value)
        for i, (name, value) in enumerate(zip(names, values, strict=True))
        if i not in places
    ]
    call = Call(
        name=function.__qualname__,
        slots=tuple(
            Slot.of(name, values[i], name in chosen, position=i, shared=links.get(i))
            for i, name in places.items()
        ),
        target=functools.partial(PLAIN_APPLY, function),
        rebuild=_rebuilder(values, list(places), len(args), list(kwargs)),
        function=function,
        sizes_may_be_known=not all(map(is_plain, values)),
        absent=tuple(name for name, value in rest if value is None),
        constants=tuple(describe_constant(name, value) for name, value in rest),
    )
    return call.laid_like([values[i] for i in places])


def _is_slot(value: Any, values: Sequence[Any]) -> bool:
    return isinstance(value, Tensor) and not _is_constant(value, values)


def _rebuilder(
    values: Sequence[Any], places: Sequence[int], positional: int, keywords: Sequence[str]
) -> Rebuild:
    """Return what puts one tensor into each of ``places``, the other values as they are."""

    def rebuild(tensors: Sequence[Tensor]) -> tuple[Sequence[Any], dict[str, Any]]:
        filled = [own_containers(value) for value in values]
        for place, tensor in zip(places, tensors, strict=True):
            filled[place] = tensor
        return tuple(filled[:positional]), dict(zip(keywords, filled[positional:], strict=True))

    return rebuild


def _in_order(
    function: type[Function], skip: int, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """Put keyword arguments at the places that forward gives them, where backward returns their gradients."""
    given, left = list(args), dict(kwargs)
    for name in parameter_names(function.forward, skip, len(args) + len(kwargs))[len(args) :]:
        if name not in left:
            break
        given.append(left.pop(name))
    return given, left


def _leaves(args: Sequence[Any], kwargs: Mapping[str, Any], names: Sequence[str]) -> Any:
    """Flatten the arguments; return (leaves, tree, places and names of the tensors among them)."""
    leaves, tree = pytree.tree_flatten_with_path((tuple(args), dict(kwargs)))
    values = [leaf for _, leaf in leaves]
    tensors: dict[int, str] = {}
    for i, (path, leaf) in enumerate(leaves):
        if isinstance(leaf, Tensor):
            part, key, *rest = cast(Any, path)
            base = str(names[key.idx] if part.idx == 0 else key.key)
            tensors[i] = base + pytree.keystr(tuple(rest))
    return values, tree, tensors


def _callable_call(
    target: Callable[..., Any],
    name: str,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    parameters: Mapping[str, Tensor] | None = None,
) -> Call:
    """Return the call of a callable; ``parameters`` are further tensors, passed first by position."""
    parameters = parameters or {}
    names = [*parameters, *_names(target, len(args))]
    given = [*parameters.values(), *args]
    values, tree, places = _leaves(given, kwargs, names)
    patterns = _values_of_sparse(values, places)
    named = [(label, values[i]) for i, label in places.items()]
    inputs = [(label, tensor) for label, tensor in named if label not in parameters]
    trained = {label for label, tensor in parameters.items() if tensor.requires_grad}
    chosen = trained | choose_wanted(inputs, optional=bool(trained))

    def rebuild(tensors: Sequence[Tensor]) -> tuple[Sequence[Any], dict[str, Any]]:
        filled = list(values)
        for place, tensor in zip(places, tensors, strict=True):
            pattern = patterns.get(place)
            filled[place] = tensor if pattern is None else _sparse(pattern, tensor)
        positional, keywords = pytree.tree_unflatten(filled, tree)
        return positional, keywords

    rest = [*zip(names, given, strict=True), *kwargs.items()]
    call = Call(
        name=name,
        slots=tuple(Slot.of(label, value, label in chosen) for label, value in named),
        target=target,
        rebuild=rebuild,
        constants=tuple(
            describe_constant(label, value)
            for label, value in rest
            if not any(isinstance(leaf, Tensor) for leaf in pytree.tree_leaves(value))
        ),
    )
    return call.laid_like([tensor for _, tensor in named])


def _names(target: Callable[..., Any], count: int) -> list[str]:
    if is_custom_op(target):
        return [argument.name for argument in schema_of(target).arguments[:count]]
    return parameter_names(target, 0, count)


def _values_of_sparse(values: list[Any], places: dict[int, str]) -> dict[int, Tensor]:
    """Put the values of each sparse tensor in its place: they are differentiated, its indices stay as they are."""
    patterns = {i: values[i].detach().coalesce() for i in places if _is_sparse(values[i])}
    for i, pattern in patterns.items():
        values[i] = pattern.values().clone().requires_grad_(values[i].requires_grad)
        places[i] += ".values()"
    return patterns


def _sparse(pattern: Tensor, values: Tensor) -> Tensor:
    return torch.sparse_coo_tensor(
        pattern.indices(), values, pattern.shape, is_coalesced=True, check_invariants=False
    )


def _module_call(module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Call:
    """Return the call of a module with its parameters as further inputs; its buffers stay untouched."""
    parameters = dict(module.named_parameters())
    buffers = {name: value.detach() for name, value in module.named_buffers()}

    def state(tensors: Sequence[Tensor]) -> dict[str, Tensor]:
        dtypes = WIDE if any(t.dtype in WIDE.values() for t in tensors) else {}
        held = {n: b.clone().to(dtypes.get(b.dtype, b.dtype)) for n, b in buffers.items()}
        return {**dict(zip(parameters, tensors, strict=False)), **held}

    def run(own: Mapping[str, Tensor], given: Sequence[Any], keywords: dict[str, Any]) -> Any:
        tensors = [value for value in pytree.tree_leaves(given) if isinstance(value, Tensor)]
        held, rest = {**state(tensors), **own}, tuple(given[len(parameters) :])
        return torch.func.functional_call(module, held, rest, keywords)

    @functools.wraps(module.forward)
    def forward(*given: Any, **keywords: Any) -> Any:
        return run({}, given, keywords)

    call = _callable_call(forward, type(module).__qualname__, args, kwargs, parameters)
    return replace(
        call,
        own_target=lambda *given, **keywords: run(parameters, given, keywords),
        installed=lambda tensors: _reparametrize_module(module, state(tensors), tie_weights=True),
    )
