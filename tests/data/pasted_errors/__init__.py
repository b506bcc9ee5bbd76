"""Faulty code, what torch says of it, and the sections or rules that a reader of that message needs."""

from pasted_errors import (  # noqa: F401 - each enters its faults
    graphs_and_dtypes,
    in_place_and_twice,
    returns_and_saving,
    surroundings,
    transforms_and_calls,
)
from pasted_errors._fault import FAULTS, Fault, pasted

__all__ = ["FAULTS", "Fault", "pasted"]
