"""Domains by name, as they are written in text."""

from __future__ import annotations

import ast
from typing import Any, cast

from pytest_autograd.domains.domain import Domain, Map
from pytest_autograd.domains.matrices import (
    contraction,
    lower_triangular,
    orthogonal,
    spd,
    symmetric,
    upper_triangular,
)
from pytest_autograd.domains.numbers import integers, interval, nonnegative, positive
from pytest_autograd.domains.vectors import (
    increasing,
    offsets,
    one_hot,
    permutation,
    simplex,
    unit_norm,
)
from pytest_autograd.errors import CheckError

#: Domains, and what makes one of numbers.
NAMED: dict[str, Any] = {
    "positive": positive,
    "nonnegative": nonnegative,
    "interval": interval,
    "integers": integers,
    "simplex": simplex,
    "unit_norm": unit_norm,
    "increasing": increasing,
    "one_hot": one_hot,
    "permutation": permutation,
    "offsets": offsets,
    "symmetric": symmetric,
    "spd": spd,
    "orthogonal": orthogonal,
    "lower_triangular": lower_triangular,
    "upper_triangular": upper_triangular,
    "contraction": contraction,
}


def as_domain(given: Any, argument: str) -> Domain:
    """Return the domain that was given for an argument: one, its name as text, or a callable that maps into it.

    Raises:
        CheckError: it is none of these.
    """
    if isinstance(given, Domain):
        return given
    if isinstance(given, str):
        return named_domain(given)
    if any(given is known for known in NAMED.values()):
        return _made(given, given.__name__, ())
    if callable(given):
        name, into = getattr(given, "__name__", type(given).__name__), cast(Map, given)
        return Domain(name, into, into)
    raise CheckError(
        f"{argument}: {given!r} is no domain: give one of pytest_autograd.domains, its name as text such as "
        '"simplex(-1)", or a callable that maps a tensor to the nearest one in the set'
    )


def named_domain(text: str) -> Domain:
    """Return the domain that ``text`` names, such as ``spd`` or ``interval(0, 1)``; nothing is evaluated.

    Raises:
        CheckError: it names none.
    """
    name, numbers = _parsed(text)
    if name not in NAMED:
        known = ", ".join(NAMED)
        raise CheckError(f"{text!r} is unknown; the domains are {known}")
    found = NAMED[name]
    return found if isinstance(found, Domain) and not numbers else _made(found, text, numbers)


def _parsed(text: str) -> tuple[str, tuple[Any, ...]]:
    try:
        node = ast.parse(text.strip(), mode="eval").body
        if isinstance(node, ast.Name):
            return node.id, ()
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
            return node.func.id, tuple(ast.literal_eval(argument) for argument in node.args)
    except (SyntaxError, ValueError):
        pass
    raise CheckError(f'{text!r} cannot be read: write a name and numbers, as "simplex(-1)"')


def _made(make: Any, text: str, numbers: tuple[Any, ...]) -> Domain:
    try:
        return make(*numbers)
    except TypeError:
        raise CheckError(
            f"{text!r}: it takes other numbers, as in interval(0, 1) or simplex(-1)"
        ) from None
