"""Options from what was given, or one sentence that says what is wrong with it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from pytest_autograd.errors import CheckError
from pytest_autograd.options import Options
from pytest_autograd.registry import all_rules


def make_options(**given: Any) -> Options:
    """Return the options, or raise :class:`CheckError` with one sentence that names what is wrong."""
    require_options(given)
    try:
        options = Options(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "options"
        message = first["msg"].removeprefix("Value error, ")
        raise CheckError(f"option {name}: {message}") from None
    for name in ("select", "ignore"):
        require_codes(name, getattr(options, name))
    return options


def require_options(names: Iterable[str]) -> None:
    """Raise :class:`CheckError` where a name is none of an option."""
    for name in names:
        if name not in Options.model_fields:
            known = ", ".join(Options.model_fields)
            raise CheckError(
                f"unknown option {name!r}; the options are {known}{nearest(name, Options.model_fields)}"
            )


def require_codes(option: str, codes: Iterable[str]) -> None:
    """Raise :class:`CheckError` where a text is neither a code nor the beginning of one."""
    for code in codes:
        if not code or not any(known.startswith(code) for known in all_rules()):
            raise CheckError(
                f"option {option}: no rule matches {code!r}: write a code or a prefix such as AG101 or AG2"
                f"{nearest(code, all_rules())}"
            )


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the question for the nearest known name, empty where none is near."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""
