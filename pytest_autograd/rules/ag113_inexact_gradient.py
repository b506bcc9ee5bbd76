"""The gradient is close to the derivative of forward, but certainly not equal to it.

The difference is above what rounding explains and below ``rtol``. Usual causes: a constant that differs between forward
and backward, float32 inside backward, the tolerance of an iterative solver, an approximation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.diagnosis.causes import precision_words
from pytest_autograd.diagnosis.explain import worst_element
from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import ValueFacts

ABOUT = "values"
SEVERITY = "warning"
FIX = "Use the same constants and precision in forward and backward; if the approximation is meant, ignore AG113."
SKILL = "verification/accuracy"
EXPLAINED_BY = ("AG309",)


def find(probe: ValueFacts) -> Iterator[Evidence]:
    """Look for arguments whose gradient is off by a resolved amount below rtol; a mere cast is AG402's.

    What the data's own rounding changes as much is nothing that anyone meets.
    """
    values = probe.numbers.first_order
    for argument in values.arguments:
        least = max(probe.run.cast_error(argument.name), probe.numbers.data_precision)
        if argument.status == "inexact" and argument.error > least:
            index, expected, got = worst_element(argument)
            place = probe.source.of_gradient(argument.name)
            yield Evidence(
                f"in {values.dtypes} the gradient of {argument.name} is exact to {argument.error:.1g} of its size only"
                f"{precision_words(values, argument)}",
                argument=argument.name,
                index=index,
                expected=expected,
                got=got,
                max_error=argument.error,
                place=place,
            )
