"""backward draws random numbers of its own.

A dropout mask drawn afresh in backward is not the one that forward applied: the gradient is that of
another function.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "error"
FIX = "Draw in forward and save the mask (or the generator state), and use that in backward."
SKILL = "gradients/randomness"
EXPLAINED_BY = ("AG206", "AG309")


def find(probe: Probe) -> Iterator[Evidence]:
    """Run backward after two different seeds, forward after the same."""
    argument = probe.state.backward_rng
    if argument is not None:
        yield Evidence(
            f"the gradient of {argument} changes with the random stream that backward meets",
            argument=argument,
            place=probe.source.of_backward,
        )
