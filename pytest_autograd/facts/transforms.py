"""The same numbers by torch's transforms: forward-mode AD, ``vmap``, ``torch.func``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor

from pytest_autograd.call.call import Call, differentiable, named_outputs
from pytest_autograd.call.target import is_custom_op
from pytest_autograd.derivatives.compare import Difference, MaybeTensors, relative_error
from pytest_autograd.derivatives.directional_test import Judgement, judge
from pytest_autograd.derivatives.evaluator import Evaluator
from pytest_autograd.derivatives.finite_differences import FunctionAlongLine, Samples
from pytest_autograd.derivatives.tangents import direction, inner, signed_bounded, size
from pytest_autograd.errors import NotApplicable, TargetRaised
from pytest_autograd.facts.base import Facts, Subject, fact
from pytest_autograd.facts.numbers import Numbers
from pytest_autograd.facts.run import ObservedRun
from pytest_autograd.running.author_code import entering, run_inside
from pytest_autograd.running.rng import reseed

BATCH = 3


class Transforms(Facts):
    """What torch's transforms make of the Function."""

    def __init__(self, subject: Subject, run: ObservedRun, numbers: Numbers) -> None:
        super().__init__(subject)
        self.run, self.numbers = run, numbers

    @fact
    def jvp(self) -> Judgement | TargetRaised:
        """The verdict on the author's ``jvp`` along one tangent, or what it raised."""
        self.subject.not_under_a_contract()
        if self.options.forward_ad is False or not self.run.has_jvp:
            raise NotApplicable("forward_ad=False" if self.run.has_jvp else "no jvp is defined")
        try:
            return self._judged_jvp()
        except TargetRaised as raised:
            if raised.where != "jvp":
                raise
            return raised

    def _judged_jvp(self) -> Judgement:
        evaluator, precision = self.numbers.evaluator, self.numbers.precision
        point, generator = evaluator.point, torch.Generator().manual_seed(self.seed)
        outputs = evaluator.forward(point)
        tangents = direction(point, generator)
        cotangents = signed_bounded(outputs, generator)
        derivative = _zeros_for_none(evaluator.jvp(point, tangents), cotangents)
        weights: list[Tensor | None] = list(cotangents)
        claimed, scale = inner(weights, derivative), size(weights, derivative)
        samples = Samples(evaluator.forward, point, tangents, outputs, outputs)
        return judge(FunctionAlongLine(samples, cotangents, precision), claimed, scale, scale)

    @fact
    def jvp_follows_backward(self) -> bool:
        """Whether ``jvp`` and backward, right or wrong, are one derivative: ``<w, jvp(u)> = <vjp(w), u>``."""
        evaluator = self.numbers.evaluator
        point, generator = evaluator.point, torch.Generator().manual_seed(self.seed)
        tangents = direction(point, generator)
        cotangents = signed_bounded(evaluator.forward(point), generator)
        given: list[Tensor | None] = list(cotangents)
        forwards = inner(given, _zeros_for_none(evaluator.jvp(point, tangents), cotangents))
        back = evaluator.vjp(point, cotangents)
        scale = size(back, tangents)
        return abs(forwards - inner(back, tangents)) <= self.numbers.tolerance * scale

    @fact
    def vmap(self) -> Difference | None:
        """How ``torch.vmap`` differs from a loop, for the batch at the front, at the back, or of one argument."""
        if self.options.vmap is False:
            raise NotApplicable("vmap=False")
        if self.call.function is not None or not is_custom_op(self.call.target):
            self._require_vmap_of_function()
        elif not self.options.vmap and getattr(self.call.target, "_vmap_fn", None) is None:
            raise NotApplicable("no vmap rule is registered")
        if self.numbers.stochastic:
            raise NotApplicable("forward is stochastic, and draws otherwise for a batch")
        call, tolerance = self.numbers.evaluator.call, self.numbers.tolerance
        differences = (_vmap_difference(call, d, self.seed, tolerance) for d in _batchings(call))
        return next((found for found in differences if found is not None), None)

    def _require_vmap_of_function(self) -> None:
        if not self.run.has_vmap:
            raise NotApplicable("no vmap rule is defined")
        if not self.run.has_setup_context:
            raise NotApplicable("setup_context is not defined, so torch.vmap refuses the Function")

    @fact
    def torch_func(self) -> Difference | None:
        """How ``torch.func.vjp`` differs from plain autograd."""
        if not self.run.has_setup_context:
            raise NotApplicable("setup_context is not defined, so torch.func refuses the Function")
        evaluator, sample = self.numbers.evaluator, self.numbers.sample
        if evaluator.doors_used:
            raise NotApplicable("a gradient leaves by a tensor that transforms do not carry")
        call = evaluator.call

        def run(*given: Tensor) -> tuple[Tensor, ...]:
            every = _outputs(call, call.filled(given), self.seed)
            return tuple(every[i] for i in evaluator.output_indices)

        try:
            with entering("torch.func", self.seed):
                pull = torch.func.vjp(run, *sample.point)[1]
                reseed(self.seed + 1)
                answers = pull(tuple(sample.cotangents))
        except TargetRaised as raised:  # whatever the author's code raises here is the finding
            return Difference("torch.func.vjp raises", raised=raised.error)
        wanted = sample.gradients
        if any(slot.layout is not None for slot in call.slots):  # transforms lay their own copies
            plain = Evaluator(call.laid_plainly(), self.seed)
            plain.forward(sample.point)
            wanted = plain.vjp(sample.point, sample.cotangents)
        for name, want, got in zip(evaluator.names, wanted, answers, strict=True):
            error = relative_error(torch.zeros_like(got) if want is None else want, got)
            if error > self.numbers.tolerance:
                return Difference(f"torch.func.vjp gives another gradient of {name}", name, error)
        return None


def _zeros_for_none(given: MaybeTensors, like: Sequence[Tensor]) -> list[Tensor]:
    return [w * 0 if d is None else d for d, w in zip(given, like, strict=True)]


def _vmap_difference(
    call: Call, dims: Sequence[int | None], seed: int, tolerance: float
) -> Difference | None:
    label = f"vmap with in_dims={tuple(dims)}"
    pairs = list(zip([slot.value for slot in call.slots], dims, strict=True))
    batched = [_stack(tensor, dim, seed + i) for i, (tensor, dim) in enumerate(pairs)]
    try:
        with entering("forward", seed):
            loop = [
                _outputs(call, [_entry(t, d, b) for t, d in zip(batched, dims, strict=True)], seed)
                for b in range(BATCH)
            ]
    except TargetRaised as raised:  # the plain call fails: nothing to compare with
        raise NotApplicable("forward raises on the entries of a batch") from raised
    try:
        with entering("vmap", seed):
            mapped: Any = torch.func.vmap(
                lambda *xs: tuple(_outputs(call, cast(Any, xs), seed)),
                in_dims=tuple(dims),
                randomness="same",
            )(*batched)
    except TargetRaised as raised:  # whatever the author's rule raises is the finding
        return Difference(f"{label} raises", raised=raised.error)
    for i, entries in enumerate(zip(*loop, strict=True)):
        want = torch.stack(entries)
        error = 1.0 if mapped[i].shape != want.shape else _apart(want, mapped[i])
        if error > tolerance:
            where = f"{label} differs from a loop over the batch in output {i}"
            return Difference(where, error=error)
    return None


def _batchings(call: Call) -> list[list[int | None]]:
    """Return in_dims to try: all at the front, all at the back, and each differentiated one alone."""
    every = [0] * len(call.slots)
    back = [slot.value.dim() for slot in call.slots]
    alone = [
        [0 if i == chosen else None for i in range(len(call.slots))]
        for chosen in (call.differentiated if len(call.slots) > 1 else ())
    ]
    return [list(every), list(back), *alone]


def _stack(tensor: Tensor, dim: int | None, seed: int) -> Tensor:
    if dim is None:
        return tensor
    generator = torch.Generator().manual_seed(seed)
    entries = [tensor]
    for _ in range(BATCH - 1):
        entries.append(direction([tensor], generator)[0] if differentiable(tensor) else tensor)
    return torch.stack(entries, dim)


def _entry(tensor: Tensor, dim: int | None, index: int) -> Tensor:
    return tensor if dim is None else tensor.select(dim, index)


def _outputs(call: Call, tensors: Sequence[Tensor], seed: int) -> list[Tensor]:
    cloned = [tensor.clone() for tensor in tensors]
    raw = run_inside(call, cloned, seed)
    return [tensor for _, tensor in named_outputs(raw, flat=call.flat)]


def _apart(want: Tensor, got: Tensor) -> float:
    if not differentiable(want):
        return 0.0 if torch.equal(want, got) else 1.0
    return relative_error(want, got)
