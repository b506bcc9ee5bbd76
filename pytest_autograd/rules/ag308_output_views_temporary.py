"""An output is a view of a temporary.

What forward returns is a view of a tensor that it made, or two outputs share memory. The caller's in-place operation on
it (``y += 1``, ``inplace=True``) raises, since autograd could not keep the custom backward, or changes the other one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "warning"
FIX = "Compute in the final shape, or return the view as a tensor of its own: out.view(shape).clone()."
SKILL = "in-place/outputs"


def find(probe: Probe) -> Iterator[Evidence]:
    """Change each output in place, as a caller may."""
    for name in probe.aliasing.fixed_outputs:
        yield Evidence(
            f"{name} is a view of a temporary: the caller cannot change it in place", output=name
        )
    pair = probe.aliasing.outputs_of_one_memory
    if pair is not None:
        yield Evidence(
            f"{pair[0]} and {pair[1]} share memory: the caller's in-place operation on one changes the other",
            output=pair[1],
            fix=f"Return {pair[1]} as a tensor of its own: clone it.",
        )
