"""What a rule is, and the discovery of all rules by scanning the folder ``rules``.

A rule is a module ``rules/agNNN_slug.py``. Its file name gives code and name, its docstring title and why, its
constants ``SEVERITY``, ``FIX``, ``SKILL`` (and optionally ``EXPLAINED_BY``, ``LEVEL``) the rest, and its generator
``find(probe)`` yields :class:`Evidence`. Everything else on a finding is stamped on by the runner.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pytest_autograd.errors import first_line
from pytest_autograd.places import Place, error_place
from pytest_autograd.report.model import Severity

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

STEM = re.compile(r"ag(\d{3})_([a-z0-9_]+)")


@dataclass(frozen=True)
class Evidence:
    """What one rule saw once. Without a ``place`` the finding stands at the Function's own."""

    message: str
    argument: str | None = None
    output: str | None = None
    index: tuple[int, ...] | None = None
    expected: Any = None
    got: Any = None
    max_error: float | None = None
    severity: Severity | None = None
    fix: str | None = None
    place: Place | None = None
    seen_by: Literal["running", "source", "both"] = "running"


def raised(what: str, error: Exception, place: Place | None = None) -> Evidence:
    """Return the evidence that the author's code, or torch on its behalf, raised ``error``."""
    text = f"{what}: {type(error).__name__}: {first_line(error)}"
    return Evidence(text, place=error_place(error) or place)


def differing(what: str, error: Exception | None, size: float, place: Place | None) -> Evidence:
    """Return the evidence of a result that differs by another road, or raises there."""
    if error is not None:
        return raised(what, error, place)
    return Evidence(what, max_error=size, place=place)


def breaking(what: str, broken: Any, place: Place | None) -> Evidence:
    """Return the evidence of something that breaks elsewhere (see :class:`pytest_autograd.facts.layouts.Broken`)."""
    if broken.raised is not None:
        return raised(f"{what} raises {broken.where}", broken.raised, place)
    subject = f"the gradient of {broken.argument}" if broken.argument else "a result"
    return Evidence(
        f"{broken.where}, {subject} is another one",
        argument=broken.argument,
        max_error=broken.error,
        place=place,
    )


@dataclass(frozen=True)
class Rule:
    """One fault: its code, what it is called, why it matters, its cure, and how to see it."""

    code: str
    name: str
    severity: Severity
    title: str
    why: str
    fix: str
    skill: str
    find: Callable[[Probe], Iterator[Evidence]]
    level: Literal["quick", "full"] = "quick"
    explained_by: tuple[str, ...] = ()

    @property
    def stem(self) -> str:
        """File stem of the rule's module and of its example."""
        return f"{self.code.lower()}_{self.name.replace('-', '_')}"
