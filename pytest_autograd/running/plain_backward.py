"""Functions that refuse ``autograd.grad`` and want ``.backward()``, as reentrant checkpoints do."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

WORDS = ".grad()"  # in what each of them raises


def refuses_grad(error: Exception) -> bool:
    """Whether backward raised only because it was reached by ``autograd.grad``."""
    return isinstance(error, RuntimeError) and WORDS in str(error)


def plain_backward(
    outputs: Sequence[Tensor],
    leaves: Sequence[Tensor],
    cotangents: Sequence[Tensor],
    *,
    retain_graph: bool = False,
) -> list[Tensor | None]:
    """Return the gradients that ``.backward()`` leaves in the leaves."""
    for leaf in leaves:
        leaf.grad = None
    torch.autograd.backward(outputs, cotangents, retain_graph=retain_graph)
    found = [leaf.grad for leaf in leaves]
    for leaf in leaves:
        leaf.grad = None
    return found
