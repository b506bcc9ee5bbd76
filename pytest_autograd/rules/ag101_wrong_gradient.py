"""The gradient is not the derivative of forward.

Finite differences of forward along random directions, or the declared contract, disagree with what backward returns
by more than their own uncertainty. Training goes on with the wrong direction and nothing raises.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.diagnosis.explain import explain
from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import ValueFacts

ABOUT = "values"
SEVERITY = "error"
FIX = (
    "Derive the VJP again for this argument; if it is meant to differ (straight-through, clipping, "
    "reversal), declare it with surrogate=, grad_transform= or reference= and it is verified "
    "against that."
)
SKILL = "debugging/wrong-values"
EXPLAINED_BY = ("AG102", "AG107", "AG205", "AG206", "AG209", "AG303", "AG309", "AG401", "AG408")


def find(probe: ValueFacts) -> Iterator[Evidence]:
    """Ask the verdict on the values, and explain each wrong argument."""
    values = probe.numbers.first_order
    for argument in values.arguments:
        if argument.status == "wrong":
            yield explain(probe, values, argument)
