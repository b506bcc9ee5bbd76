"""Messages between judge and worker: a length, a JSON header, the raw bytes of tensors.

Nothing is ever unpickled: whoever unpickles runs what the other side wrote.
"""

from __future__ import annotations

import ctypes
import json
import math
import struct
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

MOST_BYTES = 256 << 20
LONGEST_HEADER = 8 << 20
MOST_TENSORS = 10_000
_LENGTH = struct.Struct("<I")
_DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        *(torch.float64, torch.float32, torch.float16, torch.bfloat16),
        *(torch.complex128, torch.complex64, torch.int64, torch.int32, torch.int16, torch.int8),
        *(torch.uint8, torch.bool),
    )
}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}

MaybeTensors = list[Tensor | None]
Message = tuple[dict[str, Any], MaybeTensors]


class Garbled(Exception):
    """What came is no message of this protocol."""


def encode(header: dict[str, Any], tensors: Sequence[Tensor | None] = ()) -> bytes:
    """Return one message; NaN in the header travels as Python's JSON writes it."""
    held = [None if tensor is None else _plain(tensor) for tensor in tensors]
    shapes = [None if t is None else [_NAMES[t.dtype], list(t.shape)] for t in held]
    text = json.dumps({**header, "tensors": shapes}).encode()
    return b"".join([_LENGTH.pack(len(text)), text, *(_raw(t) for t in held if t is not None)])


def _plain(tensor: Tensor) -> Tensor:
    if tensor.dtype not in _NAMES:
        raise TypeError(f"tensors of dtype {tensor.dtype} cannot be sent")
    return tensor.detach().cpu().resolve_conj().resolve_neg().contiguous()


def _raw(tensor: Tensor) -> bytes:
    return ctypes.string_at(tensor.data_ptr(), tensor.nbytes) if tensor.nbytes else b""


class Decoder:
    """Takes bytes as they come and gives the messages that are complete."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._header: dict[str, Any] | None = None
        self._sizes: list[tuple[torch.dtype, list[int], int] | None] = []

    def feed(self, chunk: bytes) -> Iterator[Message]:
        """Yield each message that ``chunk`` completes; raise :class:`Garbled` for what is none."""
        self._held += chunk
        while True:
            if self._header is None and not self._take_header():
                return
            assert self._header is not None
            expected = sum(size[2] for size in self._sizes if size is not None)
            if len(self._held) < expected:
                return
            header, self._header = self._header, None
            yield header, self._take_tensors()

    def _take_header(self) -> bool:
        start = _LENGTH.size
        if len(self._held) < start:
            return False
        (length,) = _LENGTH.unpack_from(self._held)
        if length > LONGEST_HEADER:
            raise Garbled("a header that is too long")
        if len(self._held) < start + length:
            return False
        text = bytes(self._held[start : start + length])
        del self._held[: start + length]
        try:
            header = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise Garbled("a header that is no JSON") from error
        if not isinstance(header, dict):
            raise Garbled("a header that is no object")
        self._sizes = _checked_sizes(header.pop("tensors", None))
        self._header = header
        return True

    def _take_tensors(self) -> MaybeTensors:
        tensors: MaybeTensors = []
        for size in self._sizes:
            if size is None:
                tensors.append(None)
                continue
            dtype, shape, length = size
            if not length:
                tensors.append(torch.empty(shape, dtype=dtype))
                continue
            raw = self._held[:length]
            del self._held[:length]
            tensors.append(torch.frombuffer(raw, dtype=dtype).reshape(shape))
        return tensors


def _checked_sizes(shapes: Any) -> list[tuple[torch.dtype, list[int], int] | None]:
    """Return dtype, shape and length in bytes of each announced tensor, none of them believed."""
    if not isinstance(shapes, list) or len(shapes) > MOST_TENSORS:
        raise Garbled("a header without a list of tensors")
    sizes: list[tuple[torch.dtype, list[int], int] | None] = []
    total = 0
    for each in shapes:
        match each:
            case None:
                sizes.append(None)
                continue
            case [str(name), list(shape)] if name in _DTYPES and len(shape) <= 64:
                pass
            case _:
                raise Garbled("a tensor of no known dtype and shape")
        if not all(type(length) is int and 0 <= length < 1 << 40 for length in shape):
            raise Garbled("a tensor of no possible shape")
        size = math.prod(shape) * _DTYPES[name].itemsize
        total += size
        if total > MOST_BYTES:
            raise Garbled(f"more than {MOST_BYTES >> 20} MB of tensors")
        sizes.append((_DTYPES[name], shape, size))
    return sizes
