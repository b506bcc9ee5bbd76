"""Memory is read before it is written.

Rows of an ``empty()`` that no kernel fills come back as an output or a gradient: whatever lay there before. It is often
zero in a test and never in training.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "error"
FIX = "Make the buffer with zeros() or new_zeros(), or write every element of it."
SKILL = "memory/uninitialised"


def find(probe: Probe) -> Iterator[Evidence]:
    """Fill fresh memory with one marker, then with another."""
    found = probe.uninitialised.difference
    if found is not None:
        argument = found.where.removeprefix("the gradient of ")
        of_gradient = argument != found.where
        yield Evidence(
            f"{found.where} changes with what lies in fresh memory: it is not written everywhere",
            argument=argument if of_gradient else None,
            output=None if of_gradient else found.where,
            place=probe.source.of_gradient(argument) if of_gradient else None,
        )
