"""Declarations made in Python: beside the class, or in a conftest."""

from __future__ import annotations

import os
import sys
from typing import Any
from weakref import WeakKeyDictionary

from pytest_autograd.declarations.layer import Layer, layer_of, over
from pytest_autograd.declarations.names import LOCAL, file_of
from pytest_autograd.errors import CheckError

_DECLARED: WeakKeyDictionary[type, Layer] = WeakKeyDictionary()


def declare(function: Any, /, **options: Any) -> None:
    """Declare once what holds for every check of a Function: in tests, in the audit of a suite, on the command line.

    Args:
        function: a ``torch.autograd.Function`` subclass or its ``apply``; what inherits from it is not meant.
        options: those of :func:`pytest_autograd.check`. ``ignore`` takes codes, or the reasons by code:
            ``ignore={"AG207": "kept for the logs"}``. A later declaration of the same Function wins over an earlier
            one, option by option; what is ignored adds up.

    Raises:
        CheckError: it is no Function, or an option is not what it can be; the message names the place.
    """
    from torch.autograd import Function  # whoever has a Function to declare has torch

    frame = sys._getframe(1)
    owner = getattr(function, "__self__", function)
    name = getattr(owner, "__qualname__", repr(owner))
    place = f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"
    where = f"declare({name}) at {place}"
    if not (isinstance(owner, type) and issubclass(owner, Function)):
        raise CheckError(
            f"{where}: name a torch.autograd.Function; a callable has options of its own"
        )
    layer = layer_of(where, options)
    layer.require_sound()
    before = _DECLARED.get(owner)
    if before is not None:
        options = over(before.options, layer.options)
        layer = Layer(where, options, (*before.ignores, *layer.ignores))
    _DECLARED[owner] = layer


def registered(function: type) -> Layer | None:
    """Return what was declared of a Function, or of the same one in another copy of its module."""
    own = _DECLARED.get(function)
    if own is not None or LOCAL in function.__qualname__:
        return own
    file, name = file_of(function), function.__qualname__
    copies = (
        layer
        for other, layer in _DECLARED.items()
        if other.__qualname__ == name
        and other.__module__ != function.__module__
        and file is not None
        and file_of(other) == file
    )
    return next(copies, None)
