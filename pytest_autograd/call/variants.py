"""The same call elsewhere: other magnitudes and signs, random values, repeated indices, other sizes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from pytest_autograd.call.call import Call, differentiable, parameter_names
from pytest_autograd.call.size_relations import Relation, tied_sizes
from pytest_autograd.call.slot import Slot
from pytest_autograd.call.target import defines_setup_context, function_call

SIZES = (1, 3, 7, 33, 130)
TIED_SIZES = (1, 3, 6, 9, 33)
MOST_ELEMENTS = 60_000


def other_points(call: Call, seed: int) -> Iterator[tuple[str, Call]]:
    """Yield (description, call) with other values of the same sizes."""
    generator = torch.Generator().manual_seed(seed)
    for factor in (10.0, -1.0, 0.1, -10.0, 100.0):
        yield f"at {factor:g} x the inputs", _mapped(call, lambda x, f=factor: x * f)
    yield (
        "at mixed magnitudes",
        _mapped(call, lambda x: x * 10 ** _uniform(x, -2.0, 2.0, generator)),
    )
    yield "at the inputs plus 5", _mapped(call, lambda x: x + 5)
    yield "at random inputs", _mapped(call, lambda x: _normal(x, generator))
    repeated = _repeated_indices(call, generator)
    if repeated is not None:
        yield "with repeated indices", repeated


def _numbers_as_tensors(call: Call) -> Iterator[tuple[str, Call]]:
    """Yield the call with each Python float of a Function turned into a tensor that wants a gradient."""
    if call.function is None:
        return
    args, kwargs = call.rebuild([slot.value for slot in call.slots])
    for i, value in enumerate(args):
        if type(value) is float:
            given = [*args[:i], torch.tensor(value, dtype=torch.float64), *args[i + 1 :]]
            names = parameter_names(
                call.function.forward, 1 - defines_setup_context(call.function), len(given)
            )
            wanted = {slot.name for slot in call.slots if slot.differentiated} | {names[i]}
            links = {s.position: s.shared for s in call.slots if s.shared is not None}
            yield (
                f"with {names[i]} as a tensor",
                function_call(call.function, given, kwargs, wanted, links),
            )


def special_points(call: Call) -> Iterator[tuple[str, Call]]:
    """Yield (description, call) where kinks and ties are likely, and with numbers passed as tensors.

    At a kink two right gradients may differ, so these are for the judge, who knows kinks, not for contracts.
    """
    yield "at zero", _mapped(call, torch.zeros_like)
    yield "at equal inputs (ties)", _mapped(call, lambda x: torch.full_like(x, 0.75))
    yield "at inputs on a grid", _mapped(call, _on_grid)
    yield from _numbers_as_tensors(call)
    yield from _passed_twice(call)


def _passed_twice(call: Call) -> Iterator[tuple[str, Call]]:
    """Yield the call with one tensor in two places, where it was made so: its gradient is the sum of both."""
    places = {slot.name: i for i, slot in enumerate(call.slots)}
    for i, slot in enumerate(call.slots):
        if slot.twin is None or slot.shared is not None:
            continue
        first = places[slot.twin]

        def rebuild(tensors: Sequence[Tensor], i: int = i, first: int = first) -> Any:
            return call.rebuild([*tensors[:i], tensors[first], *tensors[i:]])

        slots = (*call.slots[:i], *call.slots[i + 1 :])
        yield (
            f"with one tensor for {slot.twin} and {slot.name}",
            replace(call, slots=slots, rebuild=rebuild),
        )


@dataclass(frozen=True)
class Resize:
    """Axes of length ``old`` made ``new`` long; ``batch_only``: the first axes alone.

    ``also``: a size that seems tied to it, and what it was made. ``alone``: such a size was left as it was.
    """

    old: int
    new: int
    batch_only: bool = False
    also: tuple[int, int] | None = None
    alone: bool = False

    @property
    def makes_odd(self) -> bool:
        """Whether an even size is made odd: halves and pairs have no meaning then."""
        changes = ((self.old, self.new), *([self.also] if self.also else []))
        return any(old % 2 == 0 and new % 2 == 1 < new for old, new in changes)

    def __str__(self) -> str:
        what = "a batch of" if self.batch_only else "size"
        also = f" and {self.also[1]} in place of {self.also[0]}" if self.also else ""
        return f"with {what} {self.new} in place of {self.old}{also}"


def other_sizes(call: Call, seed: int) -> Iterator[tuple[Resize, Call]]:
    """Yield (change, call) with one dimension size of the tensors changed wherever it occurs.

    Equal sizes are one symbol and change together, since most often they must match. Size 1 is left alone: it
    broadcasts. Sizes that may be tied, such as cells and edges, change alone and together.
    """
    generator = torch.Generator().manual_seed(seed)
    sizes = sizes_to_change(call)
    for size in sizes:
        ties = list(tied_sizes(size, sizes))
        alone = bool(ties) or any(size in dict(tied_sizes(n, sizes)) for n in sizes)
        for new in dict.fromkeys((*(n for n in SIZES if n != size), size + 1)):
            if elements(call, size, new) <= MOST_ELEMENTS:
                yield Resize(size, new, alone=alone), resized(call, size, new, generator)
        for other, tie in ties:
            yield from _tied_sizes_changed(call, size, other, tie, generator)
    yield from _larger_batch(call, generator)


def _tied_sizes_changed(
    call: Call, size: int, other: int, tie: Relation, generator: torch.Generator
) -> Iterator[tuple[Resize, Call]]:
    for new in TIED_SIZES:
        far = tie(new)
        if (
            new != size
            and far > 0
            and elements(call, max(size, other), max(new, far)) <= MOST_ELEMENTS
        ):
            change = Resize(size, new, also=(other, far))
            yield change, resized_together(call, change, generator)


def resized_together(call: Call, change: Resize, generator: torch.Generator | None = None) -> Call:
    """Return the call with two sizes changed, which may swap places."""
    if change.also is None:
        return resized(call, change.old, change.new, generator)
    other, far = change.also
    unused = 1 + max(n for slot in call.slots for n in (*slot.value.shape, change.new, far))
    moved = resized(call, other, unused, generator)
    return resized(resized(moved, change.old, change.new, generator), unused, far, generator)


def _larger_batch(call: Call, generator: torch.Generator) -> Iterator[tuple[Resize, Call]]:
    """Yield the call with a batch of one made larger, in all tensors whose first axis is one.

    The new size occurs nowhere else, so that forward refuses it where the axis was there to be broadcast.
    """
    first = call.slots[0].value
    if first.dim() < 2 or first.shape[0] != 1 or not differentiable(first):
        return
    taken = {n for slot in call.slots for n in slot.value.shape}
    new = next(n for n in (3, 5, *range(7, 7 + len(taken) + 1)) if n not in taken)
    values = [
        _resized_axis(slot.value, 0, new, generator)
        if slot.value.shape[:1] == (1,) and (slot.value.dim() > 1 or _is_index(slot))
        else slot.value
        for slot in call.slots
    ]
    yield Resize(1, new, batch_only=True), call.with_values(values)


def elements(call: Call, size: int, new: int) -> int:
    """Return how many elements all tensors would have with each axis of length ``size`` made ``new`` long."""
    shapes = [slot.value.shape for slot in call.slots]
    return sum(math.prod(new if n == size else n for n in shape) for shape in shapes)


def sizes_to_change(call: Call) -> list[int]:
    """Return the sizes that may change: all but 1, those of indices tied to something and of a module's own tensors."""
    fixed = {n for tensor in call.shared for n in tensor.shape}
    if _indices_are_tied(call):
        fixed |= {n for slot in call.slots if _is_index(slot) for n in slot.value.shape}
    return sorted(
        {n for slot in call.slots for n in slot.value.shape if n > 1} - fixed - call.kept_sizes
    )


def resized(call: Call, size: int, new: int, generator: torch.Generator | None = None) -> Call:
    """Return the call with each axis of length ``size`` made ``new`` long, in all tensors."""
    generator = generator or torch.Generator().manual_seed(size)
    return call.with_values([_resized(slot, size, new, generator) for slot in call.slots])


def _mapped(call: Call, change: Callable[[Tensor], Tensor]) -> Call:
    return call.with_values(
        [change(slot.value) if slot.differentiated else slot.value for slot in call.slots]
    )


def _on_grid(x: Tensor) -> Tensor:
    if x.is_complex():
        return torch.view_as_complex(_on_grid(torch.view_as_real(x.resolve_conj())))
    return (2 * x).round() / 2


def _uniform(x: Tensor, low: float, high: float, generator: torch.Generator) -> Tensor:
    drawn = torch.rand(x.shape, generator=generator, dtype=torch.float64) * (high - low) + low
    return drawn.to(device=x.device, dtype=x.real.dtype if x.is_complex() else x.dtype)


def _normal(x: Tensor, generator: torch.Generator) -> Tensor:
    drawn = torch.randn(x.shape, generator=generator, dtype=torch.float64)
    if x.is_complex():
        drawn = torch.complex(drawn, torch.randn(x.shape, generator=generator, dtype=torch.float64))
    return drawn.to(device=x.device, dtype=x.dtype)


def _repeated_indices(call: Call, generator: torch.Generator) -> Call | None:
    """Return the call with indices drawn again with replacement, None where they seem tied to something."""
    places = [i for i, slot in enumerate(call.slots) if _is_index(slot)]
    if not places or _indices_are_tied(call) or call.slots[places[0]].value.numel() < 2:
        return None
    index = call.slots[places[0]].value
    flat = index.reshape(-1)
    drawn = torch.randint(0, flat.numel(), flat.shape, generator=generator).to(flat.device)
    drawn[1] = drawn[0]
    values = [slot.value for slot in call.slots]
    values[places[0]] = flat[drawn].reshape(index.shape)
    return call.with_values(values)


def _indices_are_tied(call: Call) -> bool:
    """Whether the integer tensors may be tied by a precondition: several of them, a permutation, offsets."""
    indices = [slot.value for slot in call.slots if _is_index(slot) and slot.value.numel() > 1]
    tied = any(_is_permutation(index) or are_offsets(index) for index in indices)
    return len(indices) > 1 or tied


def are_offsets(tensor: Tensor) -> bool:
    """Whether an index tensor holds offsets: from zero, increasing."""
    if differentiable(tensor) or tensor.dtype == torch.bool or tensor.dim() != 1 or len(tensor) < 2:
        return False
    return int(tensor[0]) == 0 and bool((tensor[1:] > tensor[:-1]).all())


def _is_permutation(index: Tensor) -> bool:
    sorted_rows = index.sort(dim=-1).values
    return bool((sorted_rows == torch.arange(index.shape[-1], device=index.device)).all())


def _is_index(slot: Slot) -> bool:
    kind = slot.value.dtype
    return not (kind.is_floating_point or kind.is_complex or kind == torch.bool)


def _resized(slot: Slot, size: int, new: int, generator: torch.Generator) -> Tensor:
    """Return the tensor with each axis of length ``size`` made ``new`` long."""
    value = slot.value
    for axis, length in enumerate(slot.value.shape):
        if length == size:
            value = _resized_axis(value, axis, new, generator)
    return value


def _resized_axis(value: Tensor, axis: int, new: int, generator: torch.Generator) -> Tensor:
    """Return the tensor with one axis made ``new`` long, by repeating its entries in order.

    Repeated floating entries are moved apart a little, so that no ties are made.
    """
    length = value.shape[axis]
    grown = value.index_select(axis, torch.arange(new, device=value.device) % length)
    if new > length and grown.is_floating_point():
        grown = grown * (1 + 0.1 * _uniform(grown, -1.0, 1.0, generator))
    return grown
