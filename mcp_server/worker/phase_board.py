"""Where the phase stands that is running: memory that judge and worker share.

The phase changes at every call of the Function, hundreds of times in a check; a message each time
made a full check half as long again.
"""

from __future__ import annotations

import mmap

_SIZE = 40


class PhaseBoard:
    """One short text. A forked worker writes to the memory of its judge, which only reads it."""

    def __init__(self, text: str) -> None:
        self._memory = mmap.mmap(-1, _SIZE)
        self.write(text)

    def write(self, text: str) -> None:
        """Put up another text."""
        self._memory[:] = text.encode(errors="replace")[:_SIZE].ljust(_SIZE, b"\0")

    def read(self) -> str:
        """Return the text; whoever wrote it may not be believed."""
        return self._memory[:].rstrip(b"\0").decode(errors="replace")

    def close(self) -> None:
        """Let go of the memory."""
        self._memory.close()
