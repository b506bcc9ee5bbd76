"""The numbers of the checked code: forward, VJP, and VJP of the VJP, on fresh inputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.autograd import forward_ad

from pytest_autograd.call.call import Call, differentiable, named_outputs
from pytest_autograd.call.tensors import same
from pytest_autograd.derivatives.compare import MaybeTensors, copies
from pytest_autograd.errors import NotApplicable, TargetRaised
from pytest_autograd.running.author_code import (
    ForwardRun,
    NoHistory,
    Runs,
    entering,
    run_forward,
    run_inside,
)
from pytest_autograd.running.plain_backward import plain_backward, refuses_grad


class Evaluator:
    """Evaluates one call. ``point`` lists a value for each differentiated slot, in the order of the slots."""

    def __init__(self, call: Call, seed: int) -> None:
        self.call, self.seed = call, seed
        self.calls: Counter[str] = Counter()
        self.output_names: list[str] = []
        self.runs = Runs()
        self.doors_used: dict[str, str] = {}
        self.wants_plain_backward = False
        self._outputs: list[int] | None = None
        self._here = Repeated()

    @property
    def output_indices(self) -> list[int]:
        """Indices of the differentiable outputs among the tensor outputs, known after a first forward."""
        return self._outputs or []

    @property
    def point(self) -> list[Tensor]:
        """The differentiated values as given."""
        return [self.call.slots[i].value for i in self.call.differentiated]

    @property
    def names(self) -> list[str]:
        """Names of the differentiated arguments."""
        return [self.call.slots[i].name for i in self.call.differentiated]

    def forward(self, point: Sequence[Tensor]) -> list[Tensor]:
        """Return the differentiable outputs at ``point``, detached."""
        known = self._here.outputs if self._is_given(point) else None
        return known or [output.detach() for output in self.graph(point).outputs]

    def vjp(self, point: Sequence[Tensor], cotangents: Sequence[Tensor | None]) -> MaybeTensors:
        """Return the gradient of ``<cotangents, outputs>`` for each differentiated argument, None where it has none.

        An output whose cotangent is None is left out of the sum: backward gets no gradient for it.
        """
        return self.graph(point).vjp(cotangents)

    def vjps(
        self, point: Sequence[Tensor], several: Sequence[Sequence[Tensor]]
    ) -> list[MaybeTensors]:
        """Return :meth:`vjp` at one point for each of several lists of cotangents.

        The first has a graph of its own, freed behind it as in training; the others share one, if it lasts.
        """
        first, *others = several
        answer = self.vjp(point, first)
        shared = self._by_one_graph(point, others, first, answer) if len(others) > 1 else None
        return [answer, *(shared or (self.vjp(point, cotangents) for cotangents in others))]

    def _by_one_graph(
        self,
        point: Sequence[Tensor],
        several: Sequence[Sequence[Tensor]],
        first: Sequence[Tensor],
        answer: MaybeTensors,
    ) -> list[MaybeTensors] | None:
        """Return the VJPs by one graph; None where it does not last: at last it must give the known answer again."""
        graph = self.graph(point)
        try:
            answers = [copies(graph.vjp(v, retained=True)) for v in several]
            again = graph.vjp(first)
        except TargetRaised:
            return None
        pairs = zip(answer, again, strict=True)
        lasts = all(a is b if a is None or b is None else same(a, b) for a, b in pairs)
        return answers if lasts else None

    def graph(self, point: Sequence[Tensor]) -> Graph:
        """Run forward at ``point`` and return its graph, for what is to happen before or instead of a plain VJP."""
        self.calls["forward"] += 1
        run = run_forward(self.call, self.call.filled(point), seed=self.seed, runs=self.runs)
        outputs = self._differentiable(run.outputs)
        if self._is_given(point):
            self._here.note(outputs)
        return Graph(self, point, run, outputs)

    def _is_given(self, point: Sequence[Tensor]) -> bool:
        return all(x is own for x, own in zip(point, self.point, strict=True))

    def _differentiable(self, named: Sequence[tuple[str, Tensor]]) -> list[Tensor]:
        """Return the differentiable outputs, the same ones each time."""
        if self._outputs is None:
            self._outputs = [
                i for i, (_, t) in enumerate(named) if differentiable(t) and t.requires_grad
            ]
            self.output_names = [named[i][0] for i in self._outputs]
            if not self._outputs:
                raise NotApplicable("no output requires grad")
        if any(i >= len(named) for i in self._outputs):
            raise NotApplicable("the number of outputs changes from call to call")
        return [named[i][1] for i in self._outputs]

    def jvp(self, point: Sequence[Tensor], tangents: Sequence[Tensor]) -> MaybeTensors:
        """Return the directional derivative of the outputs by forward-mode AD, None for an output without one."""
        self.calls["jvp"] += 1
        with forward_ad.dual_level(), entering("jvp", self.seed, self.runs):
            _, arguments = self.call.fresh(self.call.filled(point))
            for i, tangent in zip(self.call.differentiated, tangents, strict=True):
                arguments[i] = forward_ad.make_dual(arguments[i], tangent.clone())
            named = named_outputs(run_inside(self.call, arguments), flat=self.call.flat)
            return [forward_ad.unpack_dual(named[i][1]).tangent for i in self.output_indices]

    def double_vjp(
        self, point: Sequence[Tensor], cotangents: Sequence[Tensor], weights: Sequence[Tensor]
    ) -> tuple[MaybeTensors, MaybeTensors]:
        """Return the gradients of ``<weights, vjp(point, cotangents)>`` by the arguments and by the cotangents.

        Raises:
            NoHistory: the first gradient has no graph, so nothing flows back through it.
            TargetRaised: the checked code raised, as all methods tell.
        """
        graph = self.graph(point)
        given = [cotangent.detach().clone().requires_grad_() for cotangent in cotangents]
        self.calls["double backward"] += 1
        with entering("double backward", self.seed + 1, self.runs):
            sent = [g.clone() for g in given]
            first = torch.autograd.grad(
                graph.outputs, graph.leaves, sent, allow_unused=True, create_graph=True
            )
            pairs = [
                (gradient, weight)
                for gradient, weight in zip(first, weights, strict=True)
                if gradient is not None and gradient.requires_grad
            ]
            if not pairs:
                raise NoHistory
            second = torch.autograd.grad(
                [gradient for gradient, _ in pairs],
                [*graph.leaves, *given],
                [weight.to(gradient.dtype) for gradient, weight in pairs],
                allow_unused=True,
            )
        return list(second[: len(graph.leaves)]), list(second[len(graph.leaves) :])


class Repeated:
    """The outputs of runs that should be equal: known from the second one on, if that gave the same."""

    def __init__(self) -> None:
        self._first: list[Tensor] | None = None
        self._repeats: bool | None = None

    def note(self, outputs: Sequence[Tensor]) -> None:
        """Take the outputs of one run."""
        if self._first is None:
            self._first = [output.detach().clone() for output in outputs]
        elif self._repeats is None:
            self._repeats = all(map(same, self._first, outputs))

    @property
    def outputs(self) -> list[Tensor] | None:
        """Copies of the outputs that each further run would give; None where that is not known."""
        return [y.clone() for y in self._first or ()] if self._repeats else None


@dataclass(frozen=True)
class Door:
    """A tensor by which a gradient may leave: ``argument.attribute``, of the argument's own shape or flattened.

    ``place`` is that of the argument among the differentiated ones, ``slot`` among all.
    """

    place: int
    slot: int
    argument: str
    attribute: str
    tensor: Tensor


def _doors(call: Call, arguments: Sequence[Tensor]) -> list[Door]:
    doors = []
    for place, i in enumerate(call.differentiated):
        slot = call.slots[i]
        for name in slot.attributes:
            held = getattr(arguments[i], name, None)
            if isinstance(held, Tensor) and slot.holds_as_much(held) and differentiable(held):
                doors.append(Door(place, i, slot.name, name, held))
    return doors


class Graph:
    """The graph of one forward: ``leaves`` of the differentiated slots, and the differentiable ``outputs``."""

    def __init__(
        self,
        evaluator: Evaluator,
        point: Sequence[Tensor],
        run: ForwardRun,
        outputs: list[Tensor],
    ) -> None:
        self.outputs, self.leaves, self.arguments = outputs, run.differentiated, run.arguments
        self.run = run
        self.returned_too: dict[str, Tensor | None] = {}
        self.doors = _doors(evaluator.call, run.arguments)
        self._evaluator, self._point = evaluator, point

    def vjp(
        self,
        cotangents: Sequence[Tensor | None],
        *,
        shift: int = 1,
        copied: bool = True,
        retained: bool = False,
    ) -> MaybeTensors:
        """Return the gradients of ``<cotangents, outputs>``.

        Cotangents are ``copied`` first, which keeps backward from writing into the caller's and may change their
        strides. ``shift`` is added to the seed for backward: were it 0, a backward that draws its own dropout mask
        would draw forward's. A ``retained`` graph may be asked again.
        """
        with self.entering_backward(shift):
            return self.backward(cotangents, copied, retained)

    def entering_backward(self, shift: int = 1) -> entering:
        """Return the block that :meth:`backward` is to run in."""
        self._evaluator.calls["backward"] += 1
        return entering("backward", self._evaluator.seed + shift, self._evaluator.runs)

    def backward(
        self, cotangents: Sequence[Tensor | None], copied: bool = True, retained: bool = False
    ) -> MaybeTensors:
        """Run the engine; by ``.backward()`` where ``autograd.grad`` is refused (reentrant checkpoints).

        What backward added to a tensor that hangs on an argument (:class:`Door`) is the gradient of that argument.
        """
        before = [(door.tensor.detach().clone(), door.tensor._version) for door in self.doors]
        gradients = self._engine(cotangents, copied, retained)
        used = self._evaluator.doors_used
        for door, (old, version) in zip(self.doors, before, strict=True):
            if door.tensor._version != version or not torch.equal(old, door.tensor):
                used.setdefault(door.argument, door.attribute)
            if used.get(door.argument) == door.attribute:
                leaf = self.leaves[door.place]
                self.returned_too[door.argument] = gradients[door.place]
                gradients[door.place] = (door.tensor - old).reshape(leaf.shape).to(leaf.dtype)
        return gradients

    def _engine(
        self, cotangents: Sequence[Tensor | None], copied: bool, retained: bool
    ) -> MaybeTensors:
        pairs = [(y, v) for y, v in zip(self.outputs, cotangents, strict=True) if v is not None]
        outputs = [y for y, _ in pairs]
        sent = [v.detach().clone() if copied else v for _, v in pairs]
        evaluator = self._evaluator
        if evaluator.wants_plain_backward:
            with self.run.call.rerun_with(self.arguments):
                answers = plain_backward(outputs, self.leaves, sent, retain_graph=retained)
            return _dense(answers)
        try:
            answers = torch.autograd.grad(
                outputs, self.leaves, sent, retain_graph=retained, allow_unused=True
            )
            return _dense(answers)
        except RuntimeError as error:
            if not refuses_grad(error):
                raise
        evaluator.wants_plain_backward = True  # what is left of this graph is not known
        return evaluator.graph(self._point)._engine(cotangents, copied, retained)


def _dense(gradients: Sequence[Tensor | None]) -> MaybeTensors:
    """Return the gradients as dense tensors; backward may well return a sparse one for a dense input."""
    return [g if g is None or g.layout == torch.strided else g.to_dense() for g in gradients]
