"""Random streams: reseeded before each call of the checked code, put back afterwards."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def reseed(seed: int, torch_only: bool = False) -> None:
    """Seed torch and, unless ``torch_only``, ``random`` and NumPy: so a stochastic forward repeats itself.

    Not by ``torch.manual_seed``: for each backend that is not initialised it keeps a stack trace, a millisecond a call.
    """
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)
    if torch_only:
        return
    random.seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed % 2**32)


def drew_since(seed: int) -> bool:
    """Whether ``random`` or NumPy's global stream gave numbers since :func:`reseed`; their next ones are used up.

    To compare those is far cheaper than to compare states.
    """
    now = _next_numbers()
    reseed(seed)
    return now != _next_numbers()


def _next_numbers() -> tuple[float, float]:
    numpy = sys.modules.get("numpy")
    return random.random(), 0.0 if numpy is None else numpy.random.random_sample()


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
