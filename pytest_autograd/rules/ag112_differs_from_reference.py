"""forward differs from the declared reference.

With ``reference=`` the author says that forward computes the same as a plain function. It does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import ValueFacts

ABOUT = "values"
SEVERITY = "error"
FIX = "Mend forward, or the reference; if forward is meant to differ, declare the gradient with surrogate= instead."
SKILL = "verification/contracts"


def find(probe: ValueFacts) -> Iterator[Evidence]:
    """Compare the outputs with those of the reference."""
    output, error = probe.numbers.reference_error
    tolerance = max(1e-9, 50 * probe.numbers.precision)
    if error > tolerance:
        yield Evidence(
            f"{output} differs from the reference by {error:.2g} of its size",
            output=output,
            max_error=error,
        )
