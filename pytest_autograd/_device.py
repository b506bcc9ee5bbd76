"""Moving arguments to a device, and saying clearly when it is not there."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from pytest_autograd._call import Call


def missing(device: str) -> str | None:
    """Return why ``device`` cannot be used here, None if it can."""
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        return f"device {device} is not available here: {str(error).splitlines()[0][:120]}"
    return None


def on_device(value: Any, device: str) -> Any:
    """Return ``value`` with its tensors and modules on ``device``, as leaves with the same requires_grad."""
    if isinstance(value, nn.Module):
        return copy.deepcopy(value).to(device)
    return pytree.tree_map(lambda leaf: _moved(leaf, device), value)


def moved_call(call: Call, device: str | None) -> Call:
    """Return the call with its tensors on ``device``; None leaves them where they are."""
    if device is None:
        return call
    slots = (replace(slot, value=on_device(slot.value, device)) for slot in call.slots)
    return replace(call, slots=tuple(slots))


def _moved(leaf: Any, device: str) -> Any:
    if not isinstance(leaf, Tensor):
        return leaf
    return leaf.detach().to(device).requires_grad_(leaf.requires_grad)
