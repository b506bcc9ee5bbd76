"""backward is not linear in grad_output.

A vector-Jacobian product is linear in its vector by definition. Clamping, normalising, taking the sign of or squaring
grad_output gives gradients that depend on the scale of the loss; gradcheck feeds ones and zeros and passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import ValueFacts

ABOUT = "values"
SEVERITY = "error"
FIX = (
    "Make backward linear in grad_output; clip with a tensor hook or the optimizer, or declare the change with "
    "grad_transform=."
)
SKILL = "gradients/linear-in-grad-output"
EXPLAINED_BY = ("AG206", "AG309")


def find(probe: ValueFacts) -> Iterator[Evidence]:
    """Compare VJPs of combined and scaled cotangents."""
    for broken in probe.numbers.nonlinearities:
        yield Evidence(
            f"the gradient of {broken.argument} is not linear in grad_output: {broken.law}",
            argument=broken.argument,
            max_error=broken.error,
            place=probe.source.of_gradient(broken.argument),
        )
