"""Deciding on the first derivatives of an evaluator: against forward itself, or against the contract."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from pytest_autograd.derivatives.autograd_reference import ReferenceGradients, reference_gradients
from pytest_autograd.derivatives.compare import FirstOrder
from pytest_autograd.derivatives.contracts import Declared, check_keys, transformed, true_vjp
from pytest_autograd.derivatives.element_wise import numeric_tolerance
from pytest_autograd.derivatives.evaluator import Evaluator, MaybeTensors
from pytest_autograd.derivatives.first_order import CONTRACT_RTOL, Verifier
from pytest_autograd.derivatives.precision import forward_precision, input_precision
from pytest_autograd.options import Options


def decide(evaluator: Evaluator, options: Options) -> FirstOrder:
    """Return the verdict on the gradients of ``evaluator`` at its own point."""
    seed = evaluator.seed

    def reference(point: Sequence[Tensor], cotangents: Sequence[Tensor]) -> ReferenceGradients:
        return reference_gradients(evaluator.call, seed, point, cotangents, evaluator.output_names)

    def coarsest() -> float:
        return forward_precision(evaluator, evaluator.point)

    if options.contract is None:
        narrowest = input_precision(evaluator.point)
        return Verifier(evaluator, reference, seed, options.rtol, narrowest, coarsest).verify()
    precision = coarsest()
    verifier = Verifier(evaluator, reference, seed, options.rtol, precision)
    tolerance = max(CONTRACT_RTOL, verifier.witness_tolerance)
    if options.contract != "grad_transform":
        declared = Declared(options.contract, getattr(options, options.contract), evaluator)
        return verifier.against_truth(declared.vjp, options.contract, tolerance)
    transforms = options.grad_transform or {}
    check_keys(transforms, evaluator)
    truth = true_vjp(evaluator, reference, verifier.draw(evaluator.point)[0], precision)

    def meant(point: Sequence[Tensor], cotangents: Sequence[Tensor]) -> MaybeTensors:
        return transformed(truth.vjp(point, cotangents), transforms, evaluator.names)

    tolerance = numeric_tolerance(precision) if truth.numeric else tolerance
    return verifier.against_truth(meant, "grad_transform", tolerance)
