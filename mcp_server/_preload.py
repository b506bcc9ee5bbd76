"""Everything that a check imports, so that no worker has to: importing is all that happens here.

A process that has run a tensor operation on two threads makes forked children hang; hence one
thread, and no operation at all.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys

import sympy  # noqa: F401
import torch
import torch.autograd.gradcheck
import torch.fx.experimental.symbolic_shapes
import torch.testing
import torch.utils._sympy.functions
import torch.utils.flop_counter

import mcp_server
import pytest_autograd
from pytest_autograd._rule import all_rules

_NOT_NEEDED = ("plugin", "_cli", "_marked_test", "__main__", "_zygote", "_preload")


def _import_all() -> None:
    """Import every module of ours that a worker or a judge may want; the server's need the SDK."""
    for entry in pkgutil.iter_modules(pytest_autograd.__path__):
        if entry.name not in _NOT_NEEDED:
            importlib.import_module(f"{pytest_autograd.__name__}.{entry.name}")
    for name in ("_answers", "_worker", "_isolation", "_landlock", "_seccomp", "_namespaces"):
        if sys.platform == "linux" or name not in ("_landlock", "_seccomp", "_namespaces"):
            importlib.import_module(f"{mcp_server.__name__}.{name}")
    all_rules()
    if "numpy" in sys.modules:
        importlib.import_module("numpy.random")


torch.set_num_threads(1)
_import_all()
