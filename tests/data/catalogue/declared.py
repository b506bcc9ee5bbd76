"""Faults inside a declared domain: none of them hides behind the declaration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from catalogue._mode import Mode
from corpus import domains, matrix_domains
from corpus._case import Case
from torch import Tensor
from torch.autograd import Function

CASES: dict[str, Case] = {**domains.CASES, **matrix_domains.CASES}
Change = Callable[[Tensor], Tensor]


def spoiled(case: Case, argument: int, change: Change) -> Any:
    """Return the Function of a case with one of its gradients changed."""
    right: type[Function] = case.target

    def backward(ctx, *grads):
        found = right.backward(ctx, *grads)
        gradients = list(found) if isinstance(found, tuple) else [found]
        if gradients[argument] is not None:
            gradients[argument] = change(gradients[argument])
        return tuple(gradients)

    return type(f"Wrong{right.__name__}", (right,), {"backward": staticmethod(backward)})


def doubled(gradient: Tensor) -> Tensor:
    return 2 * gradient


def negated(gradient: Tensor) -> Tensor:
    return -gradient


def without_the_first(gradient: Tensor) -> Tensor:
    return torch.cat([torch.zeros_like(gradient[:1]), gradient[1:]])


def shifted(gradient: Tensor) -> Tensor:
    return gradient.roll(1, 0)


def of_the_upper_half(gradient: Tensor) -> Tensor:
    return gradient.triu()


def constant(gradient: Tensor) -> Tensor:
    return gradient.detach() + 0 * gradient


#: Right case, place of the gradient, what is done to it.
SPOILED: list[tuple[str, int, Change]] = [
    ("log_of_positives", 0, doubled),
    ("log_of_positives", 0, without_the_first),
    ("square_root", 0, negated),
    ("square_root", 0, doubled),
    ("simplex_cross_entropy", 0, doubled),
    ("simplex_cross_entropy", 0, shifted),
    ("simplex_cross_entropy", 1, negated),
    ("simplex_cross_entropy", 1, without_the_first),
    ("interval_logit", 0, doubled),
    ("interval_logit", 0, shifted),
    ("sorted_interpolation", 0, negated),
    ("sorted_interpolation", 1, doubled),
    ("sorted_interpolation", 2, without_the_first),
    ("integer_index", 0, doubled),
    ("integer_index", 0, without_the_first),
    ("packed_offsets", 0, doubled),
    ("packed_offsets", 0, shifted),
    ("permutation_and_inverse", 0, shifted),
    ("permutation_and_inverse", 0, negated),
    ("chord", 0, doubled),
    ("chord", 1, shifted),
    ("chosen_logit", 0, doubled),
    ("chosen_logit", 0, shifted),
    ("orthogonal_transport", 0, doubled),
    ("orthogonal_transport", 0, of_the_upper_half),
    ("orthogonal_transport", 1, negated),
    ("log_determinant", 0, doubled),
    ("log_determinant", 0, of_the_upper_half),
    ("matrix_square_root", 0, without_the_first),
    ("matrix_square_root", 0, negated),
    ("fixed_point", 0, of_the_upper_half),
    ("fixed_point", 1, doubled),
    ("triangular_quadratic", 0, without_the_first),
    ("triangular_quadratic", 1, doubled),
    ("spectral_power", 0, of_the_upper_half),
    ("spectral_power", 1, negated),
]
ONCE = {"fixed_point"}  # differentiable
#: Right to first order, and constant to autograd.
DETACHED = ("square_root", "log_determinant", "interval_logit", "simplex_cross_entropy")


def mode(name: str, argument: int, change: Change, error: str) -> Mode:
    case = CASES[name]
    options = {**case.options, "gradgrad": name not in ONCE}
    return Mode(spoiled(case, argument, change), case.inputs, error, options=options)


MODES = {
    f"{name}_{change.__name__}_{argument}": mode(name, argument, change, "AG101")
    for name, argument, change in SPOILED
} | {f"{name}_constant": mode(name, 0, constant, "AG501") for name in DETACHED}
