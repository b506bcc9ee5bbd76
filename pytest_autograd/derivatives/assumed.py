"""Arguments that are differentiated only because no tensor of the call requires grad.

Nobody asked for the gradient of one of them alone. Where forward refuses a tensor that requires grad, or backward
answers None, it is taken for a constant, as it was given.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from pytest_autograd.call.call import Call
from pytest_autograd.call.tensors import same
from pytest_autograd.derivatives.compare import MaybeTensors
from pytest_autograd.derivatives.evaluator import Evaluator
from pytest_autograd.derivatives.tangents import beside, draw_cotangents
from pytest_autograd.errors import NotApplicable, TargetRaised


def asked_for(call: Call, seed: int) -> Call:
    """Return the call without the assumed arguments that are constants to it; at least one is left."""
    assumed = [i for i in call.differentiated if call.slots[i].assumed]
    if len(assumed) < 2:
        return call
    alone = [call.with_frozen(*(j for j in assumed if j != i)) for i in assumed]
    try:
        refused = _forward_raises(call, seed)
        taken = (not _forward_raises(each, seed) for each in alone)
        left_out = [i for i, ok in zip(assumed, taken, strict=True) if not ok] if refused else []
        if len(left_out) == len(assumed):
            return call
        rest = call.with_frozen(*left_out)
        silent = [i for i in _without_gradient(rest, seed) if i in assumed]
        missed = [i for i in silent if _matters(rest, i, seed)]
    except NotApplicable:
        return call
    if len(left_out) + len(silent) == len(assumed):
        return rest
    slots = tuple(replace(s, unasked=i in missed) for i, s in enumerate(rest.slots))
    return replace(rest, slots=slots).with_frozen(*silent)


def _forward_raises(call: Call, seed: int) -> bool:
    evaluator = Evaluator(call, seed)
    try:
        evaluator.forward(evaluator.point)
    except TargetRaised:
        return True
    return False


def _without_gradient(call: Call, seed: int) -> list[int]:
    """Return the places of the arguments for which backward returns None."""
    answer = _answer(call, seed)
    return [i for i, gradient in zip(call.differentiated, answer, strict=True) if gradient is None]


def _answer(call: Call, seed: int) -> MaybeTensors:
    evaluator = Evaluator(call, seed)
    outputs = evaluator.forward(evaluator.point)
    return evaluator.vjp(evaluator.point, draw_cotangents(outputs, seed))


def _matters(call: Call, place: int, seed: int) -> bool:
    """Whether the outputs change with one argument alone."""
    evaluator = Evaluator(call, seed)
    here = evaluator.point
    moved = beside(here, 0.1, torch.Generator().manual_seed(seed))
    at = call.differentiated.index(place)
    there = [*here[:at], moved[at], *here[at + 1 :]]
    pairs = zip(evaluator.forward(here), evaluator.forward(there), strict=True)
    return not all(same(one, other) for one, other in pairs)
