"""Each domain: its maps lead into it, leave alone what is in it, and have derivatives along it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pytest_autograd.domains import Domain, increasing, orthogonal, simplex, spd, unit_norm
from pytest_autograd.domains.likely import range_of, structural_domain, suggested_domain
from pytest_autograd.domains.named import NAMED, as_domain

ALL = {name: as_domain("interval(-1, 2)" if name == "interval" else name, "x") for name in NAMED}
SMOOTH = {name: domain for name, domain in ALL.items() if domain.retract is not None}


def drawn(kind: str) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    value = torch.randn(4, 4, dtype=torch.float64, generator=generator)
    return {
        "random": value,
        "zeros": 0 * value,
        "ties": torch.full_like(value, 0.75),
        "large": 1e3 * value,
        "float32": value.float(),
    }[kind]


@pytest.mark.parametrize("kind", ["random", "zeros", "ties", "large", "float32"])
@pytest.mark.parametrize("domain", ALL.values(), ids=ALL)
def test_the_nearest_is_inside_and_stays(domain: Domain, kind: str) -> None:
    value = domain.place(drawn(kind))
    assert value.dtype == drawn(kind).dtype
    assert domain.holds(value)
    again = domain.place(value)
    assert torch.allclose(again, value, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("kind", ["random", "large"])
@pytest.mark.parametrize("domain", SMOOTH.values(), ids=SMOOTH)
def test_what_lies_beside_is_brought_back(domain: Domain, kind: str) -> None:
    value = domain.place(drawn(kind))
    moved = value + 1e-3 * value.abs().mean() * drawn("random")
    assert domain.distance(domain.along(moved)) < 1e-12


@pytest.mark.parametrize("kind", ["random", "large"])
@pytest.mark.parametrize("domain", SMOOTH.values(), ids=SMOOTH)
def test_the_map_along_is_the_identity_with_a_derivative(domain: Domain, kind: str) -> None:
    value = domain.place(drawn(kind)).requires_grad_()
    there = domain.along(value)
    assert torch.allclose(there, value, rtol=1e-12, atol=1e-12)
    (gradient,) = torch.autograd.grad((there * drawn("random")).sum(), value)
    step = 1e-6 * value.detach().abs().mean() * drawn("random").roll(1)
    ahead, behind = domain.along(value.detach() + step), domain.along(value.detach() - step)
    slope = ((ahead - behind) * drawn("random")).sum() / 2
    assert float(slope) == pytest.approx(float((gradient * step).sum()), rel=1e-5, abs=1e-15)


@pytest.mark.parametrize("domain", [simplex(0), unit_norm(0), increasing(0)], ids=str)
def test_domains_of_vectors_take_any_axis(domain: Domain) -> None:
    value = domain.place(drawn("random"))
    assert domain.holds(value)
    assert not domain.holds(value.mT)


def test_a_wide_matrix_is_orthogonal_by_its_rows() -> None:
    wide = orthogonal.place(drawn("random")[:2])
    assert torch.allclose(wide @ wide.mT, torch.eye(2, dtype=torch.float64))
    assert torch.allclose(orthogonal.along(wide), wide)


def test_singular_matrices_are_not_positive_definite() -> None:
    assert not spd.holds(torch.zeros(3, 3, dtype=torch.float64))
    assert not spd.holds(-torch.eye(3, dtype=torch.float64))
    assert spd.holds(1e-3 * torch.eye(3, dtype=torch.float64))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("simplex(-1)", drawn("random").softmax(-1)),
        ("simplex(-2)", drawn("random").softmax(-2)),
        ("unit_norm(-1)", torch.nn.functional.normalize(drawn("random"), dim=-1)),
        ("orthogonal", torch.linalg.qr(drawn("random")).Q),
        ("spd", drawn("random") @ drawn("random").mT + torch.eye(4)),
        ("symmetric", drawn("random") + drawn("random").mT),
        ("lower_triangular", drawn("random").tril()),
        ("upper_triangular", drawn("random").triu()),
        ("one_hot(-1)", torch.eye(5, dtype=torch.float64)[[1, 3]]),
        ("permutation(-1)", torch.tensor([2, 0, 3, 1])),
        ("offsets", torch.tensor([0, 3, 5, 9])),
    ],
)
def test_a_value_tells_the_set_it_was_drawn_from(name: str, value: Tensor) -> None:
    assert str(structural_domain(value)) == name
    assert str(suggested_domain(value)) == name


@pytest.mark.parametrize(
    "value",
    [
        *(drawn("random"), drawn("zeros"), drawn("ties"), drawn("random").exp(), torch.ones(4)),
        *(torch.eye(4), torch.diag(torch.tensor([1.0, 2.0, 3.0]))),
    ],
)
def test_other_values_tell_none(value: Tensor) -> None:
    assert structural_domain(value) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("positive", [0.5, 3.0, 1.0, 2.0]),
        ("nonnegative", [0.0, 3.5, 1.0, 2.0]),
        ("interval(0, 1)", [0.3, 0.9, 0.1, 0.2]),
        ("interval(-2, 4)", [-1.5, 3.5, 1.0, 2.0]),
        ("increasing(-1)", [-1.5, 0.5, 1.0, 2.0]),
        ("integers()", [3.0, 1.0, -7.0, 2.0]),
    ],
)
def test_the_narrowest_is_suggested(name: str, value: list[float]) -> None:
    assert str(suggested_domain(torch.tensor(value, dtype=torch.float64))) == name


def test_a_range_needs_one_sign_and_some_elements() -> None:
    positive = range_of(torch.tensor([0.5, 3.0, 1.0, 2.0]))
    assert positive is not None
    assert positive.inside(torch.tensor([-1.0, 0.0, 7.0])).tolist() == [False, False, True]
    assert range_of(torch.tensor([0.5, 3.0, 1.0])) is None
    assert range_of(torch.tensor([0.5, 3.0, -1.0, 2.0])) is None
