"""Memory that is shared where it should not be: outputs with workspaces, gradients with each other or with ctx."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pytest_autograd.call.call import Call, named_outputs
from pytest_autograd.call.tensors import overlap, same
from pytest_autograd.derivatives.evaluator import Evaluator
from pytest_autograd.derivatives.tangents import direction, signed_bounded
from pytest_autograd.errors import NotApplicable
from pytest_autograd.facts.observe import Trace
from pytest_autograd.running.phase import phase
from pytest_autograd.running.rng import reseed


def reused_output(call: Call, seed: int) -> str | None:
    """Return the output of one call that another call overwrites, None if there is none."""
    generator = torch.Generator().manual_seed(seed)
    first = _outputs(call, [slot.value for slot in call.slots], seed)
    kept = [tensor.detach().clone() for _, tensor in first]
    moved = [
        slot.value + 0.5 * direction([slot.value], generator)[0]
        if slot.differentiated
        else slot.value
        for slot in call.slots
    ]
    try:
        second = _outputs(call, moved, seed)
    except Exception as error:  # the author's forward may refuse the moved inputs
        raise NotApplicable("forward refuses inputs beside the given ones") from error
    del second
    for (name, tensor), before in zip(first, kept, strict=True):
        if not same(before, tensor):
            return name
    return None


def reused_gradient(evaluator: Evaluator, seed: int) -> str | None:
    """Return the argument whose gradient another backward overwrites, None if there is none."""
    point = evaluator.point
    generator = torch.Generator().manual_seed(seed)
    outputs = evaluator.forward(point)
    first = evaluator.vjp(point, signed_bounded(outputs, generator))
    kept = [None if g is None else g.detach().clone() for g in first]
    evaluator.vjp(point, signed_bounded(outputs, generator))
    for name, gradient, before in zip(evaluator.names, first, kept, strict=True):
        if gradient is not None and before is not None and not same(before, gradient):
            return name
    return None


def _outputs(call: Call, values: Sequence[Tensor], seed: int) -> list[tuple[str, Tensor]]:
    _, arguments = call.fresh(values)
    with phase("forward"), torch.enable_grad():
        reseed(seed)
        return named_outputs(call.run(arguments), flat=call.flat)


def shared_leaf_gradients(call: Call, seed: int) -> tuple[str, str] | None:
    """Return two arguments whose ``.grad`` share memory after one ``.backward()``, None if none do."""
    leaves, arguments = call.fresh()
    with torch.enable_grad():
        reseed(seed)
        outputs = [
            t for _, t in named_outputs(call.run(arguments), flat=call.flat) if t.requires_grad
        ]
    cotangents = signed_bounded([y.detach() for y in outputs], torch.Generator().manual_seed(seed))
    torch.autograd.backward(outputs, cotangents)
    seen: list[tuple[str, Tensor]] = []
    for i in call.differentiated:
        gradient = leaves[i].grad
        if gradient is None or not gradient.numel():
            continue
        for name, other in seen:
            if overlap(other, gradient):
                return name, call.slots[i].name
        seen.append((call.slots[i].name, gradient))
    return None


def gradient_kept_elsewhere(trace: Trace, call: Call) -> tuple[str, str] | None:
    """Return (argument, owner) of a returned gradient that is memory of ctx, of a saved tensor or of an input."""
    owners = [
        (slot.name, argument) for slot, argument in zip(call.slots, trace.arguments, strict=True)
    ]
    for save in trace.saves[-1:]:
        owners += [(f"ctx.saved_tensors[{i}]", value) for i, value in enumerate(save.values)]
    owners += [(f"ctx.{name}", value) for name, value in trace.ctx_attributes().items()]
    tensors = [(name, value) for name, value in owners if isinstance(value, Tensor)]
    for slot in call.slots:
        returned = trace.backwards[0].returned if trace.backwards else ()
        gradient = returned[slot.position] if slot.position < len(returned) else None
        if slot.differentiated and isinstance(gradient, Tensor):
            for name, value in tensors:
                if overlap(gradient, value):
                    return slot.name, name
    return None


def polluted_leaf(evaluator: Evaluator, seed: int) -> str | None:
    """Return the argument whose ``.grad`` is written by ``torch.autograd.grad``, which must not write any."""
    cotangents = signed_bounded(
        evaluator.forward(evaluator.point), torch.Generator().manual_seed(seed)
    )
    return evaluator.polluted(evaluator.point, cotangents)
