"""Verify hand-written PyTorch gradients: ``check`` and the pytest marker ``autograd_checked``.

Names are resolved when first used; importing this package loads no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_autograd.checking import check
    from pytest_autograd.declarations.registered import declare
    from pytest_autograd.errors import CheckError, GradientCheckFailed
    from pytest_autograd.plugin.marker import autograd_checked
    from pytest_autograd.plugin.strategies import autograd_inputs
    from pytest_autograd.report.model import Finding, Report
    from pytest_autograd.rule import Rule

__all__ = [
    "CheckError",
    "Finding",
    "GradientCheckFailed",
    "Report",
    "Rule",
    "autograd_checked",
    "autograd_inputs",
    "check",
    "declare",
]

_HOME = {
    "CheckError": "errors",
    "Finding": "report.model",
    "GradientCheckFailed": "errors",
    "Report": "report.model",
    "Rule": "rule",
    "autograd_checked": "plugin.marker",
    "autograd_inputs": "plugin.strategies",
    "check": "checking",
    "declare": "declarations.registered",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
