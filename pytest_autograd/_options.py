"""The options of a check: the same on the marker, in ``check``, on the command line and over MCP."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from pytest_autograd._errors import CheckError


class Options(BaseModel):
    """How to check; see the table of options in the README."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    level: Literal["quick", "full"] = "full"
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    gradgrad: bool = True
    forward_ad: bool | None = None
    vmap: bool | None = None
    autocast: bool = False
    compile: bool = False
    reference: Callable[..., Any] | None = None
    surrogate: Callable[..., Any] | None = None
    grad_transform: Mapping[str, Callable[[Any], Any]] | None = None
    rtol: float = Field(default=1e-4, gt=0)
    gradcheck_options: Mapping[str, Any] = Field(default_factory=dict)
    seed: int | None = Field(default=None, ge=0, lt=2**63)
    time_limit: float = Field(default=60.0, gt=0)

    @field_validator("select", "ignore", mode="before")
    @classmethod
    def _codes(cls, value: str | Sequence[str] | None) -> tuple[str, ...]:
        """Take one code or many, in any case, and refuse what matches no rule."""
        from pytest_autograd._rule import all_rules

        parts = [value] if isinstance(value, str) else list(value or ())
        codes = tuple(part.strip().upper() for text in parts for part in text.split(","))
        for code in codes:
            if not code or not any(known.startswith(code) for known in all_rules()):
                raise ValueError(
                    f"no rule matches {code!r}: write a code or a prefix such as AG101 or AG2"
                )
        return codes

    @field_validator("gradcheck_options", mode="before")
    @classmethod
    def _no_fast_mode(cls, value: Mapping[str, Any] | None) -> Mapping[str, Any]:
        if value and value.get("fast_mode"):
            raise ValueError("gradcheck's fast_mode is no evidence: leave it out")
        return value or {}

    @model_validator(mode="after")
    def _one_contract(self) -> Options:
        given = [
            name for name in ("reference", "surrogate", "grad_transform") if getattr(self, name)
        ]
        if len(given) > 1:
            raise ValueError(f"give one contract, not {' and '.join(given)}")
        return self

    @property
    def contract(self) -> str | None:
        """Name of the contract given, if any."""
        for name in ("reference", "surrogate", "grad_transform"):
            if getattr(self, name):
                return name
        return None

    def wants(self, code: str) -> bool:
        """Whether the rule ``code`` is selected and not ignored."""
        selected = not self.select or code.startswith(self.select)
        return selected and not (self.ignore and code.startswith(self.ignore))


def make_options(**given: Any) -> Options:
    """Return the options, or raise :class:`CheckError` with one sentence that names what is wrong."""
    try:
        return Options(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "options"
        if first["type"] == "extra_forbidden":
            known = ", ".join(Options.model_fields)
            raise CheckError(f"unknown option {name!r}; the options are {known}") from None
        message = first["msg"].removeprefix("Value error, ")
        raise CheckError(f"option {name}: {message}") from None
