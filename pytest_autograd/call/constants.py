"""What is passed beside tensors: numbers, words, containers, objects."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree


def own_containers(value: Any) -> Any:
    """Return a new container with the same content: some forwards take options out of the dict they are given."""
    if isinstance(value, list | dict | tuple):
        return pytree.tree_map(lambda leaf: leaf, value)
    return value


def is_plain(value: Any) -> bool:
    """Whether a constant is a number, a word or the like, or a container of such."""
    leaves = pytree.tree_leaves(value)
    kinds = (int, float, complex, str, bool, type(None), torch.dtype, torch.device, Tensor)
    return all(isinstance(leaf, kinds) for leaf in leaves)


def describe_constant(name: str, value: Any) -> str:
    """Say what non-tensor was passed, shortened."""
    text = repr(value)
    return f"{name}={text if len(text) <= 40 else text[:37] + '...'}"
