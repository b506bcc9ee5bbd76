"""@once_differentiable drops second derivatives silently where grad_output needs no gradient.

The decorator raises only if grad_output itself requires grad. After a plain sum() it does not: the
gradient comes back without a graph, and a penalty on it counts as constant.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "note"
FIX = (
    "If second derivatives may be asked for, write backward in torch operations; otherwise "
    "nothing is wrong."
)
SKILL = "double-backward/once-differentiable"


def find(probe: Probe) -> Iterator[Evidence]:
    """See whether the gradient depends on the inputs while nothing is recorded."""
    if probe.numbers.once_differentiable_hole:
        yield Evidence(
            "backward is once differentiable: a penalty on the gradient after a plain sum() is silently ignored",
            place=probe.source.of_backward,
        )
