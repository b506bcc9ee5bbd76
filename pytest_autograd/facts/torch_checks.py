"""The familiar referee: torch's own gradcheck and gradgradcheck, in slow mode, where they can be afforded."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
from torch import Tensor
from torch.autograd.gradcheck import GradcheckError

from pytest_autograd.call.call import Call, differentiable, named_outputs
from pytest_autograd.running.phase import phase
from pytest_autograd.running.rng import reseed


@dataclass(frozen=True)
class GradcheckResult:
    """What gradcheck or gradgradcheck said; ``reason`` is its first words, or why it was not asked."""

    status: Literal["passed", "failed", "skipped"]
    reason: str | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Cost:
    """Sizes and times of one call, from which the referees' own call counts follow."""

    inputs: int
    outputs: int
    forward: float
    backward: float

    def gradcheck(self) -> tuple[int, float]:
        """Return (calls, seconds): 2N + 2 forwards and 2M + 2 backwards."""
        forwards, backwards = 2 * self.inputs + 2, 2 * self.outputs + 2
        return forwards + backwards, forwards * self.forward + backwards * (
            self.forward + self.backward
        )

    def gradgradcheck(self) -> tuple[int, float]:
        """Return (calls, seconds) of gradcheck on the VJP, whose inputs are arguments and cotangents."""
        variables = self.inputs + self.outputs
        passes = 2 * variables + 2 * self.inputs + 4
        return 2 * passes, passes * (self.forward + 3 * self.backward)


def too_dear(name: str, cost: tuple[int, float], left: float) -> GradcheckResult | None:
    """Return a skipped ruling if the referee would not fit the time that is left."""
    calls, seconds = cost
    if seconds <= left / 2:
        return None
    return GradcheckResult(
        "skipped",
        f"{name} would take about {calls:,} calls, {seconds:.0f} s: more than the time limit leaves "
        f"({max(left, 0):.0f} s)",
    )


def run_gradcheck(name: str, call: Call, seed: int, options: Mapping[str, Any]) -> GradcheckResult:
    """Run ``torch.autograd.gradcheck`` or ``gradgradcheck`` on the call and return its ruling."""
    referee = getattr(torch.autograd, name)

    def run(*wanted: Tensor) -> Any:
        values = zip(call.slots, call.filled(wanted), strict=True)
        given = [value.clone() if slot.shared is None else value for slot, value in values]
        reseed(seed)
        named = named_outputs(call.run(given), flat=call.flat)
        return tuple(t for _, t in named if differentiable(t) and t.requires_grad)

    leaves, _ = call.fresh()
    inputs = tuple(leaves[i] for i in call.differentiated)
    start = time.perf_counter()
    try:
        with phase(name), warnings.catch_warnings(), torch.enable_grad():
            warnings.simplefilter("ignore")
            referee(run, inputs, **{**options, "raise_exception": True})
    except GradcheckError as error:
        return GradcheckResult("failed", _first_words(str(error)), time.perf_counter() - start)
    except Exception as error:  # gradcheck lets the author's own exceptions out
        text = f"{type(error).__name__}: {_first_words(str(error))}"
        return GradcheckResult("failed", text, time.perf_counter() - start)
    return GradcheckResult("passed", None, time.perf_counter() - start)


def _first_words(text: str) -> str:
    first = " ".join(text.strip().split("\n\n")[0].split())
    return first if len(first) <= 160 else first[:157] + "..."


def op_problems(call: Call) -> dict[str, str]:
    """Run ``torch.library.opcheck`` on a custom op and return what failed, by the name of the test."""
    args, kwargs = call.rebuild(
        [s.value.clone().requires_grad_(s.differentiated) for s in call.slots]
    )
    with phase("opcheck"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = torch.library.opcheck(
            cast(Any, call.target), tuple(args), kwargs, raise_exception=False
        )
    return {
        name: f"{type(result).__name__}: {_first_words(str(result))}"
        for name, result in results.items()
        if not (isinstance(result, str) and result == "SUCCESS")
    }
