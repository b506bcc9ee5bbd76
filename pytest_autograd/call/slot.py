"""A place where a tensor goes in, and the copies of it that a run gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from pytest_autograd.call.layout import Layout
from pytest_autograd.domains.domain import Domain


def carry(attributes: Mapping[str, Any], tensor: Tensor) -> None:
    """Hang on ``tensor`` what hung on the original: copies of tensors, other objects as they are."""
    for name, value in attributes.items():
        kept = value.detach().clone() if isinstance(value, Tensor) else value
        setattr(tensor, name, kept)


@dataclass(frozen=True)
class Slot:
    """A place where a tensor goes in.

    ``value`` is detached; ``differentiated`` tells whether it is differentiated; ``position`` is its place among the
    arguments, which is also the place of its gradient in what backward returns. ``shared`` is the caller's own tensor
    where the Function reaches it by another road too (:mod:`pytest_autograd.call.shared_parameters`). ``attributes``
    are what the caller hung on the tensor, such as ``weight.main_grad``; ``parameter`` is its class if it is a
    Parameter; ``layout`` how it lay in memory, None where that was nothing special; ``twin`` the name of the slot
    before it that the same tensor was passed to. ``domain`` is where it lives, as declared. ``assumed``: it is
    differentiated although it does not require grad, as no tensor of the call does; ``unasked``: backward has no
    gradient for it, which nobody asked for.
    """

    name: str
    value: Tensor
    differentiated: bool
    position: int = 0
    shared: Tensor | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    parameter: type[nn.Parameter] | None = None
    layout: Layout | None = None
    twin: str | None = None
    domain: Domain | None = None
    assumed: bool = False
    unasked: bool = False

    @classmethod
    def of(cls, name: str, tensor: Tensor, differentiated: bool, **more: Any) -> Slot:
        """Return the slot of a tensor, with what copies of it are to carry."""
        parameter = type(tensor) if isinstance(tensor, nn.Parameter) else None
        more |= {"attributes": dict(vars(tensor)), "parameter": parameter}
        assumed = differentiated and not tensor.requires_grad
        return cls(name, tensor.detach(), differentiated, assumed=assumed, **more)

    def leaf(self, value: Tensor) -> Tensor:
        """Return a new leaf, a Parameter where the original is one."""
        leaf = value.detach().clone()
        if self.parameter is None:
            return leaf.requires_grad_(self.differentiated)
        return torch.Tensor._make_subclass(self.parameter, leaf, self.differentiated)

    def argument(self, leaf: Tensor) -> Tensor:
        """Return what to pass in for ``leaf``: a copy, so that a Function that works in place can be called on it.

        A Parameter is passed itself, as its owner would.
        """
        return leaf.clone() if self.differentiated and self.parameter is None else leaf

    def holds_as_much(self, held: Tensor) -> bool:
        """Whether a tensor that hangs on the argument has its shape, or is as long where it is flattened."""
        flat = held.dim() == 1 and held.numel() == self.value.numel()
        return held.shape == self.value.shape or flat

    def resized(self, value: Tensor) -> Slot:
        """Return the slot with another value; what hung on a tensor, in its shape or flat, takes the new size."""
        of = {name: self._follows(held, value) for name, held in self.attributes.items()}
        return replace(self, value=value.detach(), attributes=of)

    def _follows(self, held: Any, value: Tensor) -> Any:
        if not isinstance(held, Tensor) or self.value.shape == value.shape:
            return held
        if held.shape == self.value.shape:
            return held.new_zeros(value.shape)
        return held.new_zeros(value.numel()) if self.holds_as_much(held) else held

    def describe(self) -> str:
        """Say dtype, shape and role, as in ``x: float64[4, 3] differentiated``."""
        dtype = str(self.value.dtype).removeprefix("torch.")
        role = " differentiated" if self.differentiated else ""
        return f"{self.name}: {dtype}{list(self.value.shape)}{role}"
