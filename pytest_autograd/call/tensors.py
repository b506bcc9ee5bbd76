"""What two tensors have in common: their values, their memory."""

from __future__ import annotations

import torch
from torch import Tensor


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
