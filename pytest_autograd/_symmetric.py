"""Matrices that forward takes for symmetric: those given are, and it reads one of their triangles.

A Cholesky factor or an eigenvalue of such a matrix has a gradient along symmetric changes only, and by convention that
gradient is symmetric too; as a function of single entries it would be called wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from pytest_autograd._call import Call, named_outputs
from pytest_autograd._errors import NotApplicable
from pytest_autograd._phase import phase
from pytest_autograd._rng import reseed
from pytest_autograd._tensors import same

NOISE = 0.1


def symmetrised(call: Call, seed: int) -> tuple[Call, list[str]]:
    """Return the call with such matrices made symmetric on their way in, and their names.

    Where forward raises on other matrices the call is returned as it is.
    """
    places = [i for i in call.freezable if is_symmetric(call.slots[i].value)]
    if not places:
        return call, []
    try:
        places = [i for i in places if _reads_one_triangle(call, i, seed)]
    except NotApplicable:
        return call, []
    if not places:
        return call, []

    def rebuild(tensors: Sequence[Tensor]) -> tuple[Sequence[Any], dict[str, Any]]:
        return call.rebuild([(t + t.mH) / 2 if i in places else t for i, t in enumerate(tensors)])

    return replace(call, rebuild=rebuild), [call.slots[i].name for i in places]


def is_symmetric(value: Tensor) -> bool:
    """Whether the last two axes hold symmetric (Hermitian) matrices, to the last bit."""
    return (
        value.dim() >= 2
        and value.shape[-1] == value.shape[-2] > 1
        and value.numel() > 0
        and bool((value == value.mH).all())
    )


def _reads_one_triangle(call: Call, place: int, seed: int) -> bool:
    value = call.slots[place].value
    noise = NOISE * torch.rand(value.shape, generator=torch.Generator().manual_seed(seed))
    noise = noise.to(value.device, value.dtype) * value.abs().max()
    plain = _outputs(call, place, value, seed)
    ignored = [
        all(map(same, plain, _outputs(call, place, value + triangle, seed)))
        for triangle in (noise.triu(1), noise.tril(-1))
    ]
    return ignored.count(True) == 1


def _outputs(call: Call, place: int, value: Tensor, seed: int) -> list[Tensor]:
    values = [slot.value for slot in call.slots]
    values[place] = value
    _, arguments = call.fresh(values)
    with phase("forward"), torch.enable_grad():
        reseed(seed)
        try:
            raw = call.run(arguments)
        except Exception as error:  # the author's forward may refuse the moved inputs
            raise NotApplicable("forward refuses matrices beside the given ones") from error
    return [tensor.detach() for _, tensor in named_outputs(raw, flat=call.flat)]
