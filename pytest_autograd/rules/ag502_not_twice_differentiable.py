"""backward cannot be differentiated, and does not say so.

A gradient penalty, a Hessian or MAML step either raises deep inside or, worse, finds no graph
behind the gradient and silently counts it as constant.
"""

from __future__ import annotations

from collections.abc import Iterator
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
        yield raised("double backward raises", second.error, probe.source.of_backward)
    elif second.status == "no-history":
        yield Evidence(
            "the gradient depends on the inputs but has no graph: second derivatives are silently missing",
            place=probe.source.of_backward,
        )
