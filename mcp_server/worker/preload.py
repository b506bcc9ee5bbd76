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

import mcp_server.isolation.isolate
import mcp_server.worker.answers
import pytest_autograd.checking
import pytest_autograd.report.text
import pytest_autograd.source.propose
from pytest_autograd.registry import all_rules

if sys.platform == "linux":
    import mcp_server.isolation.landlock
    import mcp_server.isolation.namespaces
    import mcp_server.isolation.seccomp

torch.set_num_threads(1)
all_rules()
if "numpy" in sys.modules:
    importlib.import_module("numpy.random")
