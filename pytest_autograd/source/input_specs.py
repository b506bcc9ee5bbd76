"""Arguments described one by one: random tensors and plain values, determined by the seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    import torch

DType = Literal[
    "float64", "float32", "float16", "bfloat16", "complex128", "complex64",
    "int64", "int32", "int16", "int8", "uint8", "bool",
]  # fmt: skip
EXAMPLE = "example_inputs"
MEND = (
    f"define {EXAMPLE}() in the source, e.g. def {EXAMPLE}(): "
    "return (torch.randn(4, 3, dtype=torch.float64, requires_grad=True), 0.5)"
)


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TensorSpec(_Spec):
    """A random tensor: normal, or uniform between low and high; integers 0..9, or low..high."""

    kind: Literal["tensor"]
    shape: tuple[Annotated[int, Field(ge=0)], ...]
    dtype: DType = "float64"
    requires_grad: bool | None = None
    low: float | None = None
    high: float | None = None

    @property
    def differentiable(self) -> bool:
        """Whether the dtype can carry a gradient."""
        return self.dtype.startswith(("float", "bfloat", "complex"))

    @model_validator(mode="after")
    def _consistent(self) -> TensorSpec:
        if self.requires_grad and not self.differentiable:
            raise ValueError(f"requires_grad needs a float or complex dtype, not {self.dtype}")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"low {self.low:g} is above high {self.high:g}")
        return self


class ValueSpec(_Spec):
    """A plain value, passed as it is: a number, a string, a flag, null or a list."""

    kind: Literal["value"]
    value: Any


InputSpec = Annotated[TensorSpec | ValueSpec, Field(discriminator="kind")]


@dataclass(frozen=True)
class Inputs:
    """The arguments of one call, where they come from, and why no proposal ran (if none did)."""

    args: tuple[Any, ...]
    origin: str
    trouble: str | None = None


def build(specs: Sequence[TensorSpec | ValueSpec], seed: int) -> tuple[Any, ...]:
    """Build the described arguments; the same seed gives the same values."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    return tuple(
        _tensor(spec, generator) if isinstance(spec, TensorSpec) else spec.value for spec in specs
    )


def _tensor(spec: TensorSpec, generator: torch.Generator) -> torch.Tensor:
    import torch

    dtype: torch.dtype = getattr(torch, spec.dtype)
    if not spec.differentiable:
        low = int(spec.low or 0)
        high = int(spec.high) if spec.high is not None else low + (1 if spec.dtype == "bool" else 9)
        return torch.randint(low, high + 1, spec.shape, generator=generator).to(dtype)
    wide = torch.complex128 if dtype.is_complex else torch.float64
    if spec.low is not None and spec.high is not None:
        values = torch.rand(spec.shape, generator=generator, dtype=wide)
        offset = spec.low * (1 + 1j) if dtype.is_complex else spec.low
        values = values * (spec.high - spec.low) + offset
    else:
        values = torch.randn(spec.shape, generator=generator, dtype=wide)
        if spec.low is not None:
            values = values.abs() + spec.low
        elif spec.high is not None:
            values = spec.high - values.abs()
    return values.to(dtype).requires_grad_(spec.requires_grad is not False)
