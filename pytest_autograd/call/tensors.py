"""Tensors: what two have in common, their values, their memory; and those within other values."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

DEPTH = 4
FOREIGN = ("builtins", "torch", "numpy")  # packages whose objects are not looked into


def same(old: Tensor, new: Tensor) -> bool:
    """Whether two tensors hold the same values, NaN equal to NaN."""
    if old.layout != torch.strided or new.layout != torch.strided:
        return old.layout == new.layout and torch.equal(old.to_dense(), new.to_dense())
    return old.shape == new.shape and torch.equal(
        torch.nan_to_num(old.detach()), torch.nan_to_num(new.detach())
    )


def memory(tensor: Tensor) -> int:
    """Return the address of a tensor's storage, 0 where it has none."""
    try:
        return tensor.untyped_storage().data_ptr()
    except (NotImplementedError, RuntimeError):
        return 0


def storages(tensor: Tensor) -> dict[int, int]:
    """Return the bytes of each storage that holds a tensor, by its address; a sparse one has several."""
    parts = [tensor]
    if tensor.layout == torch.sparse_coo:
        parts = [tensor._indices(), tensor._values()]
    elif tensor.layout in (torch.sparse_csr, torch.sparse_bsr):
        parts = [tensor.crow_indices(), tensor.col_indices(), tensor.values()]
    elif tensor.layout in (torch.sparse_csc, torch.sparse_bsc):
        parts = [tensor.ccol_indices(), tensor.row_indices(), tensor.values()]
    held = [part.untyped_storage() for part in parts]
    return {storage.data_ptr(): storage.nbytes() for storage in held}


def overlap(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors have an element in the same place; two parts of one buffer need not."""
    if not memory(one) or memory(one) != memory(other):
        return False
    return bool(torch.isin(_places(one), _places(other)).any())


def _places(tensor: Tensor) -> Tensor:
    """Return the places of the elements in their storage, counted in bytes."""
    places = torch.tensor(tensor.storage_offset())
    for size, stride in zip(tensor.shape, tensor.stride(), strict=True):
        places = places.unsqueeze(-1) + stride * torch.arange(size)
    return places.flatten() * tensor.element_size()


def tensors_within(
    value: Any, name: str, depth: int = DEPTH, objects: bool = True
) -> Iterator[tuple[str, Tensor]]:
    """Yield (path, tensor) for the tensors inside containers and, unless it is said otherwise, plain objects."""
    if isinstance(value, Tensor):
        yield name, value
    elif depth:
        for path, item in _parts(value, name, objects):
            yield from tensors_within(item, path, depth - 1, objects)


def _parts(value: Any, name: str, objects: bool) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from ((f"{name}[{key!r}]", item) for key, item in value.items())
    elif isinstance(value, list | tuple | set | frozenset):
        yield from ((f"{name}[{i}]", item) for i, item in enumerate(value))
    elif objects and dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = (field.name for field in dataclasses.fields(value))
        yield from ((f"{name}.{key}", getattr(value, key)) for key in names)
    elif objects and _is_plain_object(value):
        yield from ((f"{name}.{key}", item) for key, item in vars(value).items())


def _is_plain_object(value: Any) -> bool:
    """Whether ``value`` is an instance that keeps attributes and is no library's own: no module, array or function."""
    foreign = type(value).__module__.partition(".")[0] in FOREIGN
    known = isinstance(value, type | torch.nn.Module) or callable(value)
    return hasattr(value, "__dict__") and not foreign and not known
