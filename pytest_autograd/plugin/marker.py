"""The marker ``autograd_checked`` as a decorator that cannot be misread by pytest."""

from __future__ import annotations

from typing import Any

import pytest

NAME = "autograd_checked"
#: What the marker takes beside the options of ``check``.
KEYWORDS: dict[str, str] = {
    "function": "what to verify: a Function, a callable, an `nn.Module`; left out: every custom Function that the "
    "test calls",
    "inputs": "the arguments of `function`: a callable that returns the tuple, a list of cases (tuples or "
    "callables), a dict of named cases, or a Hypothesis strategy such as `autograd_inputs(...)`",
    "dtypes": "verify each case in each of these dtypes, by name or as `torch.float32`: floating arguments are cast",
    "devices": "verify each case on each of these devices; a missing one is skipped with its reason; wins over "
    "`--autograd-device`",
    "expect": "codes or prefixes of known faults: the test fails when one is no longer found, or another error is",
    "allow_inconclusive": "let the test pass on the verdict `inconclusive`",
    "examples": "how many examples to draw from a strategy (default 10)",
}
TORCH_CLASSES = ("torch.autograd.function", "torch.nn.modules.module")


def is_torch_class(value: Any) -> bool:
    """Whether ``value`` is a Function or Module class; torch need not be loaded to ask."""
    return isinstance(value, type) and any(b.__module__ in TORCH_CLASSES for b in value.__mro__)


def autograd_checked(target: Any = None, /, **options: Any) -> Any:
    """Mark a test: every custom Function that it calls, or ``target``, is verified after its body.

    Four forms::

        @autograd_checked                                        # all Functions that the test calls
        @autograd_checked(gradgrad=False, ignore=["AG7"])        # with options of ``check``
        @autograd_checked(Swish, inputs=make_inputs)             # an explicit target
        @pytest.mark.autograd_checked(function=Swish, inputs=make_inputs)

    ``inputs`` is a callable that returns the argument tuple, a list of tuples or callables, or a dict of such by
    name; ``dtypes`` and ``devices`` repeat each case. :data:`KEYWORDS` lists all keywords.

    Raises:
        TypeError: only a Function or Module class was given, which pytest would take for the decorated test.
    """
    mark = getattr(pytest.mark, NAME)
    if target is None:
        return mark(**options)
    if options:
        return mark(function=target, **options)
    if is_torch_class(target) or is_torch_class(getattr(target, "__self__", None)):
        raise TypeError(trap_message(getattr(target, "__qualname__", str(target))))
    return mark(target)


def trap_message(name: str) -> str:
    """Say how to name an explicit target, since a lone positional one would silently swallow the test."""
    return (
        f"autograd_checked({name}) would replace the test by {name} itself, and the test would silently "
        f"vanish: write @autograd_checked(function={name}, inputs=make_inputs)"
    )
