"""Facts about the call at other points and sizes than the given ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import chain

import torch
from torch import Tensor

from pytest_autograd.call.call import Call
from pytest_autograd.call.complex_inputs import complex_inputs
from pytest_autograd.call.declared import placed
from pytest_autograd.call.other_constants import Change, other_constants
from pytest_autograd.call.other_ranks import other_ranks, packed_batches
from pytest_autograd.call.size_relations import outputs_follow
from pytest_autograd.call.tensors import same
from pytest_autograd.call.variants import (
    Resize,
    other_points,
    other_sizes,
    special_points,
)
from pytest_autograd.derivatives.contracts import decide
from pytest_autograd.derivatives.evaluator import Evaluator
from pytest_autograd.derivatives.finite_differences import (
    EPS,
    FunctionAlongLine,
    Samples,
    has_bounded_slope,
)
from pytest_autograd.derivatives.gauge import choice_of
from pytest_autograd.derivatives.solvers import is_within_tolerance
from pytest_autograd.derivatives.tangents import direction, signed_bounded
from pytest_autograd.derivatives.verdicts import ArgumentVerdict
from pytest_autograd.domains.likely import range_of
from pytest_autograd.errors import NotApplicable, TargetRaised
from pytest_autograd.facts.addresses import Addresses
from pytest_autograd.facts.base import Facts, Subject, fact
from pytest_autograd.facts.declarations import declare_where, keep_option, keep_size
from pytest_autograd.facts.domains import Domains
from pytest_autograd.facts.held_gradients import why_held
from pytest_autograd.facts.numbers import Numbers
from pytest_autograd.facts.wrong_elsewhere import TIED, WrongAtOtherInput, is_a_pattern, told_of

SHARE_OF_TIME = 0.25  # of what the time limit leaves, for points and for sizes each


class OtherInputs(Facts):
    """What the checked code computes at inputs that nobody gave."""

    def __init__(
        self, subject: Subject, numbers: Numbers, domains: Domains, addresses: Addresses
    ) -> None:
        super().__init__(subject)
        self.numbers, self.domains, self.addresses = numbers, domains, addresses

    @fact
    def points(self) -> list[WrongAtOtherInput]:
        """Where the gradient is wrong at other values of the same sizes."""
        call = self.numbers.evaluator.call
        if self.subject.through is not None:
            return self._wrong_at(other_constants(call), lambda raised: True)
        points = other_points(call, self.seed)
        # a contract speaks for the constants given, and not of kinks
        if self.subject.contract is None:
            points = chain(
                points, special_points(call), self._complex_point(call), other_constants(call)
            )
        return self._wrong_at(points, lambda raised: True)

    def _complex_point(self, call: Call) -> Iterator[tuple[Change, Call]]:
        """Yield the call on complex inputs, where the code knows of such and forward takes the real line to itself.

        A Function that never meant them is not blamed, nor one whose outputs are real all the same.
        """
        if not any(y.is_complex() for y in self.numbers.sample.outputs):
            for where, other in complex_inputs(call, self.seed):
                if _is_complex(other, self.seed):
                    yield where, other

    @fact
    def sizes(self) -> list[WrongAtOtherInput]:
        """Where the gradient is wrong at other sizes."""
        self.subject.not_through_a_callable()
        return self._wrong_at(
            other_sizes(self.numbers.evaluator.call, self.seed),
            lambda raised: not self.call.sizes_may_be_known and is_a_pattern(raised),
        )

    @fact
    def ranks(self) -> list[WrongAtOtherInput]:
        """Where the gradient is wrong with axes more, fewer or broadcast, or with a packed batch cut otherwise."""
        self.subject.not_through_a_callable()
        if self.subject.contract is not None:
            raise NotApplicable("a contract speaks for the axes given")
        call = self.numbers.evaluator.call
        variants = chain(packed_batches(call), other_ranks(call, self.seed))
        return self._wrong_at(variants, lambda raised: False)

    def _wrong_at(
        self,
        variants: Iterator[tuple[str | Resize | Change, Call]],
        believed: Callable[[Sequence[WrongAtOtherInput]], bool],
    ) -> list[WrongAtOtherInput]:
        """Return the first place where each argument is wrong, within a share of the time that is left.

        ``believed`` says whether all places where backward raises make a fault.
        """
        given = self.numbers.first_order
        if self.options.level == "quick" and given.confirmed:
            raise NotApplicable("other points and sizes are tried at level full")
        if any(a.status in ("wrong", "missing") for a in given.arguments):
            raise NotApplicable("the gradient is wrong at the given inputs")
        if any(a.status == "along" for a in given.arguments):
            raise NotApplicable(
                "the gradient is right only within the set that an input was given in"
            )
        if given.up_to is not None:
            raise NotApplicable(f"forward is a function of its inputs up to {given.up_to} only")
        if any(judgement.rough for judgement in given.judgements):
            raise NotApplicable("forward is too rough to be judged elsewhere")
        stop = time.monotonic() + SHARE_OF_TIME * self.subject.left
        wrongs: list[WrongAtOtherInput] = []
        cleared: set[str] = set()
        together: set[int] = set()
        for where, variant in variants:
            if time.monotonic() > stop:
                break
            try:
                call = placed(variant, self.numbers.evaluator.call)
            except NotApplicable:
                continue
            if call is not variant and self._is_as_given(call):
                continue
            if not self.addresses.allow(where, call):
                continue
            found = self._wrong_in(where, call)
            wrongs += found or ()
            if isinstance(where, Change) and where.clears and found == []:
                cleared.add(where.name)
            if isinstance(where, Resize) and where.also and found == []:
                together |= {where.old, where.also[0]}
        return told_of(wrongs, cleared, together, believed)

    def _wrong_in(self, where: str | Resize | Change, call: Call) -> list[WrongAtOtherInput] | None:
        """Return what is wrong there; None where nothing could be judged."""
        evaluator = Evaluator(call, self.seed)
        try:
            outputs = evaluator.forward(evaluator.point)
        except NotApplicable:  # a Function that refuses these inputs is not at fault
            return None
        if not all(bool(torch.isfinite(y).all()) for y in outputs):
            return None
        try:
            values = decide(evaluator, self.options, False, self.numbers.precision)
        except TargetRaised as raised:
            if raised.where == "backward" and _smooth_there(evaluator, outputs, self.seed):
                loud = None if isinstance(where, Change) else "backward raises there, which is loud"
                return [WrongAtOtherInput(where, raised, loud)]
            return None
        except NotApplicable:
            return None
        wrong = [a for a in values.arguments if a.status == "wrong" and not self._is_rounding(a)]
        if wrong and not _smooth_there(evaluator, outputs, self.seed):
            return None
        if wrong and (is_within_tolerance(values, evaluator) or choice_of(evaluator) is not None):
            return None
        doubt = self._doubt(where, call, outputs) if wrong else None
        given = self.numbers.evaluator.point

        def doubt_of(argument: ArgumentVerdict) -> str | None:
            if isinstance(where, Resize):
                return doubt or self._edge(call, argument) or _beyond(where, argument)
            held = why_held(evaluator, given, values, argument) if isinstance(where, str) else None
            return doubt or self._edge(call, argument) or held

        return [WrongAtOtherInput(where, (values, each), doubt_of(each)) for each in wrong]

    def _is_rounding(self, argument: ArgumentVerdict) -> bool:
        """Whether an error is no larger than what forward rounds off the gradient at the given inputs.

        Where all terms of a gradient cancel, as at ties, nothing but that is left of it.
        """
        want, got = argument.expected, argument.got
        sample = zip(self.numbers.evaluator.names, self.numbers.sample.gradients, strict=True)
        given = dict(sample).get(argument.name)
        if want is None or got is None or given is None or not given.numel():
            return False
        error = float((want - got).abs().max())
        return error <= 50 * self.numbers.precision * float(given.abs().max())

    def _edge(self, call: Call, argument: ArgumentVerdict) -> str | None:
        """Return the range in which an argument was given, where forward is flat off it and the gradient wrong there.

        So does a logarithm that is kept off zero.
        """
        given = {slot.name: slot.value for slot in self.numbers.evaluator.call.slots}
        there = next(slot.value for slot in call.slots if slot.name == argument.name)
        domain = range_of(given[argument.name]) if argument.name in given else None
        if domain is None or not _flat_where_wrong(argument, outside=~domain.inside(there)):
            return None
        return f"{argument.name} was given as {domain.name}, and forward is flat off it"

    def _doubt(
        self, where: str | Resize | Change, call: Call, outputs: Sequence[Tensor]
    ) -> str | None:
        """Return why callers may never pass such inputs, None where nothing speaks for it."""
        if any(a.status == "inexact" for a in self.numbers.first_order.arguments):
            return "the gradient is approximate at the given inputs too"
        likely = self.domains.likely
        left = [
            f"{slot.name} was given as {likely[slot.name]}"
            for slot in call.slots
            if slot.name in likely and not likely[slot.name].holds(slot.value)
        ]
        if left:
            return " and ".join(left)
        if isinstance(where, Resize) and not where.batch_only:
            given = [y.shape for y in self.numbers.sample.outputs]
            if where.alone and where.also is None:
                return TIED
            if where.also is None and not outputs_follow(
                where.old, where.new, given, [y.shape for y in outputs]
            ):
                return "the sizes of the outputs do not follow"
        return None

    def way_out(self, wrong: WrongAtOtherInput) -> str:
        """Return what to declare where such inputs are never passed."""
        if isinstance(wrong.where, Resize):
            return keep_size(self.call, wrong.where.old)
        if isinstance(wrong.where, Change):
            return keep_option(wrong.where.name)
        return declare_where(self.call, self.domains.likely)

    def _is_as_given(self, call: Call) -> bool:
        given = self.numbers.evaluator.call.slots
        return all(same(a.value, b.value) for a, b in zip(call.slots, given, strict=True))


def _is_complex(call: Call, seed: int) -> bool:
    """Whether forward takes the call and all its outputs are complex."""
    evaluator = Evaluator(call, seed)
    try:
        return all(y.is_complex() for y in evaluator.forward(evaluator.point))
    except NotApplicable:
        return False


def _beyond(where: Resize, argument: ArgumentVerdict) -> str | None:
    """Say that a gradient is wrong only in what a longer axis has more, of which forward takes no notice.

    Such a size means something: three for a point, four for a quaternion.
    """
    want = argument.expected
    if want is None or where.new <= where.old:
        return None
    axes = [axis for axis, size in enumerate(want.shape) if size == where.new]
    for axis in axes:
        more = torch.zeros_like(want, dtype=torch.bool)
        more.narrow(axis, where.old, where.new - where.old).fill_(True)
        if _flat_where_wrong(argument, more):
            return f"forward takes the first {where.old} only"
    return None


def _flat_where_wrong(argument: ArgumentVerdict, outside: Tensor) -> bool:
    """Whether all elements whose gradient is wrong lie ``outside``, where none is expected."""
    want, got = argument.expected, argument.got
    if want is None or got is None or want.shape != outside.shape:
        return False
    wrong = (want - got).abs() > argument.tolerance * got.abs().max()
    return bool((outside & (want == 0))[wrong].all())


def _smooth_there(evaluator: Evaluator, outputs: Sequence[Tensor], seed: int) -> bool:
    """Whether forward has a derivative at the point: its one-sided slopes stay bounded as the step shrinks.

    Eigenvectors at equal eigenvalues have none, and a backward that raises there is no fault.
    """
    generator = torch.Generator().manual_seed(seed)
    along = direction(evaluator.point, generator)
    samples = Samples(evaluator.forward, evaluator.point, along, outputs, outputs)
    line = FunctionAlongLine(samples, signed_bounded(outputs, generator), EPS)
    try:
        return all(has_bounded_slope(line, sign) for sign in (1.0, -1.0))
    except NotApplicable:
        return False
