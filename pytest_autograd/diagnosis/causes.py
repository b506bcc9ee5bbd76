"""Simple causes of a wrong gradient, told from the numbers alone: a factor, a swap, a border, a lower precision."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from pytest_autograd.derivatives.verdicts import ArgumentVerdict, FirstOrder

FIT = 1e-5  # relative error within which a cause fits
SIMPLE = 10  # halves up to it are factors that a single element tells


def causes(values: FirstOrder, argument: ArgumentVerdict) -> Iterator[str]:
    """Yield the causes that fit, the most specific first."""
    want, got = argument.expected, argument.got
    if want is None or got is None or bool(want.isnan().any()):
        return
    if not bool(got.isfinite().all()):
        yield f"{int((~got.isfinite()).sum())} elements are not finite where forward is smooth"
        return
    if not bool(got.abs().max() > 0):
        yield "it is zero, but forward depends on this argument"
        return
    if _ignores_grad_output(values, argument.name):
        yield "it does not depend on grad_output (the chain rule is missing)"
    if close(want, -got):
        yield "its sign is flipped (got = -1.000 x expected in every element)"
    if want.is_complex() and close(want, got.conj()):
        yield "it is the complex conjugate of the right one"
    if want.dim() == 2 and want.shape[0] == want.shape[1] and close(want, got.T):
        yield "it is the transpose of the right one"
    yield from _factor(values, want, got)
    yield from _swapped(values, argument)
    yield from _borders(want, got)
    yield from _shifted(want, got)
    yield from _wrong_axis(values, want, got)
    yield from _rounded(want, got, _cotangents(values))


def _cotangents(values: FirstOrder) -> list[Tensor]:
    return [v for trial in values.trials[:1] for v in trial.cotangents]


def close(one: Tensor | None, other: Tensor | None) -> bool:
    """Whether two gradients are the same within FIT of the largest element, and not zero."""
    if one is None or other is None or one.shape != other.shape or not one.numel():
        return False
    scale = float(one.abs().max())
    return scale > 0 and bool(((one - other).abs() <= FIT * scale).all())


def _ignores_grad_output(values: FirstOrder, name: str) -> bool:
    """Whether different cotangents at one point got the very same answer."""
    first, *rest = values.trials
    answers = []
    for trial in rest:
        pairs = zip(first.point, trial.point, strict=True)
        if all(bool((a == b).all()) for a, b in pairs):
            answers.append(dict(zip(values.names, trial.got, strict=True))[name])
    one = dict(zip(values.names, first.got, strict=True))[name]
    return bool(answers) and all(
        one is not None and other is not None and bool((one == other).all()) for other in answers
    )


def _factor(values: FirstOrder, want: Tensor, got: Tensor) -> Iterator[str]:
    factor = (got * want.conj()).sum() / (want * want.conj()).sum()
    times = complex(factor.item())
    if not close(got, want * factor) or abs(times) <= FIT or abs(times.imag) > FIT * abs(times):
        return
    times = times.real
    hint = ""
    for n in _sizes(values):
        if abs(times * n - 1) < FIT:
            hint = f" (1/{n}, and {n} is a size here: averaged where the sum is due?)"
        elif abs(times - n) < FIT * n:
            hint = f" ({n} is a size here: summed where the mean is due?)"
    simple = abs(times) <= SIMPLE and close(2 * got, want * round(2 * times))
    if hint or _several(want) or simple:
        yield f"it is {times:.4g} x the right one in every element{hint}"


def _several(want: Tensor) -> bool:
    """Whether more than one element is not zero: any number is some factor times another one."""
    return int((want.abs() > FIT * want.abs().max()).sum()) > 1


def _sizes(values: FirstOrder) -> set[int]:
    """Return the numbers of elements, in all and along each axis, of inputs and outputs; 2 says too little."""
    tensors = [*values.trials[0].point, *values.trials[0].cotangents]
    return {n for tensor in tensors for n in (*tensor.shape, tensor.numel()) if n > 2}


def _swapped(values: FirstOrder, argument: ArgumentVerdict) -> Iterator[str]:
    for other in values.arguments:
        if other.name != argument.name and close(other.expected, argument.got):
            yield f"it is the gradient of {other.name}: the returned gradients are swapped"


def _borders(want: Tensor, got: Tensor) -> Iterator[str]:
    """Tell an error confined to the first or last slice of one axis."""
    scale = float(want.abs().max())
    wrong = (want - got).abs() > FIT * scale
    for axis in range(want.dim()):
        n = want.shape[axis]
        others = tuple(d for d in range(want.dim()) if d != axis)
        slices = wrong.any(dim=others) if others else wrong
        places = slices.nonzero().reshape(-1).tolist()
        for place, word in ((n - 1, "last"), (0, "first")):
            if n > 2 and places == [place]:
                zero = bool((got.select(axis, place) == 0).all())
                yield f"it is right except in the {word} slice of axis {axis}" + (
                    ", where it is zero" if zero else ""
                )


def _shifted(want: Tensor, got: Tensor) -> Iterator[str]:
    for axis in range(want.dim()):
        if want.shape[axis] > 2:
            for by in (1, -1):
                inside = (slice(None),) * axis + (slice(1, -1),)
                if close(want.roll(by, axis)[inside], got[inside]):
                    yield f"it is shifted by one along axis {axis}"


def _wrong_axis(values: FirstOrder, want: Tensor, got: Tensor) -> Iterator[str]:
    """Tell a sum of grad_output over the wrong axes."""
    for cotangent in values.trials[0].cotangents:
        for count in range(1, cotangent.dim() + 1):
            for axes in combinations(range(cotangent.dim()), count):
                if close(cotangent.sum(axes).reshape(-1), got.reshape(-1)):
                    yield f"it is grad_output summed over the wrong axis ({', '.join(map(str, axes))})"


def precision_words(values: FirstOrder, argument: ArgumentVerdict) -> str:
    """Say that a gradient looks computed in a lower precision, if its elements do."""
    want, got = argument.expected, argument.got
    if want is None or got is None or bool(want.isnan().any()):
        return ""
    return next((f": {words}" for words in _rounded(want, got, _cotangents(values))), "")


def _rounded(want: Tensor, got: Tensor, cotangents: Sequence[Tensor]) -> Iterator[str]:
    """Tell a gradient that is right in every element to the rounding of a lower precision.

    An approximation may be off by as much, so the elements, or the factors that cotangents are multiplied by, must be
    numbers of that precision; for float32, which few approximations come so near to, being off in nearly all of many
    places is enough.
    """
    relative = (want - got).abs() / want.abs().clamp(min=1e-300)
    worst, typical = float(relative.max()), float(relative.median())
    for name, half_ulp in (("float32", 6e-8), ("float16", 4.9e-4), ("bfloat16", 3.9e-3)):
        if half_ulp / 100 < worst <= 3 * half_ulp:
            spread = name == "float32" and got.numel() >= 8 and typical > half_ulp / 30
            factors = (got / v for v in cotangents if v.shape == got.shape)
            if spread or any(_representable(each, name) for each in (got, *factors)):
                yield f"every element is right to {worst:.0e} of itself: computed in {name} (lower precision)"
            return


def _representable(numbers: Tensor, name: str) -> bool:
    """Whether numbers are those of a lower precision, but for rounding of their own."""
    if numbers.is_complex():
        return False
    lower = {"float32": numbers.float, "float16": numbers.half, "bfloat16": numbers.bfloat16}[name]
    rounded = lower().to(numbers.dtype)
    return bool(((rounded - numbers).abs() <= 1e-14 * numbers.abs()).all())


def where_flat(argument: ArgumentVerdict) -> bool:
    """Whether a gradient is wrong only where the true one is zero, and right in a part where it is not."""
    want, got = argument.expected, argument.got
    if want is None or got is None or bool(want.isnan().any()) or not want.numel():
        return False
    scale = FIT * float(want.abs().max())
    wrong = (want - got).abs() > scale
    flat = want.abs() <= scale
    return bool(wrong.any()) and not bool((wrong & ~flat).any()) and not bool(flat.all())
