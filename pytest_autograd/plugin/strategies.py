"""Inputs drawn by Hypothesis, for ``inputs=``. Hypothesis is imported only when it is used."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from pytest_autograd.errors import CheckError
from pytest_autograd.source.input_specs import DType, TensorSpec, build

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

EXAMPLES = 10
LAYOUTS = ("contiguous", "transposed")


def autograd_inputs(
    *arguments: Any,
    dtypes: Sequence[DType] = ("float64",),
    layouts: Sequence[str] = LAYOUTS,
    sizes: tuple[int, int] = (1, 5),
    low: float = -3.0,
    high: float = 3.0,
) -> SearchStrategy[tuple[Any, ...]]:
    """Return a strategy for the arguments of a call: shapes, dtypes and memory layouts vary.

    Args:
        arguments: for each argument the dimensions of a tensor, as a tuple of names and numbers (the same name means
            the same size), or a strategy, or any other value, which is passed as it is.
        dtypes: dtypes to draw from; all tensors of a call have the same.
        layouts: memory layouts to draw from, for each tensor.
        sizes: the least and the greatest size that a named dimension may have.
        low: least value of an element.
        high: greatest value of an element.

    Example: ``autograd_inputs(("batch", "features"), ("features",), 0.5)``.
    """
    from hypothesis import strategies as st

    unknown = set(layouts) - set(LAYOUTS)
    if unknown:
        raise CheckError(f"layout {unknown.pop()!r} is unknown: choose from {', '.join(LAYOUTS)}")

    @st.composite
    def drawn(draw: DrawFn) -> tuple[Any, ...]:
        dtype = draw(st.sampled_from(list(dtypes)))
        known: dict[str, int] = {}

        def size(dimension: str | int) -> int:
            if isinstance(dimension, str) and dimension not in known:
                known[dimension] = draw(st.integers(*sizes))
            return known[dimension] if isinstance(dimension, str) else dimension

        def one(argument: Any) -> Any:
            if isinstance(argument, tuple):
                shape = tuple(size(dimension) for dimension in argument)
                layout = draw(st.sampled_from(list(layouts)))
                spec = TensorSpec(kind="tensor", shape=shape, dtype=dtype, low=low, high=high)
                return _tensor(spec, layout, draw(st.integers(0, 2**16)))
            return draw(argument) if is_strategy(argument) else argument

        return tuple(one(argument) for argument in arguments)

    return drawn()


def _tensor(spec: TensorSpec, layout: str, seed: int) -> Any:
    (values,) = build([spec], seed)
    if layout == "transposed":
        backwards = tuple(reversed(range(values.ndim)))
        values = values.detach().permute(backwards).contiguous().permute(backwards)
    return values.detach().requires_grad_()


def is_strategy(value: Any) -> bool:
    """Whether ``value`` is a Hypothesis strategy; Hypothesis need not be loaded to ask."""
    strategies = sys.modules.get("hypothesis.strategies")
    return strategies is not None and isinstance(value, strategies.SearchStrategy)


class _Failed(Exception):
    """An example fails."""


def smallest_failure(
    strategy: SearchStrategy[Any], fails: Callable[[Any], bool], examples: int | None
) -> None:
    """Call ``fails`` on examples; after a failure on smaller and smaller ones, last on the smallest that fails.

    Raises:
        CheckError: an example fails at one time and passes at another.
    """
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis.errors import Flaky

    @settings(
        max_examples=examples or EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),  # type: ignore[arg-type]
        report_multiple_bugs=False,
        phases=(Phase.generate, Phase.shrink),
    )
    @given(strategy)
    def trial(example: Any) -> None:
        if fails(example):
            raise _Failed

    try:
        trial()
    except _Failed:
        return
    except Flaky as error:
        raise CheckError(
            "the verdict on one example of the strategy changes from run to run"
        ) from error
