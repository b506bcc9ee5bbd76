"""From what a caller gives as ``inputs`` to the positional arguments of one call.

``None`` means ``example_inputs()`` of the source, else a proposal; a string names a function of the
source; a list describes the arguments one by one. Values are determined by the seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pytest_autograd.errors import CheckError
from pytest_autograd.source.input_specs import EXAMPLE, Inputs, TensorSpec, ValueSpec, build
from pytest_autograd.source.load import Source, described


def resolve_inputs(
    given: str | Sequence[TensorSpec | ValueSpec] | None, source: Source, target: Any, seed: int
) -> Inputs:
    """Return the arguments that ``given`` describes for ``target``."""
    if isinstance(given, str):
        return from_function(source.function(given, "inputs"), given, source, seed)
    if given is not None:
        return Inputs(build(given, seed), "described by the caller")
    example = getattr(source.module, EXAMPLE, None)
    if callable(example):
        return from_function(example, EXAMPLE, source, seed)
    from pytest_autograd.source.propose import propose

    return propose(target, seed)


def from_function(function: Any, name: str, source: Source, seed: int) -> Inputs:
    """Call a function of the source and take what it returns as the arguments."""
    from pytest_autograd.running.rng import reseed

    reseed(seed)
    try:
        value = function()
    except (Exception, SystemExit) as error:
        raise CheckError(f"{name}() raised {described(error, source.filename)}") from error
    return Inputs(as_arguments(value, f"{name}()"), f"{name}() of the source")


def from_expression(text: str, source: Source, seed: int) -> Inputs:
    """Evaluate ``text`` among the names of the source and torch; a function it names is called."""
    import torch

    from pytest_autograd.running.rng import reseed

    reseed(seed)
    try:
        value = eval(text, {"torch": torch, **vars(source.module)})
    except Exception as error:
        raise CheckError(f"inputs {text!r} raised {described(error)}") from error
    if callable(value):
        return from_function(value, text, source, seed)
    return Inputs(as_arguments(value, f"inputs {text!r}"), text)


def as_arguments(value: Any, what: str) -> tuple[Any, ...]:
    """Return a tuple, list or single tensor as a tuple of arguments.

    Raises:
        CheckError: it is something else, which would be no call.
    """
    import torch

    if isinstance(value, torch.Tensor):
        return (value,)
    if isinstance(value, tuple | list):
        return tuple(value)
    raise CheckError(
        f"{what} gave a {type(value).__name__}; "
        "the inputs must be a tuple, a list or a single tensor"
    )
