"""Gradients that leave by another door: added to a tensor that hangs on an argument, such as ``weight.main_grad``."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from pytest_autograd.derivatives.compare import apart
from pytest_autograd.facts.base import Facts, Subject, fact
from pytest_autograd.facts.numbers import Numbers


@dataclass(frozen=True)
class Accumulation:
    """What backward does to ``argument.attribute``: ``error`` is how far that is from adding the same to any start."""

    argument: str
    attribute: str
    error: float


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
            Accumulation(argument, attribute, apart(first[argument], again[argument]))
            for argument, attribute in evaluator.doors_used.items()
        ]
