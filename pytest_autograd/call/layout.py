"""How the tensors of a call lie in memory, so that its copies lie alike: views of one buffer stay views of one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pytest_autograd.call.tensors import memory, overlap

MOST_LOOKED_AT = 2**20  # elements of tensors whose overlap is looked for
MOST_WASTE = 16  # elements of a buffer for each that is used
ALIGNED = 64


@dataclass(frozen=True)
class Layout:
    """Where a tensor lay: in which buffer, from which element, with which strides.

    ``is_view``: it was a view within a graph, whose ``_base`` can be asked for.
    """

    buffer: int
    size: torch.Size
    stride: tuple[int, ...]
    offset: int
    is_view: bool

    @property
    def end(self) -> int:
        """The place behind the last element."""
        steps = zip(self.size, self.stride, strict=True)
        return self.offset + sum((n - 1) * step for n, step in steps) + 1

    def within(self, buffer: Tensor) -> Tensor:
        """Return the tensor of this layout in ``buffer``."""
        return buffer.as_strided(self.size, self.stride, self.offset)


def layouts_of(tensors: Sequence[Tensor]) -> list[Layout | None]:
    """Return the layout of each tensor, None where a plain copy does.

    A tensor whose elements lie on each other, or on those of one before it, is copied plainly too: in a copy, each
    element has to take a value of its own.
    """
    layouts: list[Layout | None] = [None] * len(tensors)
    buffers: dict[tuple[int, torch.dtype], list[int]] = defaultdict(list)
    for i, tensor in enumerate(tensors):
        if _is_simple(tensor):
            mates = buffers[memory(tensor), tensor.dtype]
            if not any(_overlap(tensor, tensors[j]) for j in mates):
                mates.append(i)
    for (buffer, _), places in buffers.items():
        found = [_layout(tensors[i], buffer) for i in places]
        if len(found) == 1 and _is_plain(tensors[places[0]]):
            continue
        for i, layout in zip(places, _moved_to_the_front(found), strict=True):
            layouts[i] = layout
    return layouts


def lay(layouts: Sequence[Layout | None], tensors: list[Tensor]) -> list[Tensor]:
    """Return the tensors laid out in memory so, with their history; those of another size than then as they are."""
    buffers: dict[tuple[int, torch.dtype], list[int]] = defaultdict(list)
    for i, (layout, tensor) in enumerate(zip(layouts, tensors, strict=True)):
        if layout is not None and layout.size == tensor.shape:
            buffers[layout.buffer, tensor.dtype].append(i)
    laid = list(tensors)
    for places in buffers.values():
        members = [(i, layout) for i in places if (layout := layouts[i]) is not None]
        common = tensors[places[0]].detach().new_zeros(max(layout.end for _, layout in members))
        for i, layout in members:
            layout.within(common).copy_(tensors[i].detach())
        for i, layout in members:
            laid[i] = _placed(tensors[i], layout, common)
    return laid


def _placed(tensor: Tensor, layout: Layout, buffer: Tensor) -> Tensor:
    """Return the tensor in the memory of ``buffer``, which holds its values; a view of a base where it was one.

    Each view has a base of its own in that memory: the engine would make zeros for one of a common base where
    backward has no gradient for it, and None is another answer.
    """
    if not (layout.is_view and tensor.requires_grad):
        tensor.data = layout.within(buffer)
        return tensor
    base = torch.zeros_like(buffer)
    layout.within(base).copy_(tensor)
    base.data = buffer
    return layout.within(base)


def _is_simple(tensor: Tensor) -> bool:
    return tensor.layout == torch.strided and bool(memory(tensor)) and not _overlaps_itself(tensor)


def _is_plain(tensor: Tensor) -> bool:
    is_view = tensor._is_view() and not tensor.is_leaf
    return tensor.is_contiguous() and not tensor.storage_offset() and not is_view


def _layout(tensor: Tensor, buffer: int) -> Layout:
    is_view = tensor._is_view() and not tensor.is_leaf
    return Layout(buffer, tensor.shape, tensor.stride(), int(tensor.storage_offset()), is_view)


def _overlaps_itself(tensor: Tensor) -> bool:
    """Whether two elements may lie at one place: an axis steps less far than the axes within it reach."""
    reach = 0
    for step, size in sorted(zip(tensor.stride(), tensor.shape, strict=True)):
        if size > 1 and step <= reach:
            return True
        reach += (size - 1) * step
    return not tensor.numel()


def _overlap(one: Tensor, other: Tensor) -> bool:
    small = max(one.numel(), other.numel()) <= MOST_LOOKED_AT
    return not small or overlap(one, other)


def _moved_to_the_front(layouts: Sequence[Layout]) -> list[Layout] | list[None]:
    """Return the layouts in a buffer that is not much larger than they need, or none where they lie far apart."""
    used = sum(layout.size.numel() for layout in layouts)
    most = MOST_WASTE * used + ALIGNED
    start = min(layout.offset for layout in layouts)
    end = max(layout.end for layout in layouts)
    if end <= most:
        return list(layouts)
    if end - start + ALIGNED > most:
        return [None] * len(layouts)
    shift = start - start % ALIGNED
    return [replace(layout, offset=layout.offset - shift) for layout in layouts]
