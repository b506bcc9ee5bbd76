"""What a query is: the words of a reader, and what answers them."""

from __future__ import annotations

import zlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Query:
    """A query, what kind it is, and the ids of which one must be found."""

    text: str
    kind: str
    wanted: tuple[str, ...]
    group: str = ""

    @property
    def held_out(self) -> bool:
        """Whether it is of the third that the index is never tuned on; by a hash of text or group."""
        if self.kind == "report":
            return False
        return zlib.crc32((self.group or self.text).encode()) % 3 == 0
