"""Tangents and cotangents: how they pair, in what bounds they are drawn, and in what scale a point is moved."""

from __future__ import annotations

import pytest
import torch
from along_lines import close, vector

from pytest_autograd.derivatives.tangents import (
    beside,
    direction,
    draw_cotangents,
    inner,
    signed_bounded,
    size,
)

MANY = 2000


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def complexes(*values):
    return torch.tensor(values, dtype=torch.complex128)


@pytest.mark.parametrize(
    ("left", "right", "product", "typical"),
    [
        ([vector(1.0, 2.0)], [vector(3.0, -4.0)], -5.0, 73**0.5),
        ([vector(1.0), vector(2.0)], [vector(3.0), vector(4.0)], 11.0, 73**0.5),
        ([None, vector(2.0)], [vector(3.0), vector(4.0)], 8.0, 8.0),
        ([None], [vector(3.0)], 0.0, 0.0),
        ([], [], 0.0, 0.0),
        ([complexes(1 + 2j)], [complexes(3 - 4j)], -5.0, 125**0.5),
        ([complexes(1j)], [complexes(1j)], 1.0, 1.0),
        ([vector(2.0)], [complexes(3 - 4j)], 6.0, 10.0),
        ([complexes(3 - 4j)], [vector(2.0)], 6.0, 10.0),
        ([vector(1.0, 2.0).view(2, 1)], [vector(3.0, 4.0).view(1, 2)], 11.0, 73**0.5),
    ],
)
def test_inner_and_size(left, right, product, typical):
    assert inner(left, right) == product
    assert size(left, right) == close(typical, rel=1e-14)


def test_inner_and_size_are_summed_in_float64():
    many = [torch.full((3,), 0.1, dtype=torch.float32)]
    tenth = torch.tensor(0.1, dtype=torch.float32).double().item()
    assert inner(many, many) == close(3 * tenth**2, rel=1e-14)
    assert size(many, many) == close(3**0.5 * tenth**2, rel=1e-14)


def test_inner_refuses_lists_of_different_length():
    with pytest.raises(ValueError, match="zip"):
        inner([vector(1.0)], [])


def halves(tensor):
    """Return the real numbers that were drawn for a tensor."""
    return torch.view_as_real(tensor) if tensor.is_complex() else tensor


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.complex128])
def test_drawn_values_fill_their_bounds_with_both_signs(dtype):
    (drawn,) = signed_bounded([torch.empty(MANY, dtype=dtype)], seeded())
    assert (drawn.dtype, drawn.shape) == (dtype, (MANY,))
    values = halves(drawn).double()
    assert 0.5 <= values.abs().min() < 0.51
    assert 1.49 < values.abs().max() <= 1.5
    assert 0.45 < (values > 0).double().mean() < 0.55
    assert 0.98 < values.abs().mean() < 1.02


def test_drawing_is_determined_by_the_seed_and_goes_on():
    like = [vector(0.0, 0.0), torch.zeros(3, dtype=torch.float32)]
    generator = seeded(5)
    first, second = signed_bounded(like, generator), signed_bounded(like, generator)
    again = signed_bounded(like, seeded(5))
    for one, other, same in zip(first, second, again, strict=True):
        assert torch.equal(one, same)
        assert not torch.equal(one, other)
    for drawn, same in zip(draw_cotangents(like, 5), again, strict=True):
        assert torch.equal(drawn, same)
    assert not torch.equal(draw_cotangents(like, 6)[0], again[0])


@pytest.mark.parametrize(
    ("x", "scale"),
    [
        (vector(0.0, 0.0), [1e-2, 1e-2]),
        (vector(1e-5, 0.0), [1e-2, 1e-2]),
        (vector(0.3, 0.4), [0.125**0.5, 0.4]),
        (vector(0.0, -0.5), [0.125**0.5, 0.5]),
        (vector(1e6, 0.0, -30.0), [1e6, 1.0, 30.0]),
        (vector(2.0).view(()), 2.0),
        (complexes(3 - 4j, 0), [5.0, 1.0]),
        (vector(), []),
        (vector(0.3, -torch.inf, 0.4, torch.nan), [0.125**0.5, 0.0, 0.4, 0.0]),
        (vector(torch.inf), [0.0]),
    ],
    ids=[
        "zero",
        "tiny",
        "typical",
        "one-zero",
        "large",
        "scalar",
        "complex",
        "empty",
        "masked",
        "all-masked",
    ],
)
def test_direction_is_in_the_scale_of_the_point(x, scale):
    (along,) = direction([x], seeded(3))
    (drawn,) = signed_bounded([x], seeded(3))
    assert (along.shape, along.dtype) == (x.shape, x.dtype)
    assert torch.allclose(along, drawn * torch.tensor(scale, dtype=torch.float64), rtol=1e-15)


def test_each_input_has_a_scale_of_its_own():
    large, small = direction([vector(1e6), vector(0.0)], seeded())
    assert 0.5e6 <= large.abs().item() <= 1.5e6
    assert 0.5e-2 <= small.abs().item() <= 1.5e-2


@pytest.mark.parametrize("by", [0.01, -0.5])
def test_beside_is_so_many_directions_away(by):
    point = [vector(0.3, -40.0), complexes(2j)]
    moved = beside(point, by, seeded(7))
    for x, u, y in zip(point, direction(point, seeded(7)), moved, strict=True):
        assert torch.equal(y, x + by * u)
        assert not torch.equal(y, x)
