"""torch's gradcheck fails on a gradient that was confirmed.

gradcheck takes one fixed step and fixed tolerances; forwards that work in float32 inside, steep functions and very
large inputs make it complain of right code.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "note"
DEAR = True
FIX = (
    "Nothing is wrong; for gradcheck itself choose eps, atol and rtol to suit (gradcheck_options=)."
)
SKILL = "verification/gradcheck"
EXPLAINED_BY = ("AG111",)


def find(probe: Probe) -> Iterator[Evidence]:
    """Compare the referee's ruling with the verdict on the values."""
    if probe.torch_checks.gradcheck.status == "failed" and probe.numbers.first_order.confirmed:
        coarse = probe.numbers.first_order.precision > 1e-9
        cause = (
            "forward works in lower precision inside"
            if coarse
            else "its step and tolerances do not suit"
        )
        yield Evidence(
            f"gradcheck fails although the gradient was confirmed: {cause}",
            despite=EXPLAINED_BY if coarse else (),
        )
