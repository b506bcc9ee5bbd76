"""Gradients that leave by another door: added to a tensor that hangs on an argument, such as ``weight.main_grad``."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pytest_autograd.derivatives.compare import apart
from pytest_autograd.derivatives.evaluator import Graph
from pytest_autograd.facts.base import Facts, Subject, fact
from pytest_autograd.facts.numbers import Numbers


@dataclass(frozen=True)
class Accumulation:
    """What backward does to ``argument.attribute``: ``error`` is how far that is from adding the same to any start.

    ``twice``: the same gradient is returned too.
    """

    argument: str
    attribute: str
    error: float
    twice: bool = False


class OtherDoors(Facts):
    """What backward writes to tensors that hang on the arguments."""

    def __init__(self, subject: Subject, numbers: Numbers) -> None:
        super().__init__(subject)
        self.numbers = numbers

    @fact
    def accumulations(self) -> list[Accumulation]:
        """The tensors by which a gradient leaves: added to, from zero and from other values."""
        sample, evaluator = self.numbers.sample, self.numbers.evaluator
        if not evaluator.doors_used:
            return []
        graph = evaluator.graph(sample.point)
        for door in graph.doors:
            with torch.no_grad():
                door.tensor.add_(1.5).mul_(-2)
        again = dict(zip(evaluator.names, graph.vjp(sample.cotangents), strict=True))
        first = dict(zip(evaluator.names, sample.gradients, strict=True))
        return [
            Accumulation(
                argument,
                attribute,
                apart(first[argument], again[argument]),
                twice=_is_counted_twice(graph, argument, again[argument], self.numbers.tolerance),
            )
            for argument, attribute in evaluator.doors_used.items()
        ]


def _is_counted_twice(graph: Graph, name: str, added: Tensor | None, tolerance: float) -> bool:
    """Whether the gradient that was added is returned too, and no flag on the argument says that it was added."""
    returned = graph.returned_too.get(name)
    if returned is None or added is None or not bool(returned.any()):
        return False
    door = next(door for door in graph.doors if door.argument == name)
    flags = vars(graph.arguments[door.slot]).values()
    return apart(added, returned) <= tolerance and not any(flag is True for flag in flags)
