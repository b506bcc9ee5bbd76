"""The options of a check: the same on the marker, in ``check``, on the command line and over MCP."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

#: Options that name what the gradient is to be the derivative of.
CONTRACTS = ("reference", "surrogate", "grad_transform")
DECLARED = ("reference", "surrogate")  # those that name a function
#: What may be overwritten and is no argument: what backward gets, and what forward kept for it.
NO_ARGUMENTS = ("grad_output", "ctx.saved_tensors")
#: What stands for a contract of its own where a callable reaches Functions with contracts.
INSIDE = "inside"
#: Those under which the gradient is not forward's derivative.
REPLACES_FORWARD = ("surrogate", "grad_transform", INSIDE)


@dataclass(frozen=True)
class Ignore:
    """A code or prefix that is ignored, why, and where that is declared.

    ``watched``: its rules run all the same, so that it can be told when it is not needed any more.
    """

    code: str
    reason: str | None
    where: str
    watched: bool = True

    def __str__(self) -> str:
        return f"ignored{f': {self.reason}' if self.reason else ''} ({self.where})"


class Options(BaseModel):
    """How to check."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    level: Literal["quick", "full"] = Field(
        default="full",
        description="quick: every rule at the given point, first and second order; full: other points, sizes and "
        "dtypes too, and torch's gradcheck and gradgradcheck",
    )
    select: tuple[str, ...] = Field(default=(), description='codes or prefixes to check: ["AG1"]')
    ignore: tuple[str, ...] = Field(
        default=(), description='codes or prefixes to leave out: ["AG7"]'
    )
    gradgrad: bool = Field(default=True, description="check second order")
    forward_ad: bool | None = Field(
        default=None, description="check the jvp: where one is defined; True notes where none is"
    )
    vmap: bool | None = Field(
        default=None,
        description="check under vmap: where a rule is defined; True notes where none is",
    )
    autocast: bool | None = Field(
        default=None,
        description="check under autocast too; left out: where the call was made under it",
    )
    compile: bool = Field(default=False, description="check compiled too, with backend aot_eager")
    reference: Callable[..., Any] | None = Field(
        default=None,
        description="contract: a plain differentiable function that forward and all derivatives must match",
    )
    surrogate: Callable[..., Any] | None = Field(
        default=None,
        description="contract: a function whose VJP backward must be, whatever forward returns",
    )
    grad_transform: Mapping[str, Callable[[Any], Any]] | None = Field(
        default=None,
        description="contract: by argument, a map that is applied to the true gradient, such as clipping",
    )
    domain: Mapping[str, Any] | None = Field(
        default=None,
        description="by argument, the set it lives in: one of pytest_autograd.domains, its name as text such as "
        '"simplex(-1)", or a callable that maps a tensor to the nearest one in the set; other points are taken from '
        "there, and gradients compared along it",
    )
    keep: tuple[str, ...] = Field(
        default=(),
        description='arguments and sizes that are not varied: ["hard", "x.shape[-1]"]',
    )
    overwrites: tuple[str, ...] = Field(
        default=(),
        description='arguments, "grad_output" and "ctx.saved_tensors" that are changed in place on purpose: '
        '["logits", "grad_output"]; each is one note that states the consequence, and all else is judged on fresh '
        "copies",
    )
    accumulates: Mapping[str, str] | None = Field(
        default=None,
        description='by argument, the attribute that backward adds its gradient to: {"weight": "main_grad"}; '
        "None for that argument is right then",
    )
    rtol: float = Field(
        default=1e-4,
        gt=0,
        description="relative error from which a gradient is wrong (AG101) and not only inexact (AG113)",
    )
    referees: Literal["auto", "given", "unconfirmed", "off"] = Field(
        default="auto",
        description="gradcheck and gradgradcheck, at level full: auto, on the smallest inputs of the same kind, on the "
        "given ones where nothing else confirms; given, always on those; unconfirmed, only where nothing else "
        "confirms, as a suite audit does; off",
    )
    gradcheck_options: Mapping[str, Any] = Field(
        default_factory=dict,
        description="passed on to torch.autograd.gradcheck, such as eps, atol, rtol",
    )
    seed: int | None = Field(
        default=None,
        ge=0,
        lt=2**63,
        description="repeats the report that names it; else from the source and the shapes",
    )
    time_limit: float = Field(
        default=60.0,
        gt=0,
        description="seconds; checks that would start later are skipped with that reason",
    )

    @field_validator("select", "ignore", mode="before")
    @classmethod
    def _codes(cls, value: str | Sequence[str] | None) -> tuple[str, ...]:
        """Take one code or many, in any case."""
        parts = [value] if isinstance(value, str) else list(value or ())
        return tuple(part.strip().upper() for text in parts for part in text.split(","))

    @field_validator("keep", "overwrites", mode="before")
    @classmethod
    def _names(cls, value: str | Sequence[str] | None) -> tuple[str, ...]:
        return (value,) if isinstance(value, str) else tuple(value or ())

    @field_validator("domain")
    @classmethod
    def _domains(cls, value: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        from pytest_autograd.domains.named import as_domain  # needs torch, which options do not

        return value and {name: as_domain(given, name) for name, given in value.items()}

    @field_validator("gradcheck_options", mode="before")
    @classmethod
    def _no_fast_mode(cls, value: Mapping[str, Any] | None) -> Mapping[str, Any]:
        if value and value.get("fast_mode"):
            raise ValueError("gradcheck's fast_mode is no evidence: leave it out")
        return value or {}

    @model_validator(mode="after")
    def _one_contract(self) -> Options:
        given = [name for name in CONTRACTS if getattr(self, name)]
        if len(given) > 1:
            raise ValueError(f"give one contract, not {' and '.join(given)}")
        return self

    @property
    def contract(self) -> str | None:
        """Name of the contract given, if any."""
        for name in CONTRACTS:
            if getattr(self, name):
                return name
        return None

    @property
    def wants_second_order(self) -> bool:
        """Whether second order was asked for by name."""
        return self.gradgrad and "gradgrad" in self.model_fields_set

    def wants(self, code: str) -> bool:
        """Whether the rule ``code`` is selected and not ignored."""
        selected = not self.select or code.startswith(self.select)
        return selected and not (self.ignore and code.startswith(self.ignore))
