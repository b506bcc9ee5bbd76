"""backward cannot be differentiated.

A gradient penalty, a Hessian or MAML step finds no graph behind the gradient and silently counts it as constant; or it
raises deep inside, which is loud: a note, unless second order was asked for by name (``gradgrad=True``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence, raised

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import ValueFacts

ABOUT = "values"
SEVERITY = "error"
FIX = (
    "Write backward in differentiable torch operations, or mark it "
    "@torch.autograd.function.once_differentiable."
)
SKILL = "double-backward/once-differentiable"
EXPLAINED_BY = ("AG302",)


def find(probe: ValueFacts) -> Iterator[Evidence]:
    """Ask for the graph of the first gradient."""
    second = probe.numbers.second_order
    if second.error is not None:
        found = raised("double backward raises", second.error, probe.source.of_backward)
        yield found if probe.options.wants_second_order else replace(found, severity="note")
    elif second.status == "no-history":
        yield Evidence(
            "the gradient depends on the inputs but has no graph: second derivatives are silently missing",
            place=probe.source.of_backward,
        )
