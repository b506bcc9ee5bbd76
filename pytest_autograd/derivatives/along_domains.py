"""The numbers of a function along the sets that its arguments live in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from pytest_autograd.derivatives.compare import MaybeTensors
from pytest_autograd.derivatives.oracle import GradientOracle
from pytest_autograd.derivatives.verdicts import FirstOrder
from pytest_autograd.domains.domain import Domain, declaration
from pytest_autograd.errors import NotApplicable


class AlongDomains:
    """The function after the map ``P`` that brings each argument into its domain: ``f(P(x))`` and its derivatives.

    Only numbers of ``f`` are asked for; the derivatives of ``P`` are autograd's, so that a judge who does not have the
    code can compare along a domain too. With ``w`` for the weights and ``J`` for the Jacobian of ``P``, the VJP is
    ``J' vjp(P(x), v)``, and the derivative of ``<w, J' g(P(x), v)>`` by ``x`` is ``J' d<Jw, g>`` plus that of
    ``<w, J' g>`` with ``g`` fixed.
    """

    def __init__(self, inner: GradientOracle, domains: Mapping[str, Domain]) -> None:
        self.inner, self.domains = inner, domains

    @property
    def point(self) -> list[Tensor]:
        """The differentiated values as given."""
        return self.inner.point

    @property
    def names(self) -> list[str]:
        """Names of the differentiated arguments."""
        return self.inner.names

    @property
    def output_names(self) -> list[str]:
        """Names of the differentiable outputs."""
        return self.inner.output_names

    def forward(self, point: Sequence[Tensor]) -> list[Tensor]:
        """Return the outputs at the point brought into the domains."""
        return self.inner.forward([x.detach() for x in self._mapped(point)])

    def vjp(self, point: Sequence[Tensor], cotangents: Sequence[Tensor | None]) -> MaybeTensors:
        """Return the gradients along the domains."""
        leaves, there = self._leaves(point)
        found = self.inner.vjp([x.detach() for x in there], cotangents)
        return [_pulled(x, y, g) for x, y, g in zip(leaves, there, found, strict=True)]

    def vjps(
        self, point: Sequence[Tensor], several: Sequence[Sequence[Tensor]]
    ) -> list[MaybeTensors]:
        """Return :meth:`vjp` at one point for each of several lists of cotangents."""
        leaves, there = self._leaves(point)
        found = self.inner.vjps([x.detach() for x in there], several)
        return [
            [_pulled(x, y, g) for x, y, g in zip(leaves, there, each, strict=True)]
            for each in found
        ]

    def double_vjp(
        self, point: Sequence[Tensor], cotangents: Sequence[Tensor], weights: Sequence[Tensor]
    ) -> tuple[MaybeTensors, MaybeTensors]:
        """Return the gradients of ``<weights, vjp(point, cotangents)>`` by the arguments and by the cotangents."""
        leaves, there = self._leaves(point)
        inside = [x.detach() for x in there]
        fixed = self.inner.vjp(inside, cotangents)
        pushed, curved = [], []
        for x, y, g, w in zip(leaves, there, fixed, weights, strict=True):
            along, bent = _second(x, y, torch.zeros_like(y) if g is None else g, w)
            pushed.append(along)
            curved.append(bent)
        by_inputs, by_cotangents = self.inner.double_vjp(inside, cotangents, pushed)
        pulled = [_pulled(x, y, g) for x, y, g in zip(leaves, there, by_inputs, strict=True)]
        whole = [_sum(a, b) for a, b in zip(pulled, curved, strict=True)]
        return whole, by_cotangents

    def _leaves(self, point: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        leaves = [x.detach().clone().requires_grad_() for x in point]
        return leaves, self._mapped(leaves)

    def _mapped(self, point: Sequence[Tensor]) -> list[Tensor]:
        return [
            self.domains[name].along(x) if name in self.domains else x * 1
            for name, x in zip(self.names, point, strict=True)
        ]


def _pulled(x: Tensor, y: Tensor, gradient: Tensor | None) -> Tensor | None:
    if gradient is None:
        return None
    return torch.autograd.grad(y, x, gradient.to(y.dtype), retain_graph=True)[0]


def _second(x: Tensor, y: Tensor, gradient: Tensor, weight: Tensor) -> tuple[Tensor, Tensor | None]:
    """Return ``J w``, and the derivative by ``x`` of ``<w, J' gradient>``."""
    cotangent = gradient.to(y.dtype).detach().clone().requires_grad_()
    (back,) = torch.autograd.grad(y, x, cotangent, create_graph=True)
    pushed, curved = torch.autograd.grad(
        back, [cotangent, x], weight.to(back.dtype), retain_graph=True, allow_unused=True
    )
    return pushed, curved


def _sum(one: Tensor | None, other: Tensor | None) -> Tensor | None:
    if one is None or other is None:
        return other if one is None else one
    return one + other


def or_along_domains(
    values: FirstOrder,
    likely: Mapping[str, Domain],
    decide_along: Callable[[Mapping[str, Domain]], FirstOrder],
) -> FirstOrder:
    """Return the verdict; open where gradients are wrong, but right along the sets that arguments were given in."""
    wrong = {a.name for a in values.arguments if a.status in ("wrong", "missing")}
    assumed = {name: domain for name, domain in likely.items() if name in wrong}
    if not assumed:
        return values
    try:
        within = decide_along(assumed)
    except NotApplicable:
        return values
    if not within.confirmed:
        return values
    where = " and ".join(f"{domain}, as {name} was given," for name, domain in assumed.items())
    return replace(
        within,
        arguments=[
            replace(a, status="along") if a.name in assumed else a for a in within.arguments
        ],
        confirmed=False,
        accuracy=None,
        vacuous=True,
        reason=f"the gradient is right along {where} and not off it: if that is where it lives, declare "
        f"domain={declaration(assumed)}",
    )
