"""Against what the first derivatives are judged: forward itself, or the contract that the author declares."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor

from pytest_autograd.call.call import Call, differentiable, named_outputs
from pytest_autograd.derivatives.autograd_reference import (
    AskReference,
    ReferenceGradients,
    reference_gradients,
)
from pytest_autograd.derivatives.compare import MaybeTensors, relative_error
from pytest_autograd.derivatives.contracts_inside import TrueVjp, true_vjp_inside
from pytest_autograd.derivatives.directional_test import judge
from pytest_autograd.derivatives.evaluator import Evaluator
from pytest_autograd.derivatives.finite_differences import (
    EPS,
    FunctionAlongLine,
    numeric_gradient,
    numeric_tolerance,
)
from pytest_autograd.derivatives.first_order import CONTRACT_RTOL, FirstOrderTest
from pytest_autograd.derivatives.oracle import GradientOracle
from pytest_autograd.derivatives.precision import forward_precision, input_precision
from pytest_autograd.derivatives.tangents import inner, size
from pytest_autograd.derivatives.trials import Trials
from pytest_autograd.derivatives.verdicts import FirstOrder, Trial
from pytest_autograd.errors import CheckError, NotApplicable, TargetRaised
from pytest_autograd.options import INSIDE, Options
from pytest_autograd.running.author_code import gradients_of, run_forward

Transform = Callable[[Tensor], Tensor]


class Declared:
    """A plain differentiable function with the same arguments, whose forward and VJP serve as the truth."""

    def __init__(self, option: str, function: Callable[..., Any], evaluator: Evaluator) -> None:
        self.option, self.function, self.evaluator = option, function, evaluator
        self.call: Call = evaluator.call

    def outputs(self, point: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Return (leaves, outputs that answer to the target's differentiable ones) at ``point``."""
        values, seed = self.call.filled(point), self.evaluator.seed
        try:
            run = run_forward(self.call, values, seed=seed, target=self.function)
        except TargetRaised as raised:  # the declared function is the user's own code
            name, error = getattr(self.function, "__name__", "function"), raised.error
            raise CheckError(
                f"{self.option}={name} cannot be called like the target: {type(error).__name__}: {error}"
            ) from error
        outputs = [tensor for _, tensor in named_outputs(run.raw, flat=False)]
        return run.differentiated, self._matching(outputs, point)

    def _matching(self, outputs: Sequence[Tensor], point: Sequence[Tensor]) -> list[Tensor]:
        targets = self.evaluator.forward(point)
        indices = self.evaluator.output_indices
        chosen = [outputs[i] for i in indices if i < len(outputs)]
        if len(chosen) != len(targets) or any(
            a.shape != b.shape for a, b in zip(chosen, targets, strict=True)
        ):
            chosen = [tensor for tensor in outputs if differentiable(tensor)]
        shapes = [list(tensor.shape) for tensor in chosen]
        if shapes != [list(tensor.shape) for tensor in targets]:
            raise CheckError(
                f"{self.option} returns outputs of shape {shapes}, the target "
                f"{[list(t.shape) for t in targets]}: they must be the same"
            )
        return chosen

    def forward(self, point: Sequence[Tensor]) -> list[Tensor]:
        """Return the outputs at ``point``, detached."""
        return [output.detach() for output in self.outputs(point)[1]]

    def vjp(self, point: Sequence[Tensor], cotangents: Sequence[Tensor]) -> MaybeTensors:
        """Return the gradient of ``<cotangents, outputs>`` by autograd."""
        leaves, outputs = self.outputs(point)
        pairs = [
            (y, v.to(y.dtype)) for y, v in zip(outputs, cotangents, strict=True) if y.requires_grad
        ]
        if not pairs:
            return [None] * len(leaves)
        sent = [v for _, v in pairs]
        return gradients_of([y for y, _ in pairs], leaves, sent, seed=self.evaluator.seed)


def check_keys(transforms: Mapping[str, Transform], evaluator: GradientOracle) -> None:
    """Refuse a ``grad_transform`` for what is not a differentiated argument."""
    for name in transforms:
        if name not in evaluator.names:
            known = ", ".join(evaluator.names)
            raise CheckError(
                f"grad_transform names {name!r}, which is not a differentiated argument; those are {known}"
            )


def transformed(
    gradients: MaybeTensors, transforms: Mapping[str, Transform], names: Sequence[str]
) -> MaybeTensors:
    """Apply each declared map to the gradient of its argument."""
    result: MaybeTensors = []
    for name, gradient in zip(names, gradients, strict=True):
        transform = transforms.get(name)
        result.append(gradient if transform is None or gradient is None else transform(gradient))
    return result


def true_vjp(
    evaluator: GradientOracle, ask_reference: AskReference, trial: Trial, precision: float
) -> TrueVjp:
    """Return the VJP by the witness where finite differences confirm it at ``trial``, else numeric."""

    def by_autograd(x: Sequence[Tensor], v: Sequence[Tensor]) -> MaybeTensors:
        return ask_reference(x, v).gradients

    def by_differences(x: Sequence[Tensor], v: Sequence[Tensor]) -> MaybeTensors:
        return [numeric_gradient(evaluator.forward, x, v, i, precision) for i in range(len(x))]

    try:
        gradients = by_autograd(trial.point, trial.cotangents)
    except NotApplicable:
        return TrueVjp(by_differences, numeric=True)
    line = FunctionAlongLine(trial.path, trial.cotangents, precision)
    claimed = inner(gradients, trial.along)
    scale, rounding = size(gradients, trial.along), size(gradients, trial.point)
    doubted = judge(line, claimed, scale, rounding).status == "wrong"
    return TrueVjp(by_differences if doubted else by_autograd, numeric=doubted)


def decide(
    evaluator: Evaluator, options: Options, constant: bool = True, known: float = EPS
) -> FirstOrder:
    """Return the verdict on the gradients of ``evaluator`` at its own point, with ``constant`` cotangents too.

    ``known``: the rounding of forward as measured elsewhere.
    """
    seed = evaluator.seed

    def reference(point: Sequence[Tensor], cotangents: Sequence[Tensor]) -> ReferenceGradients:
        return reference_gradients(evaluator.call, seed, point, cotangents, evaluator.output_names)

    def coarsest() -> float:
        return forward_precision(evaluator, evaluator.point)

    if options.contract is None and not evaluator.call.inside:
        narrowest = max(known, input_precision(evaluator.point))
        trials = Trials(evaluator, reference, seed, options.rtol, narrowest, coarsest)
        return FirstOrderTest(trials, constant).verify()
    precision = max(known, coarsest())
    trials = Trials(evaluator, reference, seed, options.rtol, precision)
    test = FirstOrderTest(trials)
    tolerance = max(CONTRACT_RTOL, trials.reference_tolerance)
    if options.contract is None:
        trial = trials.draw(evaluator.point)[0]
        inside = true_vjp_inside(evaluator, trial, precision)
        tolerance = numeric_tolerance(precision) if inside.numeric else tolerance
        return test.against_truth(inside.vjp, INSIDE, tolerance)
    if options.contract != "grad_transform":
        declared = Declared(options.contract, getattr(options, options.contract), evaluator)
        return test.against_truth(declared.vjp, options.contract, tolerance)
    transforms = options.grad_transform or {}
    check_keys(transforms, evaluator)
    truth = true_vjp(evaluator, reference, trials.draw(evaluator.point)[0], precision)

    def meant(point: Sequence[Tensor], cotangents: Sequence[Tensor]) -> MaybeTensors:
        return transformed(truth.vjp(point, cotangents), transforms, evaluator.names)

    tolerance = numeric_tolerance(precision) if truth.numeric else tolerance
    return test.against_truth(meant, "grad_transform", tolerance)


def farthest_output(declared: Any, evaluator: GradientOracle) -> tuple[str, float]:
    """Return (output, relative error) of the output of forward that is farthest from the declared function's."""
    worst = ("output", 0.0)
    point = evaluator.point
    pairs = zip(declared.forward(point), evaluator.forward(point), strict=True)
    for name, (want, got) in zip(evaluator.output_names, pairs, strict=True):
        worst = max(worst, (name, relative_error(want, got)), key=lambda pair: pair[1])
    return worst
