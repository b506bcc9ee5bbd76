"""What to declare where an author's callers never pass such inputs: the line to paste."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytest_autograd.call.call import Call
from pytest_autograd.domains.domain import Domain, declaration
from pytest_autograd.domains.likely import suggested_domain

MOST = 3  # arguments that one line names


def declare_where(call: Call, likely: Mapping[str, Domain], names: Sequence[str] = ()) -> str:
    """Return the sentence that offers ``domain=`` and ``keep=`` for arguments, all of them if none is named."""
    slots = [call.slots[i] for i in call.differentiated]
    chosen = [slot for slot in slots if slot.name in names] or slots
    offered = {
        slot.name: likely.get(slot.name) or suggested_domain(slot.value)
        for slot in chosen[:MOST]
        if slot.domain is None
    }
    kept = ", ".join(f'"{slot.name}"' for slot in chosen[:MOST])
    domain = f"where they live, such as domain={declaration(offered)}, or " if offered else ""
    return f"If callers never pass such inputs, declare {domain}what is not varied, keep=({kept},)."


def keep_size(call: Call, size: int) -> str:
    """Return the sentence that offers ``keep=`` for a size."""
    names = [
        f'"{slot.name}.shape[{axis}]"'
        for slot in call.slots
        for axis, length in enumerate(slot.value.shape)
        if length == size
    ]
    which = f"keep=({names[0]},)" if names else "keep="
    return f"If callers never pass such sizes, declare {which}: it is not varied then."


def keep_option(name: str) -> str:
    """Return the sentence that offers ``keep=`` for an option."""
    return f'If callers never pass that, declare keep=("{name}",): it is not varied then.'
