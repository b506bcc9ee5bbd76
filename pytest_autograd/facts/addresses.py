"""Whether forward hands addresses to a kernel, and what may be run then."""

from __future__ import annotations

from pytest_autograd.call.call import Call
from pytest_autograd.call.in_bounds import stays_in_bounds
from pytest_autograd.call.other_constants import Change
from pytest_autograd.call.variants import Resize
from pytest_autograd.derivatives.autograd_reference import open_graph
from pytest_autograd.errors import NotApplicable
from pytest_autograd.facts.base import Facts, Subject, fact
from pytest_autograd.facts.numbers import Numbers


class Addresses(Facts):
    """What is known of the memory that forward reads and writes."""

    def __init__(self, subject: Subject, numbers: Numbers) -> None:
        super().__init__(subject)
        self.numbers = numbers

    @fact
    def are_taken(self) -> bool:
        """Whether forward is known to ask for the address of a tensor, as kernels do."""
        evaluator = self.numbers.evaluator
        try:
            return open_graph(evaluator.call, self.seed, evaluator.point).by_address
        except NotApplicable:
            return False

    def allow(self, where: str | Resize | Change, there: Call) -> bool:
        """Whether the call ``there`` can be made: torch refuses one that does not fit, a kernel leaves its memory."""
        return not self.are_taken or stays_in_bounds(where, there, self.numbers.evaluator.call)
