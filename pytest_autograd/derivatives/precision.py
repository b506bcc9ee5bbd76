"""How precise forward is inside: the coarsest float that its data pass through, and its rounding as measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from pytest_autograd.derivatives.finite_differences import EPS, FunctionAlongLine
from pytest_autograd.derivatives.oracle import GradientOracle

JUMP = 1e-2  # relative change that no rounding explains
PROBE_NOISE = 1e-7  # step of the fourth difference that measures rounding: curvature hardly enters


class _NarrowingSpotter(TorchDispatchMode):
    """Notes the coarsest dtype that a floating tensor is cast down to."""

    def __init__(self) -> None:
        super().__init__()
        self.eps = EPS

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # True imports the compiler, which takes a second

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func is torch.ops.aten._to_copy.default and isinstance(result, Tensor):
            source = args[0]
            floats = source.is_floating_point() and result.is_floating_point()
            if floats and torch.finfo(result.dtype).eps > torch.finfo(source.dtype).eps:
                self.eps = max(self.eps, torch.finfo(result.dtype).eps)
        return result


def forward_precision(evaluator: GradientOracle, point: Sequence[Tensor]) -> float:
    """Return the machine epsilon of the coarsest dtype that forward casts to, or that its inputs have."""
    spotter = _NarrowingSpotter()
    copied = [x.clone() for x in point]  # outputs at the point itself may be known, and nothing run
    with spotter:
        evaluator.forward(copied)
    return max(spotter.eps, input_precision(point))


def input_precision(point: Sequence[Tensor]) -> float:
    """Return the machine epsilon of the coarsest dtype among the inputs."""
    dtypes = [x.real.dtype if x.is_complex() else x.dtype for x in point]
    return max([EPS, *(torch.finfo(dtype).eps for dtype in dtypes)])


def data_precision(values: Sequence[Tensor]) -> float:
    """Return the machine epsilon of the coarsest dtype among the data, or of that which they were rounded to before.

    Values of float64 that are all values of float32, and not all of a shorter float, were float32 once.
    """
    rounded = any(_was_float32(x) for x in values if x.dtype == torch.float64)
    return max(input_precision(values), torch.finfo(torch.float32).eps if rounded else EPS)


def _was_float32(x: Tensor) -> bool:
    def is_value_of(kind: torch.dtype) -> bool:
        return bool((x.to(kind).to(x.dtype) == x).all())

    short = (torch.bfloat16, torch.float16)
    return is_value_of(torch.float32) and not any(map(is_value_of, short))


def measured_precision(line: FunctionAlongLine) -> float:
    """Return the relative rounding of the function along ``line``, at least float64's.

    Rounding stays the same at ten times the step; kinks and curvature grow, and are not rounding.
    """
    near = line.rounding(PROBE_NOISE)
    if near <= 8 * EPS or near > JUMP or line.rounding(10 * PROBE_NOISE) > 4 * near:
        return EPS
    return near
