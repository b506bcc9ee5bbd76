"""In-place writes that were observed: into inputs, saved tensors and grad_output, and which of them are declared."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from pytest_autograd.call.tensors import memory
from pytest_autograd.facts.base import Facts, Subject
from pytest_autograd.facts.run import ObservedRun


@dataclass(frozen=True)
class Write:
    """A tensor that was changed in place.

    ``what`` is what it is to its writer, ``argument`` the input that it is, if it is one, ``change`` the relative
    change of its values. ``declared``: the author says that it is on purpose.
    """

    what: str
    argument: str | None
    change: float
    declared: bool

    @property
    def consequence(self) -> str:
        """Say what follows for others who hold the tensor."""
        return (
            f"as declared: whoever else uses {self.what} finds other values afterwards, here off by {self.change:.1g} "
            "of their size"
        )


class Writes(Facts):
    """What the observed passes changed in place and did not mark dirty: read off them, however late it is."""

    def __init__(self, subject: Subject, run: ObservedRun) -> None:
        super().__init__(subject)
        self.run = run

    @property
    def inputs(self) -> list[Write]:
        """The inputs that forward changed."""
        trace = self.run.trace
        changed = {
            i: c for i, c in trace.changed_inputs.items() if not self._is_dirty(trace.arguments[i])
        }
        names = {i: self.call.slots[i].name for i in changed}
        return [self._write(names[i], names[i], change) for i, change in changed.items()]

    @property
    def saved(self) -> list[Write]:
        """The saved tensors that backward changed."""
        changed = self.run.backward_runs[0].changed_saved
        return [
            self._write(f"ctx.saved_tensors[{i}]", self._input_saved_at(i), c)
            for i, c in changed.items()
        ]

    @property
    def grad_outputs(self) -> list[Write]:
        """The cotangents that backward changed."""
        first = self.run.backward_runs[0]
        alone = len(first.received) == 1
        return [
            self._write("grad_output" if alone else f"grad_output[{i}]", None, change)
            for i, change in first.changed_grads.items()
        ]

    def _write(self, what: str, argument: str | None, change: float) -> Write:
        names = {what, what.partition("[")[0], argument}
        return Write(what, argument, change, bool(names & set(self.options.overwrites)))

    def _is_dirty(self, tensor: Tensor) -> bool:
        return any(tensor is dirty for dirty in self.run.trace.dirty)

    def _input_saved_at(self, position: int) -> str | None:
        trace = self.run.trace
        values = trace.saves[-1].values if trace.saves else ()
        value = values[position] if position < len(values) else None
        if not isinstance(value, Tensor):
            return None
        owners = zip(self.call.slots, trace.arguments, strict=True)
        return next((slot.name for slot, held in owners if memory(held) == memory(value)), None)
