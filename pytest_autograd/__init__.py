"""Verify hand-written PyTorch gradients: ``check`` and the pytest marker ``autograd_checked``.

Names are resolved when first used; importing this package loads no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_autograd._check import check
    from pytest_autograd._errors import CheckError, GradientCheckFailed
    from pytest_autograd._mark import autograd_checked
    from pytest_autograd._model import Finding, Report
    from pytest_autograd._rule import Rule
    from pytest_autograd._strategies import autograd_inputs

__all__ = [
    "CheckError",
    "Finding",
    "GradientCheckFailed",
    "Report",
    "Rule",
    "autograd_checked",
    "autograd_inputs",
    "check",
]

_HOME = {
    "CheckError": "_errors",
    "Finding": "_model",
    "GradientCheckFailed": "_errors",
    "Report": "_model",
    "Rule": "_rule",
    "autograd_checked": "_mark",
    "autograd_inputs": "_strategies",
    "check": "_check",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
