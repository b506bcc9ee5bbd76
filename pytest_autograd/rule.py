"""What a rule is.

A rule is a module ``rules/agNNN_slug.py``. Its file name gives code and name, its docstring title and why, its
constants ``SEVERITY``, ``FIX``, ``SKILL`` (and optionally ``EXPLAINED_BY``, ``LEVEL``, ``ABOUT``, ``DEAR``,
``OPT_IN``) the rest, and its generator ``find(probe)`` yields :class:`Evidence`. Everything else on a finding is
stamped on by the runner.

``DEAR = True``: the rule runs after the others, for its facts take much time.
``OPT_IN = True``: the rule runs only where it is selected.
``ABOUT = "values"``: the rule asks :class:`pytest_autograd.facts.probe.ValueFacts` only, so that the judge of the MCP
server decides it in another process. ``"values elsewhere"``: about values too, at inputs that nobody gave.
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
    from pytest_autograd.derivatives.compare import Difference
    from pytest_autograd.facts.writes import Write

STEM = re.compile(r"ag(\d{3})_([a-z0-9_]+)")


@dataclass(frozen=True)
class Evidence:
    """What one rule saw once. Without a ``place`` the finding stands at the Function's own.

    ``declared``: the author says that it is on purpose; it still accounts for what follows from it.
    ``despite``: codes that cannot account for it, though the rule is explained by them.
    """

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
    declared: bool = False
    despite: tuple[str, ...] = ()


def raised(what: str, error: Exception, place: Place | None = None) -> Evidence:
    """Return the evidence that the author's code, or torch on its behalf, raised ``error``."""
    text = f"{what}: {type(error).__name__}: {first_line(error)}"
    return Evidence(text, place=error_place(error) or place)


def differing(found: Difference, place: Place | None) -> Evidence:
    """Return the evidence of a result that differs by another road, or raises there."""
    if found.raised is not None:
        return raised(found.where, found.raised, place)
    return Evidence(found.where, max_error=found.error, place=place)


def breaking(what: str, found: Difference, place: Place | None) -> Evidence:
    """Return the evidence that ``what`` breaks elsewhere, or makes another gradient there."""
    if found.raised is not None:
        return raised(f"{what} raises {found.where}", found.raised, place)
    subject = f"the gradient of {found.argument}" if found.argument else "a result"
    return Evidence(
        f"{found.where}, {subject} is another one",
        argument=found.argument,
        max_error=found.error,
        place=place,
    )


def written(by: str, write: Write, place: Place | None) -> Evidence:
    """Return the evidence of a write in place: a note with its consequence where it is declared."""
    if write.declared:
        text = f"{by} changes {write.what} in place, {write.consequence}"
        return Evidence(
            text, write.argument, severity="note", fix=DECLARED_WRITE, place=place, declared=True
        )
    return Evidence(f"{by} changes {write.what} in place", write.argument, place=place)


DECLARED_WRITE = "Nothing is wrong as long as nobody else reads that tensor afterwards."


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
    find: Callable[[Any], Iterator[Evidence]]
    level: Literal["quick", "full"] = "quick"
    explained_by: tuple[str, ...] = ()
    about: Literal["values", "values elsewhere", "use"] = "use"
    dear: bool = False
    opt_in: bool = False

    @property
    def stem(self) -> str:
        """File stem of the rule's module and of its example."""
        return f"{self.code.lower()}_{self.name.replace('-', '_')}"
