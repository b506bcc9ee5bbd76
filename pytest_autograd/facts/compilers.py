"""The same numbers compiled, and under autocast."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from pytest_autograd.call.call import WIDE, Autocast, Call
from pytest_autograd.derivatives.compare import Difference, apart
from pytest_autograd.derivatives.evaluator import Evaluator
from pytest_autograd.derivatives.tangents import beside, draw_cotangents
from pytest_autograd.errors import NotApplicable, TargetRaised
from pytest_autograd.facts.base import Facts, Subject, fact
from pytest_autograd.facts.numbers import Numbers

AUTOCAST_TOLERANCE = 0.15
COMPILED_TOLERANCE = 1e-6


class Compilers(Facts):
    """What becomes of the Function where torch runs it otherwise."""

    def __init__(self, subject: Subject, numbers: Numbers) -> None:
        super().__init__(subject)
        self.numbers = numbers

    @fact
    def compiled(self) -> Difference | None:
        """How ``torch.compile`` (backend ``aot_eager``) differs from eager, in outputs and gradients.

        It is called at the point given and then beside it: what was read while it was traced may have become a
        constant.
        """
        if not self.options.compile:
            raise NotApplicable("asked for by compile=True")
        evaluator, point = self.numbers.evaluator, self.numbers.evaluator.point
        generator = torch.Generator().manual_seed(self.seed)
        moved = beside(point, 0.5, generator)
        torch.compiler.reset()  # after some recompilations of one frame the compiler runs eager
        target = torch.compile(_traceable(evaluator.call), backend="aot_eager")
        other = Evaluator(replace(evaluator.call, target=target), self.seed)
        return self._apart_from(other, point, "compiled,") or self._apart_from(
            other, moved, "compiled and called with other values,"
        )

    def _apart_from(self, other: Evaluator, point: list[Tensor], how: str) -> Difference | None:
        """Return the first output or gradient of ``other`` at ``point`` that eager does not give."""
        evaluator = self.numbers.evaluator
        try:
            outputs = evaluator.forward(point)
            cotangents = draw_cotangents(outputs, self.seed)
            want = [*outputs, *evaluator.vjp(point, cotangents)]
        except TargetRaised:  # refused without the compiler too
            return None
        try:
            got = [*other.forward(point), *other.vjp(point, cotangents)]
        except TargetRaised as raised:
            return Difference(f"{how} {raised.where} raises", raised=raised.error)
        names = [*evaluator.output_names, *evaluator.names]
        for name, a, b in zip(names, want, got, strict=True):
            error = apart(a, b)
            if error > max(COMPILED_TOLERANCE, self.numbers.tolerance):
                return Difference(f"{how} {name} differs from eager", name, error)
        return None

    @fact
    def autocast(self) -> Difference | None:
        """What goes wrong with forward under autocast and backward outside, on float32 copies.

        The region is that of the call, else CPU autocast to bfloat16.
        """
        region, wanted = self.call.autocast, self.options.autocast
        if not (wanted or (wanted is None and region is not None)):
            raise NotApplicable("the call was not made under autocast; asked for by autocast=True")
        call = replace(_narrowed(self.numbers.evaluator.call), autocast=None)
        mixed = replace(call, autocast=region or Autocast("cpu", torch.bfloat16))
        plain, other = Evaluator(call, self.seed), Evaluator(mixed, self.seed)
        outputs = other.forward(other.point)
        plain.forward(plain.point)
        cotangents = draw_cotangents(outputs, self.seed)
        want = plain.vjp(plain.point, [v.float() for v in cotangents])
        try:
            got = other.vjp(other.point, cotangents)
        except TargetRaised as raised:
            where = "backward raises after a forward under autocast"
            return Difference(where, raised=raised.error)
        for name, a, b in zip(plain.names, want, got, strict=True):
            error = apart(a, b if a is None or b is None else b.to(a.dtype))
            if error > AUTOCAST_TOLERANCE:
                return Difference(f"under autocast the gradient of {name} is off", name, error)
        return None


def _narrowed(call: Call) -> Call:
    """Return the call on float32 copies."""
    return call.cast(
        {wide: torch.float32 for wide in (torch.float64, *WIDE) if not wide.is_complex}
    )


def _traceable(call: Call) -> Callable[..., Any]:
    """Return the target in the form that the compiler knows as a custom Function."""
    function = call.function
    if function is None:
        return call.target

    def apply(*args: Any, **kwargs: Any) -> Any:
        return function.apply(*args, **kwargs)

    return apply
