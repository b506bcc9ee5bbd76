"""The custom op breaks a promise of its registration.

torch.library.opcheck compares the op with its schema, its fake implementation and its autograd
registration; what it finds fails under torch.compile and export.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "error"
FIX = (
    "Mend the schema (mutates_args), the fake implementation or the autograd formula that "
    "opcheck names."
)
SKILL = "transforms/custom-ops"
LEVEL = "full"
EXPLAINED_BY = ("AG407",)


def find(probe: Probe) -> Iterator[Evidence]:
    """Run torch.library.opcheck; AG303 tells of an undeclared write, and names the argument."""
    written = probe.torch_checks.undeclared_writes
    for name, problem in probe.torch_checks.opcheck.items():
        if not (written and name == "test_schema"):
            compiled = name.startswith("test_aot_dispatch")  # the one test that runs backward
            yield Evidence(f"opcheck {name}: {problem}", despite=() if compiled else EXPLAINED_BY)
