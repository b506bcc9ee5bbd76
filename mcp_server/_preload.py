"""Everything that a check imports, so that no worker has to: importing is all that happens here.

A process that has run a tensor operation on two threads makes forked children hang; hence one
thread, and no operation at all.
"""

from __future__ import annotations

# ruff: noqa: F401
import importlib
import sys

import sympy
import torch
import torch.autograd.gradcheck
import torch.fx.experimental.symbolic_shapes
import torch.testing
import torch.utils._sympy.functions
import torch.utils.flop_counter

import mcp_server._answers
import mcp_server._isolation
import pytest_autograd._check
import pytest_autograd._propose
import pytest_autograd._render
from pytest_autograd._rule import all_rules

if sys.platform == "linux":
    import mcp_server._landlock
    import mcp_server._namespaces
    import mcp_server._seccomp

torch.set_num_threads(1)
all_rules()
if "numpy" in sys.modules:
    importlib.import_module("numpy.random")
