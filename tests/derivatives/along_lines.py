"""Functions along a line, as the numeric core sees them."""

from __future__ import annotations

import pytest
import torch

from pytest_autograd.derivatives.finite_differences import EPS, FunctionAlongLine, Samples


def vector(*values):
    """Return the values as one float64 tensor."""
    return torch.tensor(values, dtype=torch.float64)


def close(value, rel=1e-6):
    """Return what equals numbers so close to ``value``, however small it is."""
    return pytest.approx(value, rel=rel, abs=0.0)


def line_of(function, x, along=None, weights=None, precision=EPS):
    """Return ``function`` of one tensor along a line through ``x``; direction and weights are ones if not given."""
    x = torch.as_tensor(x, dtype=None if torch.is_tensor(x) else torch.float64)
    along = torch.ones_like(x) if along is None else along
    output = function(x)
    weights = torch.ones_like(output) if weights is None else weights
    path = Samples(lambda point: [function(point[0])], [x], [along], [output], [output])
    return FunctionAlongLine(path, [weights], precision)


def counted(function):
    """Return ``function`` as a forward of one input, and the list of points that it is asked for."""
    calls = []

    def forward(point):
        calls.append(point)
        return [function(point[0])]

    return forward, calls
