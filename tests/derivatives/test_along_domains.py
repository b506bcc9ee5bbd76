"""The numbers along a domain, made of those of the function alone, against the function behind the map."""

from __future__ import annotations

import pytest
import torch
from corpus import domains, matrix_domains
from corpus._case import Case

from pytest_autograd.call.declared import along, declared
from pytest_autograd.call.target import make_call
from pytest_autograd.derivatives.along_domains import AlongDomains
from pytest_autograd.derivatives.evaluator import Evaluator
from pytest_autograd.derivatives.tangents import draw_cotangents
from pytest_autograd.options import Options

SMOOTH = {
    name: case
    for name, case in {**domains.CASES, **matrix_domains.CASES}.items()
    if name not in ("fixed_point", "integer_index", "packed_offsets", "permutation_and_inverse")
}


def agree(one, other) -> bool:
    pairs = zip(one, other, strict=True)
    return all(
        (a is None and b is None) or torch.allclose(a, b, rtol=1e-10, atol=1e-12) for a, b in pairs
    )


@pytest.mark.parametrize("case", SMOOTH.values(), ids=SMOOTH)
def test_numbers_along_a_domain_are_those_behind_the_map(case: Case) -> None:
    options = Options(**case.options)
    plain = make_call(case.target, case.inputs(), {})
    behind = Evaluator(along(declared(plain, options.domain or {}, ())), 0)
    made = AlongDomains(Evaluator(plain, 0), options.domain or {})
    point = [x + 1e-3 * torch.ones_like(x) for x in made.point]
    cotangents = draw_cotangents(made.forward(point), 1)
    weights = draw_cotangents(point, 2)
    assert (made.names, made.output_names) == (behind.names, ["output"])
    assert agree(made.forward(point), behind.forward(point))
    assert agree(made.vjp(point, cotangents), behind.vjp(point, cotangents))
    for one, other in zip(
        made.double_vjp(point, cotangents, weights),
        behind.double_vjp(point, cotangents, weights),
        strict=True,
    ):
        assert agree(one, other)
