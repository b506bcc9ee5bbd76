"""A NaN in grad_output does not reach the gradient.

nan_to_num and masks on grad_output hide that something upstream has blown up: training goes on with
wrong numbers and the first NaN is never found.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "warning"
FIX = "Let NaN through: mask by the inputs, never by grad_output, and drop nan_to_num."
SKILL = "gradients/nan"
EXPLAINED_BY = ("AG102", "AG309")


def find(probe: Probe) -> Iterator[Evidence]:
    """Put one NaN into grad_output where the gradient is known to depend on it."""
    argument = probe.non_finite.swallowed
    if argument is not None:
        yield Evidence(
            f"a NaN in grad_output does not reach the gradient of {argument}",
            argument=argument,
            place=probe.source.of_gradient(argument),
        )
