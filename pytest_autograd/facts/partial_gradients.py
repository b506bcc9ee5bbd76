"""Gradients of a part: with inputs frozen, outputs unused, nothing in a tensor."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from pytest_autograd.call.call import Call, differentiable
from pytest_autograd.call.variants import Resize, resized, sizes_to_change
from pytest_autograd.derivatives.compare import Difference, MaybeTensors, first_difference
from pytest_autograd.derivatives.evaluator import Evaluator
from pytest_autograd.errors import NotApplicable, TargetRaised
from pytest_autograd.facts.addresses import Addresses
from pytest_autograd.facts.base import Facts, Subject, fact
from pytest_autograd.facts.numbers import Numbers
from pytest_autograd.facts.observe import observe
from pytest_autograd.facts.run import ObservedRun

MOST_FOR_ALL = 5  # arguments of which every subset is frozen


class PartialGradients(Facts):
    """What backward does where not everything is asked for."""

    def __init__(
        self, subject: Subject, run: ObservedRun, numbers: Numbers, addresses: Addresses
    ) -> None:
        super().__init__(subject)
        self.run, self.numbers, self.addresses = run, numbers, addresses

    @fact
    def frozen_inputs(self) -> list[Difference]:
        """Where freezing inputs makes forward or backward raise, or changes the gradients of the others.

        A subset whose part was told already is not told again.
        """
        evaluator = self.numbers.evaluator
        if len(evaluator.call.differentiated) < 2:
            raise NotApplicable("only one argument is differentiated")
        found: list[Difference] = []
        told: list[set[int]] = []
        for frozen in _subsets(evaluator.call.freezable, len(evaluator.call.differentiated)):
            if any(part <= set(frozen) for part in told):
                continue
            broken = self._with_frozen(evaluator.call, frozen)
            if broken is not None:
                found.append(broken)
                told.append(set(frozen))
        return found

    def _with_frozen(self, call: Call, frozen: Sequence[int]) -> Difference | None:
        sample, names = self.numbers.sample, self.numbers.evaluator.names
        full = dict(zip(names, sample.gradients, strict=True))
        where = f"with {' and '.join(call.slots[i].name for i in frozen)} frozen"
        other = Evaluator(call.with_frozen(*frozen), self.seed)
        try:
            graph = other.graph(other.point)
        except TargetRaised as raised:
            return Difference(f"{where}, forward", raised=raised.error)
        except NotApplicable:  # no output requires grad any more
            return None
        if len(other.output_indices) != len(sample.outputs):
            return None
        return first_difference(
            where,
            other.names,
            [full[name] for name in other.names],
            lambda: graph.vjp(sample.cotangents),
            self.numbers.tolerance,
        )

    @fact
    def undefined_grads(self) -> Difference | None:
        """The output that, used alone, breaks backward or gives another gradient than with zeros for the rest."""
        evaluator, sample = self.numbers.evaluator, self.numbers.sample
        if len(sample.outputs) < 2:
            raise NotApplicable("there is one differentiable output")

        def gradients(cotangents: Sequence[Tensor | None]) -> MaybeTensors:
            """Return the gradients, None as zeros."""
            answers = evaluator.vjp(sample.point, cotangents)
            pairs = zip(sample.point, answers, strict=True)
            return [torch.zeros_like(x) if g is None else g for x, g in pairs]

        for o, name in enumerate(evaluator.output_names):
            sent = list(enumerate(sample.cotangents))
            alone = [v if i == o else None for i, v in sent]
            found = first_difference(
                f"when only {name} is used",
                evaluator.names,
                gradients([v if i == o else torch.zeros_like(v) for i, v in sent]),
                lambda a=alone: gradients(a),
                self.numbers.tolerance,
            )
            if found is not None:
                return found
        return None

    @fact
    def empty_or_scalar(self) -> Difference | None:
        """Where backward fails although forward takes an empty or a 0-dim input."""
        self.numbers.require_first_order()  # a backward that raises anyway is another fault
        call = self.numbers.evaluator.call
        if call.sizes_may_be_known:
            raise NotApplicable("an object among the arguments may know the sizes of the others")
        for where, variant in _degenerate(call):
            if not self.addresses.allow(where, variant):
                continue
            evaluator = Evaluator(variant, self.seed)
            try:
                outputs = evaluator.forward(evaluator.point)
            except NotApplicable:
                continue
            try:
                evaluator.vjp(evaluator.point, [torch.ones_like(y) for y in outputs])
            except TargetRaised as raised:
                return Difference(str(where), raised=raised.error)
        return None

    @fact
    def wasted_work(self) -> list[Wasted]:
        """For each differentiated argument, frozen in turn, what backward still computes in vain.

        Counted are matrix products, convolutions and attention, whose cost torch knows; elementwise work is trivial
        beside a kernel launch and counts nothing. Work that is idle with nothing frozen, as in a recomputed forward,
        is no fault of the frozen argument.
        """
        self.run.require_sound_backward()
        self.run.require_answer()
        call = self.call
        if len(call.differentiated) < 2:
            raise NotApplicable("only one argument is differentiated")
        always = _idle_work(call, self.seed)
        found = []
        for index in call.freezable:
            work = _idle_work(call.with_frozen(index), self.seed)
            if work is not None:
                idle = max(0, work[0] - (always[0] if always else 0))
                found.append(Wasted(call.slots[index].name, idle, work[1]))
        return found


def _subsets(indices: Sequence[int], count: int) -> Iterator[tuple[int, ...]]:
    """Yield the subsets to freeze, small ones first: all that leave one; of many, singles, pairs and all but one."""
    most = count - 1
    sizes = range(1, most + 1) if len(indices) <= MOST_FOR_ALL else (1, 2, most)
    for size in dict.fromkeys(sizes):
        yield from itertools.combinations(indices, min(size, len(indices)))


def _degenerate(call: Call) -> Iterator[tuple[Resize | str, Call]]:
    for size in sizes_to_change(call):
        yield Resize(size, 0), resized(call, size, 0)
    tensors = [slot for slot in call.slots if differentiable(slot.value)]
    if (
        len({slot.value.shape for slot in tensors}) == 1
        and tensors[0].value.dim()
        and tensors[0].value.numel()
    ):
        slots = [
            replace(slot, value=slot.value.reshape(-1)[0].clone()) if slot in tensors else slot
            for slot in call.slots
        ]
        yield "with a 0-dim input", replace(call, slots=tuple(slots))


@dataclass(frozen=True)
class Wasted:
    """Floating-point operations of backward that no asked-for gradient needs, with one argument frozen."""

    frozen: str
    wasted: int
    total: int


class _WorkMeter(TorchDispatchMode):
    """Keeps for each tensor the set of operations that it was made by, and what each operation costs."""

    def __init__(self) -> None:
        super().__init__()
        self.flops: list[int] = []
        self._makers: dict[int, frozenset[int]] = {}
        self._alive: list[Tensor] = []

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # True imports the compiler, which takes a second

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        made_by = frozenset({len(self.flops)}).union(
            *(self.makers(leaf) for leaf in pytree.tree_leaves((args, kwargs)))
        )
        count = flop_registry.get(func.overloadpacket)
        self.flops.append(int(count(*args, **kwargs, out_val=result)) if count else 0)
        for leaf in pytree.tree_leaves(result):
            if isinstance(leaf, Tensor):
                self._makers[id(leaf)] = made_by
                self._alive.append(leaf)
        return result

    def makers(self, value: Any) -> frozenset[int]:
        """Return the operations that ``value`` depends on."""
        return (
            self._makers.get(id(value), frozenset()) if isinstance(value, Tensor) else frozenset()
        )


def _idle_work(call: Call, seed: int) -> tuple[int, int] | None:
    """Return (operations that no asked-for gradient is made from, all operations) of one backward."""
    meter = _WorkMeter()
    trace = observe(call, seed, backward_times=1, around_backward=meter)
    run = next((run for run in trace.backwards if run.came_back), None)
    if run is None:
        return None
    needed: frozenset[int] = frozenset()
    for gradient, need in zip(run.returned, run.needs_input_grad, strict=False):
        if need:
            needed |= meter.makers(gradient)
    total = sum(meter.flops)
    return total - sum(meter.flops[i] for i in needed), total
