"""The same numbers in other memory layouts, at size zero, with one input frozen, with an output left unused."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import Function

from pytest_autograd.call.call import Call, differentiable
from pytest_autograd.call.variants import resized, sizes_to_change
from pytest_autograd.derivatives.compare import MaybeTensors, relative_error
from pytest_autograd.derivatives.evaluator import Evaluator
from pytest_autograd.derivatives.tangents import draw_cotangents, signed_bounded
from pytest_autograd.errors import NotApplicable, TargetRaised


@dataclass(frozen=True)
class Broken:
    """What goes wrong, where: the argument whose gradient differs, or what was raised."""

    where: str
    argument: str | None = None
    error: float = 0.0
    raised: Exception | None = None


def _first_difference(
    where: str,
    names: Sequence[str],
    want: MaybeTensors,
    ask: Callable[[], MaybeTensors],
    tolerance: float,
) -> Broken | None:
    try:
        got = ask()
    except TargetRaised as raised:
        return Broken(where, raised=raised.error)
    for name, a, b in zip(names, want, got, strict=True):
        if (a is None) != (b is None):
            return Broken(where, name, 1.0)
        if a is not None and b is not None:
            error = relative_error(a, b)
            if error > tolerance:
                return Broken(where, name, error)
    return None


def _strided(tensor: Tensor) -> Tensor:
    """Return equal values at every second place of a larger buffer, so that no stride is what it seems."""
    buffer = tensor.new_full((*tensor.shape, 2), 7.0)
    buffer[..., 1] = tensor
    return buffer[..., 1]


def _transposed(tensor: Tensor) -> Tensor:
    return tensor.transpose(-1, -2).contiguous().transpose(-1, -2)


def layouts_of(tensor: Tensor) -> Iterator[tuple[str, Tensor]]:
    """Yield (name, tensor) of equal values with other strides or another offset."""
    if tensor.dim() >= 2 and min(tensor.shape[-2:]) > 1:
        yield "transposed", _transposed(tensor)
    if tensor.numel() > 1:
        yield "strided", _strided(tensor)


def grad_output_layouts(evaluator: Evaluator, seed: int, tolerance: float) -> Broken | None:
    """Return the first layout of grad_output for which backward differs from the contiguous one."""
    point = evaluator.point
    outputs = evaluator.forward(point)
    cotangents = signed_bounded(
        [y.contiguous() for y in outputs], torch.Generator().manual_seed(seed)
    )
    contiguous = [v.contiguous() for v in cotangents]
    want = evaluator.vjp(point, contiguous)
    for o, cotangent in enumerate(contiguous):
        for name, laid in layouts_of(cotangent):
            sent = [laid if i == o else v for i, v in enumerate(contiguous)]
            found = _first_difference(
                f"with a {name} grad_output",
                evaluator.names,
                want,
                lambda sent=sent: evaluator.vjp(point, sent, copied=False),
                tolerance,
            )
            if found is not None:
                return found
    ones = [torch.ones_like(v) for v in contiguous]
    expanded = [v.new_ones(()).expand(v.shape) for v in contiguous]
    return _first_difference(
        "with an expanded grad_output (stride 0, as from sum())",
        evaluator.names,
        evaluator.vjp(point, ones),
        lambda: evaluator.vjp(point, expanded, copied=False),
        tolerance,
    )


def input_layouts(evaluator: Evaluator, seed: int, tolerance: float) -> Broken | None:
    """Return the first input for which another memory layout changes outputs or gradients."""
    call, point = evaluator.call, evaluator.point
    outputs = evaluator.forward(point)
    cotangents = signed_bounded(
        [y.contiguous() for y in outputs], torch.Generator().manual_seed(seed)
    )
    want = evaluator.vjp(point, cotangents)
    for i, slot in enumerate(call.slots):
        for name, lay in _input_layouts_of(slot.value) if slot.shared is None else ():
            other = Evaluator(_laid(call, i, lay), seed)
            try:
                there = other.forward(point)
            except NotApplicable:  # refused, not wrong
                continue
            where = f"with a {name} {slot.name}"
            for a, b in zip(outputs, there, strict=True):
                if relative_error(a, b) > tolerance:
                    return Broken(f"{where}, forward", error=relative_error(a, b))
            found = _first_difference(
                where, other.names, want, lambda o=other: o.vjp(point, cotangents), tolerance
            )
            if found is not None:
                return found
    return None


def _input_layouts_of(tensor: Tensor) -> Iterator[tuple[str, Callable[[Tensor], Tensor]]]:
    """Yield (name, function that lays an equal tensor otherwise) for the layouts that ``tensor`` does not have."""
    if not tensor.is_contiguous():
        yield "contiguous", Tensor.contiguous
    elif tensor.dim() >= 2 and min(tensor.shape[-2:]) > 1:
        yield "transposed", _transposed
    if tensor.numel() > 1:
        yield "strided", _strided


class _Laid(Function):
    """An equal tensor laid otherwise; its gradient passes as it is, None and sparse ones too."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, lay: Callable[[Tensor], Tensor]) -> Tensor:
        ctx.set_materialize_grads(False)
        return lay(tensor)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return grads[0], None


def _laid(call: Call, index: int, lay: Callable[[Tensor], Tensor]) -> Call:
    """Return the call with one tensor laid otherwise just before it goes in."""

    def rebuild(tensors: Sequence[Tensor]) -> tuple[Sequence[Any], dict[str, Any]]:
        laid = [_Laid.apply(t, lay) if i == index else t for i, t in enumerate(tensors)]
        return call.rebuild(laid)

    return replace(call, rebuild=rebuild)


def empty_or_scalar(call: Call, seed: int) -> Broken | None:
    """Return where backward fails although forward takes an empty or a 0-dim input."""
    if call.sizes_may_be_known:
        raise NotApplicable("an object among the arguments may know the sizes of the others")
    for where, variant in _degenerate(call):
        evaluator = Evaluator(variant, seed)
        try:
            outputs = evaluator.forward(evaluator.point)
        except NotApplicable:
            continue
        try:
            evaluator.vjp(evaluator.point, [torch.ones_like(y) for y in outputs])
        except TargetRaised as raised:
            return Broken(where, raised=raised.error)
    return None


def _degenerate(call: Call) -> Iterator[tuple[str, Call]]:
    for size in sizes_to_change(call):
        yield f"with size 0 in place of {size}", resized(call, size, 0)
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


def frozen_inputs(evaluator: Evaluator, seed: int, tolerance: float) -> list[Broken]:
    """Return where freezing one input breaks backward or changes the gradients of the others."""
    call = evaluator.call
    if len(call.differentiated) < 2:
        raise NotApplicable("only one argument is differentiated")
    outputs = evaluator.forward(evaluator.point)
    cotangents = draw_cotangents(outputs, seed)
    full = dict(zip(evaluator.names, evaluator.vjp(evaluator.point, cotangents), strict=True))
    found = []
    for index in call.freezable:
        slots = tuple(
            replace(s, differentiated=s.differentiated and i != index)
            for i, s in enumerate(call.slots)
        )
        other = Evaluator(replace(call, slots=slots), seed)
        try:
            other.forward(other.point)
        except NotApplicable:
            continue
        if len(other.output_indices) != len(outputs):
            continue
        broken = _first_difference(
            f"with {call.slots[index].name} frozen",
            other.names,
            [full[name] for name in other.names],
            lambda o=other: o.vjp(o.point, cotangents),
            tolerance,
        )
        if broken is not None:
            found.append(broken)
    return found


def unused_outputs(evaluator: Evaluator, seed: int, tolerance: float) -> Broken | None:
    """Return the output that, used alone, breaks backward or gives another gradient than with zeros for the rest."""
    point = evaluator.point
    outputs = evaluator.forward(point)
    if len(outputs) < 2:
        raise NotApplicable("there is one differentiable output")
    cotangents = draw_cotangents(outputs, seed)
    for o, name in enumerate(evaluator.output_names):
        zeros = [v if i == o else torch.zeros_like(v) for i, v in enumerate(cotangents)]
        alone = [v if i == o else None for i, v in enumerate(cotangents)]
        found = _first_difference(
            f"when only {name} is used",
            evaluator.names,
            [
                torch.zeros_like(x) if g is None else g
                for x, g in zip(point, evaluator.vjp(point, zeros), strict=True)
            ],
            lambda a=alone: [
                torch.zeros_like(x) if g is None else g
                for x, g in zip(point, evaluator.vjp(point, a), strict=True)
            ],
            tolerance,
        )
        if found is not None:
            return found
    return None
