"""A second backward through the same graph differs or raises.

With retain_graph=True, several losses or gradient accumulation, backward runs more than once on one
graph; a backward that uses up or rescales what forward left gives another gradient the second time. One that refuses
to run again by an exception of its own is loud: a note.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_autograd.errors import NotApplicable
from pytest_autograd.places import is_refusal
from pytest_autograd.rule import Evidence, raised

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "error"
FIX = "Leave what ctx holds untouched in backward: no pop, no in-place scaling, no deletion."
SKILL = "in-place/repeatable-backward"
EXPLAINED_BY = ("AG302", "AG309")

MOST_ROUNDING = 0.05


def find(probe: Probe) -> Iterator[Evidence]:
    """Compare two backward passes over one graph, random streams reset before each."""
    if getattr(probe.source.function, "clear_saved_tensors_on_access", False):
        raise NotApplicable("clear_saved_tensors_on_access allows one backward only")
    probe.run.require_sound_backward()
    first, *rest = probe.run.backward_runs
    dummies = _places_of_dummies(probe) if rest else set()
    for second in rest:
        problem = second.error or second.refused
        if problem is not None:
            told = raised("a second backward through the same graph raises", problem)
            yield replace(told, severity="note" if is_refusal(problem) else None)
            return
        spread = second.apart_from(first, dummies)
        if spread > 0:
            rounding = spread <= _rounding(probe)
            yield Evidence(
                "a second backward through the same graph gives another gradient"
                + (
                    f" in the last bits ({spread:.0e}), as a sum in another order does"
                    if rounding
                    else ""
                ),
                max_error=spread,
                severity="note" if rounding else None,
                place=probe.source.of_backward,
            )
            return


def _places_of_dummies(probe: Probe) -> set[int]:
    """Return the places of the gradients that leave by another door: what is returned there is not the gradient."""
    if not any(slot.attributes for slot in probe.call.slots):
        return set()
    evaluator = probe.numbers.evaluator
    return {i for i, name in enumerate(evaluator.names) if name in evaluator.doors_used}


def _rounding(probe: Probe) -> float:
    """Return the relative spread of a sum over all elements in another order, in the dtype given."""
    import torch

    slots = [slot for slot in probe.call.slots if slot.differentiated]
    count = sum(slot.value.numel() for slot in slots)
    epsilon = max(torch.finfo(slot.value.dtype).eps for slot in slots)
    return min(MOST_ROUNDING, 8 * epsilon * count**0.5)
