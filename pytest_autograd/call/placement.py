"""Arguments of a call on another device or in another dtype, and saying clearly what cannot be had."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from pytest_autograd.call.call import Call, differentiable
from pytest_autograd.errors import CheckError


@dataclass(frozen=True)
class Placement:
    """Where and in which dtype a call is verified; None leaves it as the test has it."""

    device: str | None = None
    dtype: torch.dtype | None = None

    @property
    def label(self) -> str:
        """What to add to the name of a case, such as `` in float32 on cuda``."""
        dtype = f" in {dtype_name(self.dtype)}" if self.dtype is not None else ""
        return dtype + (f" on {self.device}" if self.device is not None else "")

    def missing(self) -> str | None:
        """Return why the device cannot be used here, None if it can."""
        if self.device is None:
            return None
        try:
            torch.empty(1, device=self.device)
        except (RuntimeError, AssertionError, NotImplementedError) as error:
            return f"device {self.device} is not available here: {str(error).splitlines()[0][:120]}"
        return None

    def put(self, value: Any) -> Any:
        """Return ``value`` with its tensors and modules placed, as leaves with the same requires_grad."""
        if self.device is None and self.dtype is None:
            return value
        if isinstance(value, nn.Module):
            moved = copy.deepcopy(value)
            return moved._apply(lambda tensor: tensor.to(self.device, self._dtype_for(tensor)))
        return pytree.tree_map(self._leaf, value)

    def put_call(self, call: Call) -> Call:
        """Return a recorded call with its tensors placed.

        Raises:
            CheckError: it holds a tensor that the Function reaches by another road too, so a copy would not do.
        """
        if self.device is None and self.dtype is None:
            return call
        if self.dtype is not None and call.shared:
            raise CheckError(
                f"dtypes= cannot change {call.name}: it also reaches an argument through another object; "
                "name the target with function= and inputs="
            )
        slots = (replace(slot, value=self.put(slot.value)) for slot in call.slots)
        return replace(call, slots=tuple(slots))

    def _leaf(self, leaf: Any) -> Any:
        if not isinstance(leaf, Tensor):
            return leaf
        moved = leaf.detach().to(self.device, self._dtype_for(leaf))
        return moved.requires_grad_(leaf.requires_grad)

    def _dtype_for(self, tensor: Tensor) -> torch.dtype:
        """Return the dtype to give a tensor: integers keep theirs, complex numbers stay complex."""
        if self.dtype is None or not differentiable(tensor):
            return tensor.dtype
        return self.dtype.to_complex() if tensor.is_complex() else self.dtype


def placements(devices: Sequence[Any], dtypes: Sequence[Any]) -> list[Placement]:
    """Return every dtype on every device; one placement that changes nothing where none is named."""
    kinds = [as_dtype(dtype) for dtype in dtypes] or [None]
    return [Placement(str(d) if d else None, k) for k in kinds for d in (devices or [None])]


def as_dtype(named: Any) -> torch.dtype:
    """Return the dtype that a name or a dtype stands for.

    Raises:
        CheckError: it is none, or none that can have a gradient.
    """
    known = getattr(torch, named, None) if isinstance(named, str) else named
    if not isinstance(known, torch.dtype) or not (known.is_floating_point or known.is_complex):
        raise CheckError(
            f"dtypes: {named!r} is no floating or complex dtype of torch; write such as 'float32'"
        )
    return known


def dtype_name(dtype: torch.dtype) -> str:
    """Return the name of a dtype without the name of torch."""
    return str(dtype).removeprefix("torch.")
