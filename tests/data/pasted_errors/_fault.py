"""What a fault is, how it is entered among them, and what a user pastes of it."""

from __future__ import annotations

import sys
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.autograd import Function


@dataclass(frozen=True)
class Fault:
    """Code that raises or warns, the core of its message, and the ids of which one answers it."""

    run: Callable[[], object]
    phrase: str
    wanted: tuple[str, ...]


FAULTS: list[Fault] = []


def says(phrase: str, *wanted: str) -> Callable[[Callable[[], object]], Callable[[], object]]:
    """Enter the decorated code among the faults."""

    def enter(run: Callable[[], object]) -> Callable[[], object]:
        FAULTS.append(Fault(run, phrase, wanted))
        return run

    return enter


def pasted(fault: Fault) -> tuple[str, str]:
    """Run the code, and return what a user may paste: the message alone, and the whole traceback."""
    torch.manual_seed(0)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            fault.run()
        except Exception as error:
            message, whole = f"{type(error).__name__}: {error}", traceback.format_exc()
        else:
            (message,) = {f"{each.category.__name__}: {each.message}" for each in warned}
            whole = message
    return _as_of_a_user(message, fault), _as_of_a_user(whole, fault)


def _as_of_a_user(text: str, fault: Fault) -> str:
    """Replace the names of files, modules and functions here, which would give the answer away."""
    module, name = fault.run.__module__, fault.run.__name__
    files = (str(sys.modules[module].__file__), __file__)
    names = {f"{name}.<locals>.": "", name: "step", module: "train", __name__: "train"}
    for name, instead in {**dict.fromkeys(files, "train.py"), **names}.items():
        text = text.replace(name, instead)
    return text


def points() -> torch.Tensor:
    return torch.randn(4, 3, dtype=torch.float64, requires_grad=True)


class Square(Function):
    """Right; the faulty ones below change one thing each."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 2 * x * grad_output
