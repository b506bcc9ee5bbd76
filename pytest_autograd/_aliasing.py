"""Memory that is shared where it should not be: outputs with workspaces, gradients with each other or with ctx."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pytest_autograd._call import Call, named_outputs
from pytest_autograd._errors import NotApplicable
from pytest_autograd._evaluator import Evaluator
from pytest_autograd._judge import direction, signed_bounded
from pytest_autograd._phase import phase
from pytest_autograd._rng import reseed
from pytest_autograd._trace import Trace, same


def memory(tensor: Tensor) -> int:
    """Return the address of a tensor's storage, 0 where it has none."""
    try:
        return tensor.untyped_storage().data_ptr()
    except (NotImplementedError, RuntimeError):
        return 0


def reused_output(call: Call, seed: int) -> str | None:
    """Return the output of one call that another call overwrites, None if there is none."""
    generator = torch.Generator().manual_seed(seed)
    first = _outputs(call, [slot.value for slot in call.slots], seed)
    kept = [tensor.detach().clone() for _, tensor in first]
    moved = [
        slot.value + 0.5 * direction([slot.value], generator)[0] if slot.wanted else slot.value
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
    seen: dict[int, str] = {}
    for i in call.wanted:
        gradient = leaves[i].grad
        if gradient is None or not gradient.numel():
            continue
        place = memory(gradient)
        if place in seen:
            return seen[place], call.slots[i].name
        seen[place] = call.slots[i].name
    return None


def gradient_kept_elsewhere(trace: Trace, call: Call) -> tuple[str, str] | None:
    """Return (argument, owner) of a returned gradient that is memory of ctx, of a saved tensor or of an input."""
    owners = {
        memory(argument): slot.name
        for slot, argument in zip(call.slots, trace.arguments, strict=True)
    }
    for save in trace.saves[-1:]:
        for position, value in enumerate(save.values):
            if isinstance(value, Tensor):
                owners.setdefault(memory(value), f"ctx.saved_tensors[{position}]")
    for name, value in trace.ctx_attributes().items():
        if isinstance(value, Tensor):
            owners.setdefault(memory(value), f"ctx.{name}")
    owners.pop(0, None)
    for slot in call.slots:
        returned = trace.backwards[0].returned if trace.backwards else ()
        gradient = returned[slot.position] if slot.position < len(returned) else None
        if slot.wanted and isinstance(gradient, Tensor) and memory(gradient) in owners:
            return slot.name, owners[memory(gradient)]
    return None


def polluted_leaf(evaluator: Evaluator, seed: int) -> str | None:
    """Return the argument whose ``.grad`` is written by ``torch.autograd.grad``, which must not write any."""
    cotangents = signed_bounded(
        evaluator.forward(evaluator.point), torch.Generator().manual_seed(seed)
    )
    return evaluator.polluted(evaluator.point, cotangents)
