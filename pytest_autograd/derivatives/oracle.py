"""What the judge may ask of the checked code.

Numeric facts talk to :class:`GradientOracle` only, never to the Function, so that the judge can sit in another process.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor

from pytest_autograd.derivatives.compare import MaybeTensors


class GradientOracle(Protocol):
    """What the judge may ask; a point has a value for each differentiated argument, in the order of ``names``."""

    @property
    def output_names(self) -> list[str]:
        """Names of the differentiable outputs, known after a first forward."""
        ...

    @property
    def point(self) -> list[Tensor]:
        """The differentiated values as given."""
        ...

    @property
    def names(self) -> list[str]:
        """Names of the differentiated arguments."""
        ...

    def forward(self, point: Sequence[Tensor]) -> list[Tensor]:
        """Return the differentiable outputs at ``point``, detached."""
        ...

    def vjp(self, point: Sequence[Tensor], cotangents: Sequence[Tensor | None]) -> MaybeTensors:
        """Return the gradient of ``<cotangents, outputs>`` for each argument, None where it has none."""
        ...

    def vjps(
        self, point: Sequence[Tensor], several: Sequence[Sequence[Tensor]]
    ) -> list[MaybeTensors]:
        """Return :meth:`vjp` at one point for each of several lists of cotangents."""
        ...

    def double_vjp(
        self, point: Sequence[Tensor], cotangents: Sequence[Tensor], weights: Sequence[Tensor]
    ) -> tuple[MaybeTensors, MaybeTensors]:
        """Return the gradients of ``<weights, vjp(point, cotangents)>`` by the arguments and by the cotangents."""
        ...
