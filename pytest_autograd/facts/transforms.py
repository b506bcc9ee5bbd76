"""Forward mode, vmap, torch.func, compilation and autocast: the same numbers by other roads."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import Function

from pytest_autograd.call.call import WIDE, Call, differentiable, named_outputs
from pytest_autograd.derivatives.compare import relative_error
from pytest_autograd.derivatives.directional_test import Judgement, judge
from pytest_autograd.derivatives.evaluator import Evaluator
from pytest_autograd.derivatives.finite_differences import FunctionAlongLine, Samples
from pytest_autograd.derivatives.tangents import (
    direction,
    draw_cotangents,
    inner,
    signed_bounded,
    size,
)
from pytest_autograd.errors import NotApplicable, TargetRaised
from pytest_autograd.running.phase import phase
from pytest_autograd.running.rng import reseed

BATCH = 3
AUTOCAST_TOLERANCE = 0.15


@dataclass(frozen=True)
class Differs:
    """A result that another road gives otherwise: what, how far, or what was raised on the way."""

    what: str
    error: float = 0.0
    raised: Exception | None = None


def jvp_judgement(evaluator: Evaluator, seed: int, precision: float) -> Judgement:
    """Judge the author's ``jvp`` against finite differences along one tangent."""
    generator = torch.Generator().manual_seed(seed)
    point = evaluator.point
    outputs = evaluator.forward(point)
    tangents = direction(point, generator)
    cotangents = signed_bounded(outputs, generator)
    derivative = evaluator.jvp(point, tangents)
    weights: list[Tensor | None] = list(cotangents)
    claimed = sum(
        inner([w], [d]) for w, d in zip(weights, derivative, strict=True) if d is not None
    )
    scale = size(
        weights, [w * 0 if d is None else d for w, d in zip(cotangents, derivative, strict=True)]
    )
    line = FunctionAlongLine(
        Samples(evaluator.forward, point, tangents, outputs, outputs), cotangents, precision
    )
    return judge(line, claimed, scale, scale)


def vmap_differences(call: Call, seed: int, tolerance: float) -> list[Differs]:
    """Compare ``vmap`` with a loop, for the batch at the front and at the back and with an argument left unbatched."""
    found = []
    tensors = [slot.value for slot in call.slots]
    for dims in _batchings(call):
        label = f"vmap with in_dims={tuple(dims)}"
        batched = [
            _stack(t, d, seed + i) for i, (t, d) in enumerate(zip(tensors, dims, strict=True))
        ]
        try:
            loop = [
                _outputs(call, [_entry(t, d, b) for t, d in zip(batched, dims, strict=True)], seed)
                for b in range(BATCH)
            ]
        except Exception as error:  # the plain call fails: nothing to compare with
            raise NotApplicable("forward raises on the entries of a batch") from error
        try:
            with phase("vmap"):
                mapped: Any = torch.func.vmap(
                    lambda *xs: tuple(_outputs(call, cast(Any, xs), seed)),
                    in_dims=tuple(dims),
                    randomness="same",
                )(*batched)
        except Exception as error:  # whatever the author's rule raises is the finding
            found.append(Differs(f"{label} raises", raised=error))
            continue
        for i, entries in enumerate(zip(*loop, strict=True)):
            want = torch.stack(entries)
            error = 1.0 if mapped[i].shape != want.shape else _apart(want, mapped[i])
            if error > tolerance:
                found.append(
                    Differs(f"{label} differs from a loop over the batch in output {i}", error)
                )
                break
    return found[:1]


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
    reseed(seed)
    cloned = [tensor.clone() for tensor in tensors]
    return [tensor for _, tensor in named_outputs(call.run(cloned), flat=call.flat)]


def _apart(want: Tensor, got: Tensor) -> float:
    if not differentiable(want):
        return 0.0 if torch.equal(want, got) else 1.0
    return relative_error(want, got)


def func_difference(evaluator: Evaluator, seed: int, tolerance: float) -> Differs | None:
    """Compare ``torch.func.vjp`` with plain autograd."""
    call, point = evaluator.call, evaluator.point
    outputs = evaluator.forward(point)
    cotangents = draw_cotangents(outputs, seed)
    plain = evaluator.vjp(point, cotangents)

    def run(*wanted: Tensor) -> tuple[Tensor, ...]:
        every = _outputs(call, call.filled(wanted), seed)
        return tuple(every[i] for i in evaluator.output_indices)

    try:
        with phase("torch.func"):
            pull = torch.func.vjp(run, *point)[1]
            reseed(seed + 1)
            answers = pull(tuple(cotangents))
    except Exception as error:  # whatever the author's code raises here is the finding
        return Differs("torch.func.vjp raises", raised=error)
    for name, want, got in zip(evaluator.names, plain, answers, strict=True):
        error = relative_error(torch.zeros_like(got) if want is None else want, got)
        if error > tolerance:
            return Differs(f"torch.func.vjp gives another gradient of {name}", error)
    return None


def compile_difference(evaluator: Evaluator, seed: int, tolerance: float) -> Differs | None:
    """Compare ``torch.compile`` (backend ``aot_eager``) with eager, outputs and gradients."""
    call, point = evaluator.call, evaluator.point
    torch.compiler.reset()  # after some recompilations of one frame the compiler silently runs eager
    compiled = replace(call, target=torch.compile(_traceable(call), backend="aot_eager"))
    outputs = evaluator.forward(point)
    cotangents = draw_cotangents(outputs, seed)
    other = Evaluator(compiled, seed)
    try:
        pairs = [
            *zip(evaluator.output_names, outputs, other.forward(point), strict=True),
            *zip(
                evaluator.names,
                evaluator.vjp(point, cotangents),
                other.vjp(point, cotangents),
                strict=True,
            ),
        ]
    except TargetRaised as raised:
        return Differs(f"the compiled {raised.where} raises", raised=raised.error)
    for name, want, got in pairs:
        if want is None and got is None:
            continue
        error = 1.0 if want is None or got is None else relative_error(want, got)
        if error > tolerance:
            return Differs(f"compiled, {name} differs from eager", error)
    return None


def _traceable(call: Call) -> Callable[..., Any]:
    """Return the target in the form that the compiler knows as a custom Function."""
    function = call.function
    if function is None:
        return call.target

    def apply(*args: Any, **kwargs: Any) -> Any:
        return function.apply(*args, **kwargs)

    return apply


def autocast_difference(call: Call, seed: int) -> Differs | None:
    """Run forward under CPU autocast to bfloat16 and backward outside, on float32 copies; compare gradients."""
    narrow = {wide: torch.float32 for wide in (torch.float64, *WIDE) if not wide.is_complex}
    slots = tuple(
        replace(s, value=s.value.to(narrow.get(s.value.dtype, s.value.dtype))) for s in call.slots
    )
    plain_call = replace(call, slots=slots)

    def mixed(*args: Any, **kwargs: Any) -> Any:
        with torch.autocast("cpu", torch.bfloat16):
            return call.target(*args, **kwargs)

    plain, cast = Evaluator(plain_call, seed), Evaluator(replace(plain_call, target=mixed), seed)
    outputs = cast.forward(cast.point)
    plain.forward(plain.point)
    cotangents = draw_cotangents(outputs, seed)
    want = plain.vjp(plain.point, [v.float() for v in cotangents])
    try:
        got = cast.vjp(cast.point, cotangents)
    except TargetRaised as raised:
        return Differs("backward raises after a forward under autocast", raised=raised.error)
    for name, a, b in itertools.zip_longest(plain.names, want, got):
        error = (
            0.0
            if a is None and b is None
            else 1.0
            if a is None or b is None
            else relative_error(a, b.to(a.dtype))
        )
        if error > AUTOCAST_TOLERANCE:
            return Differs(f"under autocast the gradient of {name} is off", error)
    return None


def defines(function: type[Function], method: str) -> bool:
    """Whether the author overrode ``method`` of Function."""
    own: Callable[..., Any] = getattr(function, method)
    return own is not getattr(Function, method)
