"""Random streams: reseeded before each call of the checked code, put back afterwards."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def reseed(seed: int) -> None:
    """Seed torch, ``random`` and, if it is loaded, NumPy, so that a stochastic forward repeats itself."""
    torch.manual_seed(seed)
    random.seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed % 2**32)


@contextmanager
def streams_kept() -> Iterator[None]:
    """Leave every global random stream as it was found."""
    python_state = random.getstate()
    numpy_state = sys.modules["numpy"].random.get_state() if "numpy" in sys.modules else None
    with torch.random.fork_rng():
        try:
            yield
        finally:
            random.setstate(python_state)
            if numpy_state is not None:
                sys.modules["numpy"].random.set_state(numpy_state)
