"""What the author left on ctx: tensors among its attributes, and which of them are inputs or outputs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeGuard

if TYPE_CHECKING:
    from torch import Tensor

    from pytest_autograd.call.call import Call
    from pytest_autograd.facts.observe import Trace

#: Attributes that torch itself sets from Python.
TORCH_OWN = frozenset({"saved_for_forward", "_dtype", "_fwd_used_autocast", "_autocast_kwargs"})


def is_tensor(value: Any) -> TypeGuard[Tensor]:
    """Whether ``value`` is a torch tensor."""
    import torch

    return isinstance(value, torch.Tensor)


def shape(tensor: Tensor) -> str:
    """Say dtype and shape, as in ``float64[4, 3]``."""
    return f"{str(tensor.dtype).removeprefix('torch.')}{list(tensor.shape)}"


def tensors_on(attributes: dict[str, Any]) -> dict[str, Tensor]:
    """Return the tensors among the attributes of ctx, also inside lists, tuples, dicts and sets."""
    kept = ((name, value) for name, value in attributes.items() if name not in TORCH_OWN)
    return _within(kept)


def tensors_in_objects(attributes: dict[str, Any]) -> dict[str, Tensor]:
    """Return the tensors inside objects and closures on ctx, where saved-tensor hooks never look."""
    return _within(
        part
        for name, value in attributes.items()
        if name not in TORCH_OWN and not is_tensor(value)
        for part in _parts(name, value)
    )


def _within(named: Iterable[tuple[str, Any]]) -> dict[str, Tensor]:
    from pytest_autograd.call.tensors import tensors_within

    return {
        path: tensor
        for name, value in named
        for path, tensor in tensors_within(value, name, objects=False)
    }


def _parts(name: str, value: Any) -> list[tuple[str, Any]]:
    from pytest_autograd.call.tensors import FOREIGN

    closure = getattr(value, "__closure__", None)
    if closure:
        return [(f"{name}()", cell.cell_contents) for cell in closure]
    if isinstance(value, type) or type(value).__module__.partition(".")[0] in FOREIGN:
        return []
    return [(f"{name}.{key}", item) for key, item in getattr(value, "__dict__", {}).items()]


def is_output(tensor: Tensor, trace: Trace) -> bool:
    """Whether ``tensor`` is an output of the call, or a view that autograd made of one."""
    for _, output in trace.outputs:
        if tensor is output or (tensor._base is not None and tensor._base is output):
            return True
    return tensor.grad_fn is not None and tensor.grad_fn is trace.ctx


def input_name(tensor: Tensor, call: Call, trace: Trace) -> str | None:
    """Return the name of the input that ``tensor`` is or shares its memory with, None for others."""
    from pytest_autograd.call.tensors import memory

    for slot, argument in zip(call.slots, trace.arguments, strict=True):
        if tensor is argument or memory(tensor) == memory(argument) != 0:
            return slot.name
    return None


def hung_on_arguments(trace: Trace) -> set[int]:
    """Return the ids of what hangs on the arguments, such as ``weight.main_grad``: it is their owner's, not saved."""
    return {id(value) for tensor in trace.arguments for value in vars(tensor).values()}


def passed_inside(call: Call, trace: Trace) -> set[int]:
    """Return the ids of the tensors that were passed in without a slot: inside containers, and constant sparse ones."""
    args, kwargs = call.rebuild(trace.arguments)
    found = _within((str(i), value) for i, value in enumerate([*args, *kwargs.values()]))
    return {id(tensor) for tensor in found.values()} - set(map(id, trace.arguments))
