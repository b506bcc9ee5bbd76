"""What a wrong gradient looks like: the worst element, the share that is wrong, the cause if one fits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

from pytest_autograd._rule import Evidence, raised

if TYPE_CHECKING:
    from torch import Tensor

    from pytest_autograd._elsewhere import WrongThere
    from pytest_autograd._probe import Probe
    from pytest_autograd._values import Argument, Trial, Values

FIT = 1e-5  # relative error within which a cause fits


def worst_element(argument: Argument) -> tuple[tuple[int, ...] | None, Any, Any]:
    """Return (index, expected, got) of the element that is farthest off; ``got`` is None where there is no gradient."""
    want, got = argument.expected, argument.got
    if want is None or not want.numel():
        return None, None, None
    given = want * 0 if got is None else got
    difference = (want - given).abs().nan_to_num(nan=-1.0, posinf=float("inf"))
    difference[given.isnan() & ~want.isnan()] = float("inf")
    flat = int(difference.reshape(-1).argmax())
    index = []
    for size in reversed(want.shape):
        index.append(flat % size)
        flat //= size
    place = tuple(reversed(index))
    return place, want[place].item(), None if got is None else got[place].item()


def explain(probe: Probe, values: Values, argument: Argument) -> Evidence:
    """Return the evidence of a wrong gradient, with the cause that fits it or the words that none does."""
    index, expected, got = worst_element(argument)
    declared = values.by in CONTRACTS
    surrogate = not declared and _looks_like_surrogate(argument)
    cause = SURROGATE if surrogate else _cause(probe, values, argument)
    against = f" (against the declared {values.by})" if declared else ""
    return Evidence(
        f"the gradient of {argument.name} is wrong{against}: {cause}{_share(argument)}",
        argument=argument.name,
        index=index,
        expected=expected,
        got=got,
        max_error=argument.error,
        place=probe.place_of_gradient(argument.name),
        fix=SURROGATE_FIX if surrogate else None,
    )


def explain_there(probe: Probe, wrong: WrongThere) -> Evidence:
    """Return the evidence of a gradient that is wrong only at other inputs than the given ones."""
    if wrong.values is None or wrong.argument is None:
        assert wrong.raised is not None
        return raised(f"backward raises {wrong.where}", wrong.raised.error, probe.place_of_backward)
    found = explain(probe, wrong.values, wrong.argument)
    return replace(found, message=f"{wrong.where}, {found.message}")


SURROGATE = "forward is piecewise constant here, so its derivative is 0; this looks like a surrogate gradient"
SURROGATE_FIX = (
    "If the gradient is a surrogate on purpose (straight-through, spike), declare the function that it is the "
    "gradient of, surrogate=f, and it is verified against f; else return zeros."
)


def _looks_like_surrogate(argument: Argument) -> bool:
    """Whether the true gradient is zero throughout while backward returns something."""
    want, got = argument.expected, argument.got
    return (
        want is not None
        and got is not None
        and bool(got.any())
        and not bool(want.nan_to_num().any())
    )


CONTRACTS = ("reference", "surrogate", "grad_transform")


def _share(argument: Argument) -> str:
    want, got = argument.expected, argument.got
    if want is None or got is None or not want.numel():
        return ""
    known = ~want.isnan()
    scale = want[known].abs().max() if bool(known.any()) else want.abs().max()
    wrong = ((want - got).abs() > argument.tolerance * scale) | (got.isnan() & known)
    return f"; {int((wrong & known).sum())} of {int(known.sum())} elements are wrong"


def _close(one: Tensor | None, other: Tensor | None) -> bool:
    if one is None or other is None or one.shape != other.shape or not one.numel():
        return False
    scale = float(one.abs().max())
    return scale > 0 and bool(((one - other).abs() <= FIT * scale).all())


def _causes(values: Values, argument: Argument) -> Iterator[str]:
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
    if _close(want, -got):
        yield "its sign is flipped (got = -1.000 x expected in every element)"
    if want.is_complex() and _close(want, got.conj()):
        yield "it is the complex conjugate of the right one"
    if want.dim() == 2 and want.shape[0] == want.shape[1] and _close(want, got.T):
        yield "it is the transpose of the right one"
    yield from _factor(values, want, got)
    yield from _swapped(values, argument)
    yield from _borders(want, got)
    yield from _shifted(want, got)
    yield from _wrong_axis(values, want, got)
    yield from _rounded(want, got)


def _cause(probe: Probe, values: Values, argument: Argument) -> str:
    """Return the first cause that fits; the dear ones, which run the code again, come last."""
    simple = next(_causes(values, argument), None)
    return (
        simple
        or _missing_conjugate(probe, values, argument)
        or _missing_term(probe, values, argument)
        or NONE_FITS
    )


NONE_FITS = "no simple cause fits"


def _trial_of(probe: Probe, values: Values, argument: Argument) -> tuple[Trial, int] | None:
    """Return the trial that ``argument`` was judged in and its place, None if another call was judged."""
    if values is not probe.known.get("values") or argument.got is None:
        return None
    place = _names(values).index(argument.name)
    for trial in values.trials:
        got = trial.got[place]
        if (
            got is not None
            and got.shape == argument.got.shape
            and bool((got == argument.got).all())
        ):
            return trial, place
    return None


def _missing_conjugate(probe: Probe, values: Values, argument: Argument) -> str | None:
    """A C-linear backward that lacks a conjugate gives the right gradient for conjugated cotangents."""
    found = _trial_of(probe, values, argument)
    if found is None or argument.got is None or not argument.got.is_complex():
        return None
    trial, place = found
    answer = probe.evaluator.vjp(trial.point, [v.conj().resolve_conj() for v in trial.cotangents])[
        place
    ]
    if answer is not None and _close(argument.expected, answer.conj()):
        return "a conjugate is missing (right for conjugated inputs)"
    return None


def _missing_term(probe: Probe, values: Values, argument: Argument) -> str | None:
    found = _trial_of(probe, values, argument)
    if found is None:
        return None
    operation = probe.missing_term(*found)
    return (
        operation
        and f"a term is missing: it is what remains when `{operation}` is taken for a constant"
    )


def _ignores_grad_output(values: Values, name: str) -> bool:
    """Whether different cotangents at one point got the very same answer."""
    first, *rest = values.trials
    answers = []
    for trial in rest:
        pairs = zip(first.point, trial.point, strict=True)
        if all(bool((a == b).all()) for a, b in pairs):
            answers.append(dict(zip(_names(values), trial.got, strict=True))[name])
    one = dict(zip(_names(values), first.got, strict=True))[name]
    return bool(answers) and all(
        one is not None and other is not None and bool((one == other).all()) for other in answers
    )


def _names(values: Values) -> list[str]:
    return [argument.name for argument in values.arguments]


def _factor(values: Values, want: Tensor, got: Tensor) -> Iterator[str]:
    factor = (got * want.conj()).sum() / (want * want.conj()).sum()
    times = complex(factor.item())
    if not _close(got, want * factor) or abs(times) <= FIT or abs(times.imag) > FIT * abs(times):
        return
    times = times.real
    hint = ""
    for n in _sizes(values):
        if abs(times * n - 1) < FIT:
            hint = f" (1/{n}, and {n} is a size here: averaged where the sum is due?)"
        elif abs(times - n) < FIT * n:
            hint = f" ({n} is a size here: summed where the mean is due?)"
    yield f"it is {times:.4g} x the right one in every element{hint}"


def _sizes(values: Values) -> set[int]:
    """Return the numbers of elements, in all and along each axis, of inputs and outputs; 2 says too little."""
    tensors = [*values.trials[0].point, *values.trials[0].cotangents]
    return {n for tensor in tensors for n in (*tensor.shape, tensor.numel()) if n > 2}


def _swapped(values: Values, argument: Argument) -> Iterator[str]:
    for other in values.arguments:
        if other.name != argument.name and _close(other.expected, argument.got):
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
                if _close(want.roll(by, axis)[inside], got[inside]):
                    yield f"it is shifted by one along axis {axis}"


def _wrong_axis(values: Values, want: Tensor, got: Tensor) -> Iterator[str]:
    """Tell a sum of grad_output over the wrong axes."""
    for cotangent in values.trials[0].cotangents:
        for count in range(1, cotangent.dim() + 1):
            for axes in combinations(range(cotangent.dim()), count):
                if _close(cotangent.sum(axes).reshape(-1), got.reshape(-1)):
                    yield f"it is grad_output summed over the wrong axis ({', '.join(map(str, axes))})"


def precision_words(argument: Argument) -> str:
    """Say that a gradient looks computed in a lower precision, if its elements do."""
    want, got = argument.expected, argument.got
    if want is None or got is None or bool(want.isnan().any()):
        return ""
    return next((f": {words}" for words in _rounded(want, got)), "")


def _rounded(want: Tensor, got: Tensor) -> Iterator[str]:
    """Tell a gradient that is right in every element to the rounding of a lower precision."""
    relative = float(((want - got).abs() / want.abs().clamp(min=1e-300)).max())
    for name, half_ulp in (("float32", 6e-8), ("float16", 4.9e-4), ("bfloat16", 3.9e-3)):
        if half_ulp / 100 < relative <= 3 * half_ulp:
            yield f"every element is right to {relative:.0e} of itself: computed in {name} (lower precision)"
            return
