"""The cases that a marker asks for: inputs, one or many, each made anew wherever it is verified."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pytest_autograd.call.call import Call
from pytest_autograd.call.placement import Placement
from pytest_autograd.call.target import make_call
from pytest_autograd.errors import CheckError
from pytest_autograd.source.resolve import as_arguments

MakeCall = Callable[[Placement], Call]


def called(function: Any, args: tuple[Any, ...], place: Placement) -> Call:
    """Return the call of a named target."""
    return make_call(place.put(function), place.put(args), {})


def placed(call: Call, place: Placement) -> Call:
    """Return a recorded call."""
    return place.put_call(call)


def cases_of(inputs: Any) -> Iterator[tuple[str, Any]]:
    """Yield the cases with their labels: names of a dict, numbers of a list, nothing for a single one."""
    if not isinstance(inputs, list | dict):
        yield "", inputs
        return
    if not inputs:
        raise CheckError(f"inputs={inputs} holds no case: nothing would be verified")
    if isinstance(inputs, dict):
        yield from ((f" case {name}", case) for name, case in inputs.items())
        return
    for number, case in enumerate(inputs, 1):
        yield (f" case {number} of {len(inputs)}" if len(inputs) > 1 else ""), case


def several(name: str, given: Any) -> tuple[Any, ...]:
    """Return one or many as a tuple; nothing named is as good as an error."""
    if given is None:
        return ()
    many = tuple(given) if isinstance(given, list | tuple | set) else (given,)
    if not many:
        raise CheckError(f"{name}={given} names none: nothing would be verified")
    return many


def arguments_of(case: tuple[Any, ...] | Callable[[], Any]) -> tuple[Any, ...]:
    """Return the argument tuple that a case stands for."""
    return as_arguments(case() if callable(case) else case, "inputs=")
