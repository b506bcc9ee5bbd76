"""The same call with axes added, taken away or broadcast, and packed batches cut otherwise."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from pytest_autograd.call.call import Call, differentiable
from pytest_autograd.call.other_constants import Change
from pytest_autograd.call.variants import are_offsets, resized

BATCH = 2


def other_ranks(call: Call, seed: int) -> Iterator[tuple[Change, Call]]:
    """Yield (description, call) with a leading axis more or less in the first tensor, or one argument broadcast.

    Forward decides whether it takes them.
    """
    floats = [i for i, slot in enumerate(call.slots) if differentiable(slot.value)]
    if not floats or call.shared:
        return
    generator = torch.Generator().manual_seed(seed)
    values = [slot.value for slot in call.slots]
    first = next((i for i in floats if call.slots[i].parameter is None), floats[0])
    alike = [i for i in floats if values[i].shape == values[first].shape]
    name = call.slots[first].name
    which = " and ".join(call.slots[i].name for i in alike)
    if values[first].dim() and len(values[first]):
        yield (
            Change(name, f"with an axis less in {which}"),
            _replaced(call, {i: values[i][0] for i in alike}),
        )
    more = {i: _stacked(values[i], generator) for i in alike}
    yield Change(name, f"with an axis more in {which}"), _replaced(call, more)
    for i in (i for i in floats if i != first):
        for axis, length in enumerate(values[i].shape):
            if length > 1:
                narrow = values[i].narrow(axis, 0, 1)
                where = f"with {call.slots[i].name} broadcast along axis {axis}"
                yield Change(call.slots[i].name, where), _replaced(call, {i: narrow})


def packed_batches(call: Call) -> Iterator[tuple[Change, Call]]:
    """Yield (description, call) with the offsets of a packed batch, such as ``[0, 3, 7]``, moved with its size."""
    for i, slot in enumerate(call.slots):
        offsets = slot.value
        if not are_offsets(offsets):
            continue
        total = int(offsets[-1])
        sizes = {n for other in call.slots for n in other.value.shape[:1] if other is not slot}
        if total not in sizes:
            continue
        longest = int((offsets[1:] - offsets[:-1]).argmax())
        middle = (offsets[longest : longest + 1] + offsets[longest + 1 : longest + 2]) // 2
        cut = torch.cat([offsets[: longest + 1], middle, offsets[longest + 1 :]])
        if len(cut.unique()) == len(cut):
            yield Change(slot.name, f"with {slot.name}={cut.tolist()}"), _replaced(call, {i: cut})
        slack = offsets.clone()
        slack[-1] = total - 1
        if total - 1 > int(offsets[-2]):
            yield (
                Change(slot.name, f"with {slot.name}={slack.tolist()}"),
                _replaced(call, {i: slack}),
            )
        grown = offsets.clone()
        grown[-1] = total + 1
        larger = resized(call, total, total + 1)
        yield Change(slot.name, f"with {slot.name}={grown.tolist()}"), _replaced(larger, {i: grown})


def _stacked(value: Tensor, generator: torch.Generator) -> Tensor:
    """Return the tensor and another like it as a batch."""
    noise = torch.rand(value.shape, generator=generator).to(value.device, value.real.dtype)
    return torch.stack([value, value * (0.5 + noise)])


def _replaced(call: Call, values: dict[int, Tensor]) -> Call:
    return call.with_values([values.get(i, slot.value) for i, slot in enumerate(call.slots)])
