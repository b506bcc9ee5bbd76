"""A tensor that wants a gradient is hidden in a container argument.

Autograd sees top-level tensor arguments only; one inside a list, dict or dataclass never gets a
gradient, silently.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "error"
FIX = "Pass the tensors one by one, as arguments of apply: Fn.apply(*tensors)."
SKILL = "template/tensors-in-containers"


def find(probe: Probe) -> Iterator[Evidence]:
    """Change each hidden tensor and see whether the outputs change."""
    for path in probe.unseen_tensors.hidden_arguments:
        yield Evidence(
            f"{path} requires grad and matters, but sits in a container: it gets no gradient",
            argument=path,
        )
