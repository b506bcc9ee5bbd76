"""What a wrong gradient looks like: the worst element, the share that is wrong, the cause if one fits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pytest_autograd.diagnosis.causes import causes, close, where_flat
from pytest_autograd.options import CONTRACTS, INSIDE
from pytest_autograd.rule import Evidence, raised

if TYPE_CHECKING:
    from pytest_autograd.derivatives.verdicts import ArgumentVerdict, FirstOrder, Trial
    from pytest_autograd.facts.probe import Probe, ValueFacts
    from pytest_autograd.facts.wrong_elsewhere import WrongAtOtherInput


def worst_element(argument: ArgumentVerdict) -> tuple[tuple[int, ...] | None, Any, Any]:
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


def explain(probe: ValueFacts, values: FirstOrder, argument: ArgumentVerdict) -> Evidence:
    """Return the evidence of a wrong gradient, with the cause that fits it or the words that none does."""
    index, expected, got = worst_element(argument)
    declared = values.by in (*CONTRACTS, INSIDE)
    surrogate = not declared and _looks_like_surrogate(argument)
    cause = SURROGATE if surrogate else _cause(probe, values, argument)
    clipped = not declared and cause == WHERE_FLAT
    inside = f"gradient of {probe.call.names_inside} inside"
    what = inside if values.by == INSIDE else values.by
    against = f" (against the declared {what})" if declared else ""
    where = f" in {values.dtypes}"
    return Evidence(
        f"the gradient of {argument.name} is wrong{where}{against}: {cause}{_share(argument)}",
        argument=argument.name,
        index=index,
        expected=expected,
        got=got,
        max_error=argument.error,
        place=probe.source.of_gradient(argument.name),
        fix=SURROGATE_FIX if surrogate else WHERE_FLAT_FIX if clipped else None,
    )


def explain_there(probe: Probe, wrong: WrongAtOtherInput, fix: str) -> Evidence:
    """Return the evidence of a gradient that is wrong only at other inputs than the given ones.

    To ``fix`` is added what to declare where such inputs are never passed.
    """
    placed = any(slot.domain is not None for slot in probe.call.slots)
    where = f"{wrong.where}{', brought into the declared domain' if placed else ''}"
    if not isinstance(wrong.what, tuple):
        found = raised(f"backward raises {where}", wrong.what.error, probe.source.of_backward)
    else:
        found = explain(probe, *wrong.what)
        found = replace(found, message=f"{where}, {found.message}")
    found = replace(found, fix=f"{found.fix or fix} {probe.other_inputs.way_out(wrong)}")
    if wrong.doubt is None:
        return found
    return replace(found, message=f"{found.message} ({wrong.doubt})", severity="warning")


SURROGATE = "forward is piecewise constant here, so its derivative is 0; this looks like a surrogate gradient"
SURROGATE_FIX = (
    "If the gradient is a surrogate on purpose (straight-through, spike), declare the function that it is the "
    "gradient of, surrogate=f, and it is verified against f; else return zeros."
)

WHERE_FLAT = (
    "it is right where forward changes, and not zero where forward is flat: a mask is missing"
)
WHERE_FLAT_FIX = (
    "Multiply by the mask of where forward changes; if the gradient passes there on purpose (straight-through), "
    "declare the function that it is the gradient of, surrogate=f, and it is verified against f."
)


def _looks_like_surrogate(argument: ArgumentVerdict) -> bool:
    """Whether the true gradient is zero throughout while backward returns something."""
    want, got = argument.expected, argument.got
    return (
        want is not None
        and got is not None
        and bool(got.any())
        and not bool(want.nan_to_num().any())
    )


def _share(argument: ArgumentVerdict) -> str:
    want, got = argument.expected, argument.got
    if want is None or got is None or not want.numel():
        return ""
    known = ~want.isnan()
    scale = want[known].abs().max() if bool(known.any()) else want.abs().max()
    wrong = ((want - got).abs() > argument.tolerance * scale) | (got.isnan() & known)
    return f"; {int((wrong & known).sum())} of {int(known.sum())} elements are wrong"


def _cause(probe: ValueFacts, values: FirstOrder, argument: ArgumentVerdict) -> str:
    """Return the first cause that fits; the dear ones, which run the code again, come last."""
    simple = next(causes(values, argument), None)
    return (
        simple
        or _missing_conjugate(probe, values, argument)
        or _missing_term(probe, values, argument)
        or (WHERE_FLAT if where_flat(argument) else None)
        or NONE_FITS
    )


NONE_FITS = "no simple cause fits"


def _trial_of(
    probe: ValueFacts, values: FirstOrder, argument: ArgumentVerdict
) -> tuple[Trial, int] | None:
    """Return the trial that ``argument`` was judged in and its place, None if another call was judged."""
    if values is not probe.numbers.peek("first_order"):
        return None
    trial = values.trial_of(argument)
    return None if trial is None else (trial, values.names.index(argument.name))


def _missing_conjugate(
    probe: ValueFacts, values: FirstOrder, argument: ArgumentVerdict
) -> str | None:
    """A C-linear backward that lacks a conjugate gives the right gradient for conjugated cotangents."""
    found = _trial_of(probe, values, argument)
    if found is None or argument.got is None or not argument.got.is_complex():
        return None
    trial, place = found
    answer = probe.numbers.evaluator.vjp(
        trial.point, [v.conj().resolve_conj() for v in trial.cotangents]
    )[place]
    if answer is not None and close(argument.expected, answer.conj()):
        return "a conjugate is missing (right for conjugated inputs)"
    return None


def _missing_term(probe: ValueFacts, values: FirstOrder, argument: ArgumentVerdict) -> str | None:
    found = _trial_of(probe, values, argument)
    if found is None:
        return None
    operation = probe.numbers.missing_term(*found)
    return (
        operation
        and f"a term is missing: it is what remains when `{operation}` is taken for a constant"
    )
