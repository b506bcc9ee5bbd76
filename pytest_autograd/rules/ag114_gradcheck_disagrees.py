"""torch's gradcheck fails on a gradient that was confirmed.

gradcheck takes one fixed step and fixed tolerances; forwards that work in float32 inside, steep functions and very
large inputs make it complain of right code. Which of these it was is measured; where none was found, somebody should
look.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.errors import NotApplicable
from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "note"
DEAR = True
FIX = (
    "Read gradcheck's own words below; choose eps, atol and rtol to suit (gradcheck_options=), and look at the "
    "arguments that it names."
)
SKILL = "verification/gradcheck"
WORKS_IN_FLOAT64 = 1e-9  # relative rounding
EXPLAINED_BY = ("AG111",)


def find(probe: Probe) -> Iterator[Evidence]:
    """Compare the referee's ruling with the verdict on the values."""
    if probe.options.contract is not None:
        raise NotApplicable("gradcheck knows nothing of a contract")
    if probe.torch_checks.gradcheck.status == "failed" and probe.numbers.first_order.confirmed:
        doubt = probe.torch_checks.doubt
        cause = "none of the known causes was found" if doubt is None else doubt.cause
        coarse = probe.numbers.first_order.precision > WORKS_IN_FLOAT64
        yield Evidence(
            f"gradcheck fails although the gradient was confirmed: {cause}",
            severity="warning" if doubt is None else "note",
            fix=None if doubt is None else doubt.fix,
            despite=EXPLAINED_BY if coarse else (),
        )
