"""Under vmap or torch.func the Function gives other results.

The author's vmap rule, or the generated one, must equal a loop over the batch whichever dimension
the batch is; torch.func must give plain autograd's gradient.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.places import class_place
from pytest_autograd.rule import Evidence, differing

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "error"
FIX = (
    "Honour in_dims (None, front, back), return out_dims to match, and use torch operations "
    "only with generate_vmap_rule."
)
SKILL = "transforms/vmap"
EXPLAINED_BY = ("AG206", "AG303", "AG309")


def find(probe: Probe) -> Iterator[Evidence]:
    """Compare vmap with a loop and torch.func.vjp with plain autograd."""
    op = probe.call.function is None
    if op or probe.run.has_vmap:
        found = probe.transforms.vmap
        if found is not None:
            place = probe.source.of_target if op else class_place(probe.source.function.vmap)
            yield differing(found, place)
    found = probe.transforms.torch_func
    if found is not None:
        yield differing(found, probe.source.of_backward)
