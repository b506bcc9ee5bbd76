"""A differentiable output is hidden in a list, dict or nested tuple.

Autograd sees tensors at the top level of a returned tuple only; one inside a container comes out
detached, and its gradient is lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "error"
FIX = "Return a flat tuple of tensors, and rebuild the container outside of the Function."
SKILL = "template/output-containers"
EXPLAINED_BY = ("AG003",)


def find(probe: Probe) -> Iterator[Evidence]:
    """Look for tensors inside containers that change with the inputs."""
    outputs = [tensor for _, tensor in probe.run.trace.outputs]
    seen = any(tensor.is_floating_point() or tensor.is_complex() for tensor in outputs)
    for name in probe.unseen_tensors.hidden_outputs:
        yield Evidence(
            f"{name} depends on the inputs but sits in a container: it gets no gradient",
            output=name,
            despite=EXPLAINED_BY if seen else (),
        )
