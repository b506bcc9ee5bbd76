"""Gradients that share memory with each other, with ctx or with an input, or are written past the engine."""

from __future__ import annotations

import torch
from torch import Tensor

from pytest_autograd.call.target import is_custom_op
from pytest_autograd.call.tensors import memory, overlap
from pytest_autograd.derivatives.tangents import draw_cotangents
from pytest_autograd.facts.base import Facts, Subject, fact
from pytest_autograd.facts.numbers import Numbers
from pytest_autograd.facts.observe import observe, ones
from pytest_autograd.facts.run import ObservedRun
from pytest_autograd.facts.trace import Trace
from pytest_autograd.running.author_code import entering, run_forward


class Aliasing(Facts):
    """Memory of gradients that is somebody else's too."""

    def __init__(self, subject: Subject, run: ObservedRun, numbers: Numbers) -> None:
        super().__init__(subject)
        self.run, self.numbers = run, numbers

    @fact
    def shared_gradients(self) -> tuple[str, str] | None:
        """Two arguments whose ``.grad`` share memory after one ``.backward()``."""
        self.run.require_sound_backward()
        self.run.require_answer()
        forward = run_forward(self.call, seed=self.seed)
        outputs = [t for _, t in forward.outputs if t.requires_grad]
        cotangents = draw_cotangents([y.detach() for y in outputs], self.seed)
        with entering("backward", self.seed):
            torch.autograd.backward(outputs, cotangents)
        seen: list[tuple[str, Tensor]] = []
        for i in self.call.differentiated:
            gradient = forward.leaves[i].grad
            if gradient is None or not gradient.numel():
                continue
            for name, other in seen:
                if overlap(other, gradient):
                    return name, self.call.slots[i].name
            seen.append((self.call.slots[i].name, gradient))
        return None

    @fact
    def kept_gradient(self) -> tuple[str, str] | None:
        """(argument, owner) of a returned gradient that is memory of ctx, of a saved tensor or of an input."""
        self.run.require_answer()
        plain = observe(self.call, self.seed, backward_times=1, draw=ones)  # what sum() sends
        return self._kept_in(self.run.trace) or self._kept_in(plain)

    def _kept_in(self, trace: Trace) -> tuple[str, str] | None:
        owners = self._owners(trace)
        returned = trace.backwards[0].returned if trace.backwards else ()
        for slot in self.call.slots:
            gradient = returned[slot.position] if slot.position < len(returned) else None
            if slot.differentiated and isinstance(gradient, Tensor):
                for name, value in owners:
                    if overlap(gradient, value):
                        return slot.name, name
        return None

    def _owners(self, trace: Trace) -> list[tuple[str, Tensor]]:
        owners = [(s.name, t) for s, t in zip(self.call.slots, trace.arguments, strict=True)]
        for save in trace.saves[-1:]:
            owners += [(f"ctx.saved_tensors[{i}]", value) for i, value in enumerate(save.values)]
        owners += [(f"ctx.{name}", value) for name, value in trace.ctx_attributes().items()]
        return [(name, value) for name, value in owners if isinstance(value, Tensor)]

    @fact
    def fixed_outputs(self) -> list[str]:
        """The outputs that cannot be changed in place, since they are views of what forward made.

        Of a tensor subclass, torch itself makes every output a view.
        """
        found = []
        for name, seen in self._made_outputs():
            if seen.requires_grad and seen._is_view() and type(seen) is Tensor:
                output = dict(run_forward(self.call, seed=self.seed).outputs)[name]
                try:
                    with torch.enable_grad():
                        output.add_(0)
                except RuntimeError:
                    found.append(name)
        return found

    @fact
    def outputs_of_one_memory(self) -> tuple[str, str] | None:
        """Two outputs that lie in one place, which no in-place operation on either would tell."""
        seen: list[tuple[str, Tensor]] = []
        for name, tensor in self._made_outputs():
            for other, before in seen:
                if overlap(before, tensor) and not {name, other} & set(self.fixed_outputs):
                    return other, name
            seen.append((name, tensor))
        return None

    def _made_outputs(self) -> list[tuple[str, Tensor]]:
        """Return the outputs that are not memory of an input."""
        if is_custom_op(self.call.target):
            run = run_forward(self.call, seed=self.seed)
            arguments, outputs = run.arguments, run.outputs
        else:
            arguments, outputs = self.run.trace.arguments, self.run.trace.outputs
        inputs = {memory(argument) for argument in arguments}
        return [(name, output) for name, output in outputs if memory(output) not in inputs]

    @fact
    def polluted(self) -> str | None:
        """The argument whose ``.grad`` is written by ``torch.autograd.grad``, which must not write any."""
        evaluator, point = self.numbers.evaluator, self.numbers.evaluator.point
        cotangents = draw_cotangents(evaluator.forward(point), self.seed)
        graph = evaluator.graph(point)
        graph.vjp(cotangents)
        written = zip(evaluator.names, graph.leaves, strict=True)
        return next((name for name, leaf in written if leaf.grad is not None), None)
