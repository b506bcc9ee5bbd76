"""A place where a tensor goes in, and the copies of it that a run gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

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
    are what the caller hung on the tensor, such as ``weight.main_grad``; ``is_parameter`` whether it is a Parameter.
    ``domain`` is where it lives, as declared.
    """

    name: str
    value: Tensor
    differentiated: bool
    position: int = 0
    shared: Tensor | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    is_parameter: bool = False
    domain: Domain | None = None

    @classmethod
    def of(cls, name: str, tensor: Tensor, differentiated: bool, **more: Any) -> Slot:
        """Return the slot of a tensor, with what copies of it are to carry."""
        attributes = dict(vars(tensor))
        is_parameter = isinstance(tensor, nn.Parameter)
        value = tensor.detach()
        return cls(
            name, value, differentiated, attributes=attributes, is_parameter=is_parameter, **more
        )

    def fresh(self, value: Tensor) -> tuple[Tensor, Tensor]:
        """Return (leaf, argument): a new leaf and what to pass in, which carries what the original did.

        The argument is a non-leaf copy, so that a Function that works in place can be called on it; a Parameter is
        passed itself, as its owner would.
        """
        leaf = value.detach().clone()
        if self.is_parameter:
            leaf = argument = nn.Parameter(leaf, requires_grad=self.differentiated)
        else:
            leaf.requires_grad_(self.differentiated)
            argument = leaf.clone() if self.differentiated else leaf
        carry(self.attributes, argument)
        return leaf, argument

    def describe(self) -> str:
        """Say dtype, shape and role, as in ``x: float64[4, 3] differentiated``."""
        dtype = str(self.value.dtype).removeprefix("torch.")
        role = " differentiated" if self.differentiated else ""
        return f"{self.name}: {dtype}{list(self.value.shape)}{role}"
