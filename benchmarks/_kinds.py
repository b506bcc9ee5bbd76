"""The kinds of fault of the explanation benchmark, and the words by which an explanation names each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from _faults import Fault, Right, changed_at, in_slot, vjp
from _functions import (
    Attention,
    ComplexMul,
    Five,
    LayerNorm,
    RMSNorm,
    Scan,
    SoftmaxCrossEntropy,
    SwiGLU,
)
from torch import Tensor
from torch.autograd import Function

Arguments = Sequence[Any]
#: Takes a Function, its arguments and the slot to harm; returns None where the fault makes no sense.
Inject = Callable[[type[Function], Arguments, int], Fault | None]


@dataclass(frozen=True)
class Kind:
    """A kind of fault; ``words`` is a pattern that its explanation matches, and no other kind's."""

    name: str
    words: str
    inject: Inject


def right_gradient(function: type[Function], args: Arguments, slot: int) -> Tensor:
    """Return the right gradient of one argument, for a constant cotangent."""
    output: Any = function.apply(*args)
    gradient: Any = vjp(function, args, torch.ones_like(output) * 0.7)[slot]
    return gradient


def everywhere(change: Callable[[Tensor, Tensor], Any]) -> Inject:
    """Return the injection of a change that makes sense for every gradient."""
    return lambda function, args, slot: in_slot(slot, change)


def transposed(function: type[Function], args: Arguments, slot: int) -> Fault | None:
    """Transpose the gradient of a square matrix."""
    x = args[slot]
    if x.dim() != 2 or x.shape[0] != x.shape[1]:
        return None
    return in_slot(slot, lambda g, _: g.T.contiguous())


def swapped(function: type[Function], args: Arguments, slot: int) -> Fault | None:
    """Return two gradients of one shape in the wrong order."""
    twins = [i for i, a in enumerate(args) if i != slot and a.requires_grad]
    twins = [i for i in twins if args[i].shape == args[slot].shape]
    if not twins:
        return None

    def fault(right: Right, incoming: Sequence[Tensor]) -> list[Any]:
        answer = right(*incoming)
        answer[slot], answer[twins[0]] = answer[twins[0]], answer[slot]
        return answer

    return fault


def wrong_axis(function: type[Function], args: Arguments, slot: int) -> Fault | None:
    """Sum grad_output over the other axis, for an argument whose gradient is such a sum."""
    if (function, slot) not in ((LayerNorm, 2), (Five, 4)):
        return None
    return in_slot(slot, lambda g, incoming: incoming.sum(1)[: len(g)])


def averaged(function: type[Function], args: Arguments, slot: int) -> Fault | None:
    """Average over the batch where the sum is due."""
    output: Any = function.apply(*args)
    batch = output.shape[0] if output.dim() else 1
    return in_slot(slot, lambda g, _: g / batch) if batch > 2 else None


def summed(function: type[Function], args: Arguments, slot: int) -> Fault | None:
    """Leave out the division by the number of rows, for a mean."""
    output: Any = function.apply(*args)
    return None if output.dim() else in_slot(slot, lambda g, _: g * len(args[slot]))


def chainless(function: type[Function], args: Arguments, slot: int) -> Fault | None:
    """Answer as if grad_output were one."""

    def fault(right: Right, incoming: Sequence[Tensor]) -> list[Any]:
        answer = right(*incoming)
        answer[slot] = right(torch.ones_like(incoming[0]))[slot]
        return answer

    return fault


def squared(function: type[Function], args: Arguments, slot: int) -> Fault | None:
    """Use grad_output twice."""

    def fault(right: Right, incoming: Sequence[Tensor]) -> list[Any]:
        answer = right(*incoming)
        answer[slot] = right(incoming[0] * incoming[0])[slot]
        return answer

    return fault


def conjugate_missing(function: type[Function], args: Arguments, slot: int) -> Fault | None:
    """Multiply by the factor itself instead of its conjugate."""
    if function is not ComplexMul:
        return None
    factor = args[1 - slot].detach()
    return in_slot(slot, lambda g, incoming: incoming * factor)


def last_slice(axis: int) -> Inject:
    """Return the injection of zeros in the last slice of an axis, counted from the end."""

    def inject(function: type[Function], args: Arguments, slot: int) -> Fault | None:
        shape = args[slot].shape
        if len(shape) < -axis or shape[axis] < 3:
            return None
        if not right_gradient(function, args, slot).select(axis, -1).any():
            return None

        def change(g: Tensor, _: Tensor) -> Tensor:
            kept = torch.ones_like(g)
            kept.select(axis, -1).zero_()
            return g * kept

        return in_slot(slot, change)

    return inject


def one_element(function: type[Function], args: Arguments, slot: int) -> Fault | None:
    """Change one element that is off the borders, the largest there."""
    if args[slot].dim() != 2 or min(args[slot].shape) < 3:
        return None
    gradient = right_gradient(function, args, slot)
    kept = torch.ones_like(gradient)
    inside = gradient[1:-1, 1:-1].abs()
    place = int(inside.argmax())
    kept[1 + place // inside.shape[1], 1 + place % inside.shape[1]] = 1.5
    return in_slot(slot, lambda g, _: g * kept)


def term_missing(function: type[Function], args: Arguments, slot: int) -> Fault | None:
    """Leave out one term of a sum: mistakes of the textbook."""
    change = TERMS.get((function, slot))
    values = [a.detach() for a in args]
    return in_slot(slot, lambda g, v: change(g, v, *values)) if change else None


def rms(x: Tensor, floor: float) -> Tensor:
    """Return the root of the mean square of each row."""
    return (x.square().mean(-1, keepdim=True) + floor).sqrt()


def without_mean(g: Tensor, v: Tensor, x: Tensor, weight: Tensor, _: Tensor) -> Tensor:
    """Return layer norm's gradient with the mean taken for a constant."""
    deviation = rms(x - x.mean(-1, keepdim=True), 1e-5)
    return g + (v * weight).mean(-1, keepdim=True) / deviation


def without_label(g: Tensor, v: Tensor, logits: Tensor, target: Tensor) -> Tensor:
    """Return the cross entropy's gradient without the label's -1."""
    return v * logits.softmax(1) / len(logits)


def without_row_sum(_: Tensor, v: Tensor, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Return attention's gradient by the query with the softmax taken for elementwise."""
    scale = query.shape[-1] ** -0.5
    p = torch.softmax(query @ key.T * scale, -1)
    return (p * (v @ value.T) * scale) @ key


TERMS: dict[tuple[type[Function], int], Callable[..., Tensor]] = {
    (LayerNorm, 0): without_mean,
    (RMSNorm, 0): lambda g, v, x, weight: v * weight / rms(x, 1e-6),
    (SwiGLU, 0): lambda g, v, gate, value: v * value * torch.sigmoid(gate),
    (Scan, 1): lambda g, v, a, x: v.clone(),
    (SoftmaxCrossEntropy, 0): without_label,
    (Attention, 0): without_row_sum,
}


def lowered(g: Tensor, dtype: torch.dtype) -> Tensor:
    """Return the gradient rounded to a lower precision."""
    if g.is_complex():
        return torch.complex(lowered(g.real, dtype), lowered(g.imag, dtype))
    return g.to(dtype).to(g.dtype)


def spoilt(g: Tensor) -> Tensor:
    """Return the gradient with a NaN in its first element."""
    return changed_at(g, {0: g.new_full((), float("nan"))})


def ending(word: str) -> str:
    """Return the pattern of an explanation that states a low precision."""
    return rf"precision|{word}"


EVERYWHERE: dict[str, tuple[str, Callable[[Tensor, Tensor], Any]]] = {
    # kind: words of its explanation, change
    "sign flipped": (r"sign is flipped", lambda g, _: -g),
    "constant factor": (r"2\.5 x the right", lambda g, _: 2.5 * g),
    "float16 inside": (ending("float16"), lambda g, _: lowered(g, torch.float16)),
    "float32 inside": (ending(r"exact to \S+e-0[78]"), lambda g, _: lowered(g, torch.float32)),
    "None returned": (r"returns None", lambda g, _: None),
    "zeros returned": (r"is zero, but forward depends", lambda g, _: torch.zeros_like(g)),
    "shifted by one": (r"shifted", lambda g, _: g.roll(1, -1)),
    "not finite in one element": (r"not finite", lambda g, _: spoilt(g)),
}
WHERE_IT_FITS: dict[str, tuple[str, Inject]] = {
    "transposed": (r"transpose", transposed),
    "arguments swapped": (r"swapped", swapped),
    "summed over the wrong axis": (r"wrong axis", wrong_axis),
    "mean instead of sum": (r"averaged where the sum", averaged),
    "sum instead of mean": (r"summed where the mean", summed),
    "ignores grad_output": (r"does not depend on grad_output", chainless),
    "squared grad_output": (r"not linear in grad_output", squared),
    "a term missing": (r"\bterm\b.*missing|missing term", term_missing),
    "wrong in the last column": (r"last slice", last_slice(-1)),
    "wrong in the last row": (r"last slice", last_slice(-2)),
    "conjugate missing": (r"conjugate", conjugate_missing),
    "one element wrong": (r"[^0-9]1 of \d+ elements", one_element),
}
KINDS = [
    *(Kind(name, words, everywhere(change)) for name, (words, change) in EVERYWHERE.items()),
    *(Kind(name, *rest) for name, rest in WHERE_IT_FITS.items()),
]
