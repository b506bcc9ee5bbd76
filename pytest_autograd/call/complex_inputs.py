"""The same call on complex inputs, where the author's code shows that it knows of them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from pytest_autograd.call.call import Call
from pytest_autograd.call.intercept import VJP_METHODS
from pytest_autograd.call.other_constants import Change
from pytest_autograd.places import parsed, unwrap

#: Names that only code for complex numbers has a use for.
WORDS = frozenset(
    (
        *("conj", "conj_physical", "resolve_conj", "is_complex", "mH", "H", "adjoint", "vdot"),
        *("complex64", "complex128", "cfloat", "cdouble", "view_as_complex"),
    )
)


def complex_inputs(call: Call, seed: int) -> Iterator[tuple[Change, Call]]:
    """Yield the call with an imaginary part for each differentiated input, if its code knows of complex numbers."""
    moved = [call.slots[i].value for i in call.differentiated]
    if call.function is None or call.shared or any(x.is_complex() for x in moved):
        return
    if any(_knows_complex(getattr(call.function, name)) for name in VJP_METHODS):
        generator = torch.Generator().manual_seed(seed)
        values = call.filled([_complex(x, generator) for x in moved])
        name = call.slots[call.differentiated[0]].name
        described = Change(name, "at complex inputs", made_up=True, clears=True)
        yield described, call.with_values(values)


def _complex(x: Tensor, generator: torch.Generator) -> Tensor:
    drawn = torch.randn(x.shape, generator=generator, dtype=torch.float64)
    return torch.complex(x.detach(), drawn.to(x.device, x.dtype))


def _knows_complex(code: Any) -> bool:
    source = parsed(unwrap(code))
    nodes = ast.walk(source[0]) if source is not None else ()
    return any(isinstance(node, ast.Attribute) and node.attr in WORDS for node in nodes)
