"""A call whose arguments keep to what was declared of them: domains, and what is not varied."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from pytest_autograd.call.call import Call
from pytest_autograd.call.slot import Slot, carry
from pytest_autograd.call.tensors import same
from pytest_autograd.domains.domain import Domain
from pytest_autograd.errors import CheckError
from pytest_autograd.options import NO_ARGUMENTS


def declared(call: Call, domains: Mapping[str, Domain], keep: Sequence[str]) -> Call:
    """Return the call with its declarations; what lives in a discrete set is not differentiated.

    Names of arguments that the call has not are passed over.

    Raises:
        CheckError: an argument as given does not live where it is said to, or nothing is left to differentiate.
    """
    if not domains and not keep:
        return call
    found = replace(
        call,
        slots=tuple(_declared(slot, domains.get(slot.name)) for slot in call.slots),
        kept=frozenset(keep),
        kept_sizes=frozenset(_kept_sizes(call, keep)),
    )
    if call.differentiated and not found.differentiated:
        names = ", ".join(call.slots[i].name for i in call.differentiated)
        raise CheckError(
            f"nothing to differentiate: the domain of {names} is discrete, so that nothing moves in it"
        )
    return found


def names_of(call: Call) -> set[str]:
    """Return the names of all arguments of a call, those too that were left at their defaults."""
    options = (text.partition("=")[0] for text in call.constants)
    own = inspect.signature(call.function.forward).parameters if call.function is not None else ()
    return {slot.name for slot in call.slots} | {*options, *call.absent, *own}


def unknown_names(call: Call, names: Sequence[str]) -> list[str]:
    """Return those of ``names``, of arguments or of sizes such as ``x.shape[0]``, that the call does not have."""
    known = names_of(call)
    return [name for name in names if _argument_of(name) not in known]


def is_no_argument(name: str) -> bool:
    """Whether ``name`` is what backward gets, or what forward kept for it, or one of several such."""
    return name.partition("[")[0] in NO_ARGUMENTS


def along(call: Call) -> Call:
    """Return the call whose arguments are brought into their domains on their way in.

    The map is differentiable and moves nothing that is there already, so that gradients are compared along the domain.
    """
    maps = {
        i: slot.domain.along
        for i, slot in enumerate(call.slots)
        if slot.domain is not None and slot.differentiated and slot.shared is None
    }
    if not maps:
        return call

    def rebuild(tensors: Sequence[Tensor]) -> tuple[Sequence[Any], dict[str, Any]]:
        moved = list(tensors)
        for i, into in maps.items():
            moved[i] = into(tensors[i])
            carry(call.slots[i].attributes, moved[i])
        return call.rebuild(moved)

    return replace(call, rebuild=rebuild)


def placed(call: Call, given: Call) -> Call:
    """Return the call with each value that is not as ``given`` replaced by the nearest one in its domain.

    Raises:
        NotApplicable: a domain has nothing of that shape.
    """
    if all(slot.domain is None for slot in call.slots):
        return call

    def value_of(slot: Slot, known: Slot) -> Tensor:
        if slot.domain is None or same(slot.value, known.value):
            return slot.value
        return slot.domain.place(slot.value)

    return call.with_values(list(map(value_of, call.slots, given.slots)))


def _declared(slot: Slot, domain: Domain | None) -> Slot:
    if domain is None:
        return slot
    try:
        distance = domain.distance(slot.value)
        inside = domain.holds(slot.value)
    except (RuntimeError, ValueError, IndexError) as error:
        raise CheckError(f"domain of {slot.name}: {domain} does not take it: {error}") from error
    if not inside:
        raise CheckError(
            f"{slot.name} as given is not in its domain {domain}: the nearest value there is off by {distance:.1e} of "
            "its size"
        )
    if slot.differentiated and domain.retract is not None and slot.shared is None:
        _require_gradient(slot, domain)
    moves = slot.differentiated and domain.retract is not None
    return replace(slot, domain=domain, differentiated=moves)


def _require_gradient(slot: Slot, domain: Domain) -> None:
    with torch.enable_grad():
        moved = domain.along(slot.value.clone().requires_grad_())
    if not moved.requires_grad:
        raise CheckError(
            f"domain of {slot.name}: autograd sees no gradient through {domain}: write the map in differentiable torch "
            f'operations, or leave the argument as it is, keep=("{slot.name}",)'
        )


def _kept_sizes(call: Call, keep: Sequence[str]) -> Iterator[int]:
    """Yield the sizes that are not to change: those named as ``x.shape[0]``, and all of arguments that are kept."""
    for slot in call.slots:
        shape = slot.value.shape
        if slot.name in keep:
            yield from shape
        for name in keep:
            if _argument_of(name) == slot.name != name:
                place = _place_in(name, len(shape))
                yield from shape if place is None else (shape[place],)


def _argument_of(name: str) -> str:
    return name.partition(".shape")[0]


def _place_in(name: str, rank: int) -> int | None:
    """Return the axis that ``x.shape[-1]`` names, None for all of ``x.shape``.

    Raises:
        CheckError: it names none.
    """
    text = name.partition(".shape")[2]
    if not text:
        return None
    try:
        (place,) = ast.literal_eval(text)
        if isinstance(place, int) and -rank <= place < rank:
            return place
    except (ValueError, SyntaxError, TypeError):
        pass
    raise CheckError(f'keep: {name!r} names no size: write an argument, or "x.shape[-1]"')
