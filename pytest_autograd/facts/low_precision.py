"""The gradient in the dtypes people train in, against the float64 truth."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pytest_autograd.call.call import WIDE, Call
from pytest_autograd.call.variants import Resize, elements, resized, sizes_to_change
from pytest_autograd.derivatives.autograd_reference import reference_gradients
from pytest_autograd.derivatives.compare import MaybeTensors, relative_error
from pytest_autograd.derivatives.contracts import decide
from pytest_autograd.derivatives.evaluator import Evaluator
from pytest_autograd.derivatives.tangents import draw_cotangents
from pytest_autograd.derivatives.verdicts import natural_scale
from pytest_autograd.errors import NotApplicable, TargetRaised
from pytest_autograd.facts.addresses import Addresses
from pytest_autograd.facts.base import Facts, Subject, fact
from pytest_autograd.facts.numbers import GROSS, Numbers

#: Relative error of a gradient, against its own scale, that a dtype's rounding explains in a short computation.
TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.1, torch.float16: 0.03}
#: The same beside what autograd through forward loses there, which is the better yardstick.
BESIDE_AUTOGRAD = {torch.float32: 1e-3, torch.bfloat16: 0.03, torch.float16: 0.004}
WORSE_THAN_AUTOGRAD = 8.0
SAME_FORWARD = 0.05
LARGEST = 60_000
CHEAP_SECONDS = 0.02
#: By argument: error of backward, error of autograd through forward.
Errors = dict[str, tuple[float, float | None]]
MISSING = "not implemented for '"
MISMATCH = ("dtype", "scalar type")
LONG = 2048  # elements along an axis, where a running sum in low precision stops growing


@dataclass(frozen=True)
class Drift:
    """A gradient in a low precision that is far off, beside what autograd through forward loses there.

    ``gross``: no rounding explains it at these sizes; ``raised``: backward raises there.
    """

    argument: str
    dtype: torch.dtype
    where: str
    error: float
    autograd_error: float | None
    gross: bool = False
    raised: Exception | None = None


class LowPrecision(Facts):
    """What backward loses in narrower dtypes than float64."""

    def __init__(self, subject: Subject, numbers: Numbers, addresses: Addresses) -> None:
        super().__init__(subject)
        self.numbers, self.addresses = numbers, addresses

    @fact
    def others(self) -> list[Drift]:
        """For each argument the first dtype in which its gradient is off by more than that dtype explains.

        Dtypes that forward refuses are passed over; the first in which backward alone raises is told.
        """
        self.subject.not_under_a_contract()
        given = self.numbers.first_order
        if given.precision > 1e-9:
            raise NotApplicable(
                "forward does not compute in float64, so there is no truth to compare with"
            )
        if not given.confirmed:
            raise NotApplicable("the gradient is not confirmed in float64")
        found: dict[str, Drift] = {}
        for where, wide in self._scales():
            for dtype in TOLERANCE:
                try:
                    errors = _errors(wide, dtype, self.seed)
                except TargetRaised as raised:
                    if raised.where == "backward" and not where:
                        for refusal in _refusals(dtype, raised.error):
                            found.setdefault(refusal.argument, refusal)
                    continue
                except NotApplicable:
                    continue
                for name, (error, beside) in errors.items():
                    if _is_worse(dtype, error, beside) and name not in found:
                        gross = not where and error > GROSS[dtype]
                        found[name] = Drift(name, dtype, where, error, beside, gross)
        return list(found.values())

    def _scales(self) -> Iterator[tuple[str, Call]]:
        """Yield the call as given, and with each size in turn made long where that is cheap."""
        call = self.numbers.evaluator.call
        yield "", call
        for size in sizes_to_change(call):
            if elements(call, size, LONG) <= LARGEST:
                long = resized(call, size, LONG)
                if self.addresses.allow(Resize(size, LONG), long) and _is_cheap(long):
                    yield f" with size {LONG} in place of {size}", long

    @fact
    def wider(self) -> list[Drift]:
        """The arguments whose gradient is grossly off only in a wider dtype than the one given."""
        self.numbers.require_first_order()
        values = self.numbers.wrong_in_wider
        if values is None:
            return []
        dtype, where = values.trials[0].point[0].dtype, ", which was not given,"
        return [
            Drift(a.name, dtype, where, a.error, None, gross=True)
            for a in values.arguments
            if a.status == "wrong"
        ]

    @fact
    def given(self) -> list[Drift]:
        """The arguments whose gradient is grossly off in the dtypes given, or the backward that raises there.

        Where forward itself comes out otherwise there (rounding to a grid, a branch on the dtype), the gradient is
        judged against that forward.
        """
        wider = self.numbers.evaluator
        if _dtypes(wider.call) == _dtypes(self.call):
            return []
        if not self.numbers.first_order.confirmed or self.numbers.stochastic:
            return []
        low = Evaluator(self.call, self.seed)
        truth, outputs = wider.forward(wider.point), low.forward(low.point)
        pairs = zip(truth, outputs, strict=True)
        narrow = max(_dtypes(self.call), key=lambda dtype: torch.finfo(dtype).eps)
        where = ", the dtype given,"
        try:
            if any(relative_error(want, got.to(want.dtype)) > SAME_FORWARD for want, got in pairs):
                errors = self._judged_alone(low)
            else:
                errors = _compared(low, wider, outputs, self.seed)
        except TargetRaised as raised:
            return [Drift("", narrow, where, 0.0, None, raised=raised.error)]
        return [
            Drift(name, narrow, where, error, beside, gross=True)
            for name, (error, beside) in errors.items()
            if error > GROSS.get(narrow, 0.2)
            and (beside is None or error > WORSE_THAN_AUTOGRAD * beside)
        ]

    def _judged_alone(self, low: Evaluator) -> Errors:
        """Return the errors of backward against forward in its own dtype."""
        verdict = decide(low, self.options)
        if verdict.reason is not None:
            raise NotApplicable(
                f"forward is another function in the dtype given, and there {verdict.reason}"
            )
        return {a.name: (a.error, None) for a in verdict.arguments if a.status != "ok"}


def _refusals(dtype: torch.dtype, error: Exception) -> Iterator[Drift]:
    """Yield what backward raises in a dtype that forward takes, where that is no want of torch's or NumPy's.

    In narrow dtypes these lack some operations. A mismatch of dtypes in float32 ends ordinary training.
    """
    mismatch = isinstance(error, RuntimeError) and any(word in str(error) for word in MISMATCH)
    full = dtype == torch.float32
    if MISSING not in str(error) and (full or mismatch):
        gross = full and mismatch and not isinstance(error, NotImplementedError)
        yield Drift("", dtype, "", 0.0, None, gross=gross, raised=error)


def _is_worse(dtype: torch.dtype, error: float, beside: float | None) -> bool:
    """Whether a gradient loses more than its dtype must."""
    if beside is None:
        return error > TOLERANCE[dtype]
    return error > max(BESIDE_AUTOGRAD[dtype], WORSE_THAN_AUTOGRAD * beside)


def _dtypes(call: Call) -> list[torch.dtype]:
    """Return the dtypes of the differentiated arguments."""
    return [call.slots[i].value.dtype for i in call.differentiated]


def _is_cheap(call: Call) -> bool:
    """Whether one forward in float64 takes a blink; in low precision it may take far longer."""
    evaluator = Evaluator(call, 0)
    start = time.perf_counter()
    try:
        evaluator.forward(evaluator.point)
    except NotApplicable:
        return False
    return time.perf_counter() - start < CHEAP_SECONDS


def _errors(call: Call, dtype: torch.dtype, seed: int) -> Errors:
    """Return for each argument (error of backward, error of autograd through forward) in ``dtype``."""
    narrow = _cast(call, dtype)
    low, high = Evaluator(narrow, seed), Evaluator(_cast(narrow, torch.float64), seed)
    outputs = low.forward(low.point)
    high.forward(high.point)
    return _compared(low, high, outputs, seed)


def _compared(low: Evaluator, high: Evaluator, outputs: Sequence[Tensor], seed: int) -> Errors:
    """Compare backward in two precisions, once forward has run in both; ``outputs`` are those of the lower."""
    if not all(bool(torch.isfinite(y).all()) for y in outputs):
        raise NotApplicable("forward overflows")
    cotangents = draw_cotangents(outputs, seed)
    cotangents = [
        v if v.is_complex() else v.abs() for v in cotangents
    ]  # signs would cancel in sums and hide what rounding loses
    truth = high.vjp(high.point, [v.to(WIDE.get(v.dtype, v.dtype)) for v in cotangents])
    answer = low.vjp(low.point, cotangents)
    beside = _by_autograd(low, cotangents, seed)
    found: Errors = {}
    for i, name in enumerate(low.names):
        want, got = truth[i], answer[i]
        if want is None or got is None or not bool(torch.isfinite(want).all()):
            continue
        reference = None if beside is None else beside[i]
        lost = None if reference is None else relative_error(want, reference.to(want.dtype))
        floor = _rounding(low.point[i], cotangents, outputs)
        found[name] = (relative_error(want, got.to(want.dtype), floor), lost)
    return found


def _rounding(x: Tensor, cotangents: Sequence[Tensor], outputs: Sequence[Tensor]) -> float:
    """Return the scale below which a gradient is rounding of the outputs, as that of a saturated tanh."""
    eps = torch.finfo(x.dtype).eps
    return eps / TOLERANCE.get(x.dtype, 1.0) * natural_scale(cotangents, outputs, x)


def _cast(call: Call, dtype: torch.dtype) -> Call:
    return call.cast(dict.fromkeys((torch.float64, *TOLERANCE), dtype))


def _by_autograd(
    evaluator: Evaluator, cotangents: Sequence[Tensor], seed: int
) -> MaybeTensors | None:
    point, names = evaluator.point, evaluator.output_names
    try:
        return reference_gradients(evaluator.call, seed, point, cotangents, names).gradients
    except NotApplicable:
        return None
