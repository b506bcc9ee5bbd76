"""What the author left on ctx: tensors among its attributes, and which of them are inputs or outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard

if TYPE_CHECKING:
    from torch import Tensor

    from pytest_autograd.call.call import Call
    from pytest_autograd.facts.observe import Trace

#: Attributes that torch itself sets from Python.
TORCH_OWN = frozenset({"saved_for_forward", "_dtype", "_fwd_used_autocast", "_autocast_kwargs"})
DEPTH = 4


def is_tensor(value: Any) -> TypeGuard[Tensor]:
    """Whether ``value`` is a torch tensor."""
    import torch

    return isinstance(value, torch.Tensor)


def shape(tensor: Tensor) -> str:
    """Say dtype and shape, as in ``float64[4, 3]``."""
    return f"{str(tensor.dtype).removeprefix('torch.')}{list(tensor.shape)}"


def tensors_on(attributes: dict[str, Any]) -> dict[str, Tensor]:
    """Return the tensors among the attributes of ctx, also inside lists, tuples, dicts and plain objects."""
    found: dict[str, Tensor] = {}
    for name, value in attributes.items():
        if name not in TORCH_OWN:
            _walk(name, value, found, DEPTH)
    return found


def tensors_in_objects(attributes: dict[str, Any]) -> dict[str, Tensor]:
    """Return the tensors inside objects and closures on ctx, where saved-tensor hooks never look."""
    found: dict[str, Tensor] = {}
    for name, value in attributes.items():
        if name not in TORCH_OWN and not is_tensor(value):
            for path, item in _parts(name, value):
                _walk(path, item, found, DEPTH)
    return found


def _parts(name: str, value: Any) -> list[tuple[str, Any]]:
    closure = getattr(value, "__closure__", None)
    if closure:
        return [(f"{name}()", cell.cell_contents) for cell in closure]
    if isinstance(value, type) or type(value).__module__.partition(".")[0] in (
        "builtins",
        "torch",
        "numpy",
    ):
        return []
    return [(f"{name}.{key}", item) for key, item in getattr(value, "__dict__", {}).items()]


def _walk(name: str, value: Any, found: dict[str, Tensor], depth: int) -> None:
    if is_tensor(value):
        found[name] = value
    elif depth and isinstance(value, dict):
        for key, item in value.items():
            _walk(f"{name}[{key!r}]", item, found, depth - 1)
    elif depth and isinstance(value, list | tuple | set | frozenset):
        for i, item in enumerate(value):
            _walk(f"{name}[{i}]", item, found, depth - 1)


def is_output(tensor: Tensor, trace: Trace) -> bool:
    """Whether ``tensor`` is an output of the call, or a view that autograd made of one."""
    for _, output in trace.outputs:
        if tensor is output or (tensor._base is not None and tensor._base is output):
            return True
    return tensor.grad_fn is not None and tensor.grad_fn is trace.ctx


def input_name(tensor: Tensor, call: Call, trace: Trace) -> str | None:
    """Return the name of the input that ``tensor`` is or shares its memory with, None for others."""
    for slot, argument in zip(call.slots, trace.arguments, strict=True):
        if tensor is argument or _same_memory(tensor, argument):
            return slot.name
    return None


def hung_on_arguments(trace: Trace) -> set[int]:
    """Return the ids of what hangs on the arguments, such as ``weight.main_grad``: it is their owner's, not saved."""
    return {id(value) for tensor in trace.arguments for value in vars(tensor).values()}


def passed_inside(call: Call, trace: Trace) -> set[int]:
    """Return the ids of the tensors that were passed in without a slot: inside containers, and constant sparse ones."""
    args, kwargs = call.rebuild(trace.arguments)
    found: dict[str, Tensor] = {}
    for i, value in enumerate([*args, *kwargs.values()]):
        _walk(str(i), value, found, DEPTH)
    return {id(tensor) for tensor in found.values()} - set(map(id, trace.arguments))


def _same_memory(one: Tensor, other: Tensor) -> bool:
    try:
        return one.untyped_storage().data_ptr() == other.untyped_storage().data_ptr() != 0
    except (NotImplementedError, RuntimeError):
        return False
