"""The gradient of a callable that reaches Functions with contracts, as these say that it should be.

Each such Function is replaced by what it promises: under ``surrogate=f`` by its own value with the gradient of ``f``,
under ``grad_transform`` by its own forward in the open with the map on the gradient. All else stays as it is, Functions
without a contract too, which are judged for themselves. Autograd through that is exact and elementwise, but blind where
the callable itself leaves the graph. Under surrogates finite differences see that: along a line ``f(x)`` moves, while
what the Function's value is beside it stays as it was at the point. A call whose output the callable detaches has no
gradient to be promised: along a line it is what it is, as constant as a rounding or a spike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from pytest_autograd.call.call import differentiable, parameter_names
from pytest_autograd.call.intercept import Apply, intercepted
from pytest_autograd.call.target import defines_setup_context
from pytest_autograd.derivatives.autograd_reference import BreakSpotter, raw_forward
from pytest_autograd.derivatives.compare import MaybeTensors
from pytest_autograd.derivatives.directional_test import judge
from pytest_autograd.derivatives.evaluator import Evaluator
from pytest_autograd.derivatives.finite_differences import (
    FunctionAlongLine,
    Samples,
    numeric_gradient,
)
from pytest_autograd.derivatives.tangents import inner, size
from pytest_autograd.derivatives.verdicts import Trial
from pytest_autograd.errors import NotApplicable
from pytest_autograd.options import Options
from pytest_autograd.running.author_code import ForwardRun, gradients_of, run_forward

Forward = Callable[[Sequence[Tensor]], list[Tensor]]


@dataclass(frozen=True)
class TrueVjp:
    """The VJP that a contract starts from; ``numeric`` when it comes from finite differences."""

    vjp: Callable[[Sequence[Tensor], Sequence[Tensor]], MaybeTensors]
    numeric: bool


def true_vjp_inside(evaluator: Evaluator, trial: Trial, precision: float) -> TrueVjp:
    """Return the VJP through the contracts: by autograd, but numeric where that is wrong at ``trial``.

    Raises:
        NotApplicable: it cannot be had.
    """
    spotter, names = BreakSpotter(), evaluator.call.names_inside
    try:
        gradients = _by_autograd(evaluator, trial.point, trial.cotangents, spotter)
    except NotApplicable as why:
        raise NotApplicable(
            f"the call reaches {names}, whose gradient is declared, and what follows from that cannot be had: {why}"
        ) from why
    transformed = any(options.grad_transform for options in evaluator.call.inside.values())
    status = "unresolved" if transformed else _judged(evaluator, trial, gradients, precision)
    if status not in ("ok", "wrong") and spotter.breaks:
        raise NotApplicable(
            f"the call reaches {names}, whose gradient is declared, and leaves autograd "
            f"({', '.join(spotter.breaks)}): declare a contract for the callable too"
        )

    def by_autograd(x: Sequence[Tensor], v: Sequence[Tensor]) -> MaybeTensors:
        return promised_gradients(evaluator, x, v)

    def by_differences(x: Sequence[Tensor], v: Sequence[Tensor]) -> MaybeTensors:
        forward = _frozen_at(evaluator, x)
        return [numeric_gradient(forward, x, v, i, precision) for i in range(len(x))]

    numeric = status == "wrong"
    return TrueVjp(by_differences if numeric else by_autograd, numeric)


def promised_gradients(
    evaluator: Evaluator, point: Sequence[Tensor], cotangents: Sequence[Tensor]
) -> MaybeTensors:
    """Return the gradient of ``<cotangents, outputs>`` through the contracts.

    Raises:
        NotApplicable: it cannot be had.
    """
    return _by_autograd(evaluator, point, cotangents, BreakSpotter())


def _by_autograd(
    evaluator: Evaluator,
    point: Sequence[Tensor],
    cotangents: Sequence[Tensor],
    spotter: BreakSpotter,
) -> MaybeTensors:
    promises = _Promises(evaluator.call.inside, spotter)
    run = _run(evaluator, point, promises)
    outputs = _outputs(evaluator, run)
    pairs = [
        (y, v.to(y.dtype)) for y, v in zip(outputs, cotangents, strict=True) if y.requires_grad
    ]
    if not pairs:
        return [None] * len(run.differentiated)
    sent = [v for _, v in pairs]
    with intercepted(promises.replaced):  # checkpoints run forward again
        return gradients_of([y for y, _ in pairs], run.differentiated, sent, seed=evaluator.seed)


def _judged(evaluator: Evaluator, trial: Trial, gradients: MaybeTensors, precision: float) -> str:
    """Return what finite differences say of gradients at a trial."""
    forward = _frozen_at(evaluator, trial.point)
    path = Samples(forward, trial.point, trial.along, trial.outputs, trial.outputs)
    line = FunctionAlongLine(path, trial.cotangents, precision)
    scale, rounding = size(gradients, trial.along), size(gradients, trial.point)
    return judge(line, inner(gradients, trial.along), scale, rounding).status


def _frozen_at(evaluator: Evaluator, point: Sequence[Tensor]) -> Forward:
    """Return forward with ``f(x)`` and the offset that it has at ``point`` in place of each Function."""
    noted = _Promises(evaluator.call.inside, None)
    outputs = _outputs(evaluator, _run(evaluator, point, noted))
    noted.forget_what_is_cut([y for y in outputs if y.requires_grad], evaluator.seed)

    def forward(x: Sequence[Tensor]) -> list[Tensor]:
        frozen = _Promises(evaluator.call.inside, None, noted.offsets, frozen=True)
        return [y.detach() for y in _outputs(evaluator, _run(evaluator, x, frozen))]

    return forward


def _run(evaluator: Evaluator, point: Sequence[Tensor], promises: _Promises) -> ForwardRun:
    call, around = evaluator.call, promises.running()
    return run_forward(call, call.filled(point), seed=evaluator.seed, around=around)


def _outputs(evaluator: Evaluator, run: ForwardRun) -> list[Tensor]:
    named = run.outputs
    if any(i >= len(named) for i in evaluator.output_indices):
        raise NotApplicable("the number of outputs changes from call to call")
    return [named[i][1] for i in evaluator.output_indices]


@dataclass
class _Promises:
    """Stands for the Functions with a contract.

    ``offsets``: for each call of one with a surrogate, what its outputs are beside those of the surrogate; None where
    no gradient comes back to it. They are noted, or where ``frozen`` put in again. ``made``: the outputs of each call.
    """

    inside: Mapping[type, Options]
    spotter: BreakSpotter | None
    offsets: list[list[Any] | None] = field(default_factory=list)
    made: list[list[Any]] = field(default_factory=list)
    frozen: bool = False
    calls: int = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Replace them in the enclosed block."""
        with intercepted(self.replaced), self.spotter or nullcontext():
            yield

    def replaced(
        self,
        function: type,
        apply: Apply,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        under_transform: bool,
    ) -> Any:
        """Return what a call of a Function gives."""
        options = self.inside.get(function)
        with self._resting():
            if options is None:
                return apply(*args, **kwargs)
            if under_transform:
                raise NotApplicable(
                    f"{function.__qualname__}, whose gradient is declared, is called under a transform of torch.func"
                )
            if options.surrogate is not None:
                return self._by_surrogate(function, options.surrogate, apply, args, kwargs)
            args, kwargs = _with_maps(function, options.grad_transform or {}, args, kwargs)
        return raw_forward(function, apply, args, kwargs, under_transform)

    def forget_what_is_cut(self, outputs: Sequence[Tensor], seed: int) -> None:
        """Drop the offsets of calls that no gradient of ``outputs`` comes back to."""
        own = [
            (call, y)
            for call, made in enumerate(self.made)
            for y in made
            if isinstance(y, Tensor) and y.requires_grad
        ]
        ones, kept = [torch.ones_like(y) for y in outputs], set[int]()
        if own and outputs:
            with intercepted(self.replaced):
                found = gradients_of(outputs, [y for _, y in own], ones, seed=seed)
            kept = {call for (call, _), g in zip(own, found, strict=True) if g is not None}
        self.offsets = [each if i in kept else None for i, each in enumerate(self.offsets)]

    def _resting(self) -> Any:
        return self.spotter.resting() if self.spotter is not None else nullcontext()

    def _by_surrogate(
        self,
        function: type,
        surrogate: Any,
        apply: Apply,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        values = _own_values(function, apply, args, kwargs)
        with torch.random.fork_rng(devices=[]):
            smooth = _paired(function, values, surrogate(*args, **kwargs))
        pairs = list(zip(values, smooth, strict=True))
        if not self.frozen:
            self.offsets.append([v if f is None else (v - f).detach() for v, f in pairs])
            outputs = [v if f is None else v.detach() + (f - f.detach()) for v, f in pairs]
            self.made.append(outputs)
        elif self.calls >= len(self.offsets):
            raise NotApplicable(f"{function.__qualname__} is called more often at other values")
        elif (offsets := self.offsets[self.calls]) is None:
            outputs = values
        else:
            known = zip(offsets, smooth, strict=True)
            outputs = [offset if f is None else offset + f for offset, f in known]
        self.calls += 1
        return outputs[0] if len(outputs) == 1 else tuple(outputs)


def _own_values(
    function: type, apply: Apply, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> list[Any]:
    """Return the outputs of a Function on copies of its arguments."""
    given = [_copy(value) for value in (*args, *kwargs.values())]
    versions = [value._version for value in given if isinstance(value, Tensor)]
    found = apply(*given[: len(args)], **dict(zip(kwargs, given[len(args) :], strict=True)))
    if versions != [value._version for value in given if isinstance(value, Tensor)]:
        raise NotApplicable(
            f"{function.__qualname__}, whose gradient is declared, writes to its arguments in place"
        )
    return list(found) if isinstance(found, tuple) else [found]


def _copy(value: Any) -> Any:
    if not isinstance(value, Tensor):
        return value
    return value.detach().clone().requires_grad_(value.requires_grad)


def _paired(function: type, values: Sequence[Any], smooth: Any) -> list[Tensor | None]:
    """Return for each output of a Function that of its surrogate, None where it is not differentiable."""
    own = list(smooth) if isinstance(smooth, tuple | list) else [smooth]
    moving = [i for i, v in enumerate(values) if isinstance(v, Tensor) and v.requires_grad]
    shapes = [_shape(values[i]) for i in moving]
    chosen = [own[i] for i in moving if i < len(own)]
    if [_shape(each) for each in chosen] != shapes:
        chosen = [each for each in own if isinstance(each, Tensor) and differentiable(each)]
    if [_shape(each) for each in chosen] != shapes:
        raise NotApplicable(
            f"the surrogate of {function.__qualname__} returns outputs of other shapes"
        )
    answers = dict(zip(moving, chosen, strict=True))
    return [answers[i].to(v.dtype) if i in answers else None for i, v in enumerate(values)]


def _shape(value: Any) -> Any:
    return value.shape if isinstance(value, Tensor) else None


def _with_maps(
    function: Any, maps: Mapping[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments with the declared maps on the gradients that come back to them."""
    skip = 0 if defines_setup_context(function) else 1
    names = [*parameter_names(function.forward, skip, len(args)), *kwargs]
    given = []
    for name, value in zip(names, (*args, *kwargs.values()), strict=True):
        if name in maps and isinstance(value, Tensor) and value.requires_grad:
            value = value.view_as(value)
            value.register_hook(maps[name])
        given.append(value)
    return tuple(given[: len(args)]), dict(zip(kwargs, given[len(args) :], strict=True))
