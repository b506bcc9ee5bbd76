"""One request for a check, as it travels from the server to a worker."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from pytest_autograd.report.model import Report
from pytest_autograd.source.input_specs import InputSpec


class Request(BaseModel):
    """Source, entry and inputs as submitted; the options of ``check``, contracts by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    entry: str
    inputs: str | tuple[InputSpec, ...] | None = None
    options: dict[str, Any] = {}

    @property
    def time_limit(self) -> float:
        """Seconds that the check may take."""
        return self.options["time_limit"]


class Checked(BaseModel):
    """A report, and its full text as rendered where the source is known."""

    model_config = ConfigDict(frozen=True)

    report: Report
    text: str


class Failure(BaseModel):
    """Why there is no report, in one sentence; ``internal`` marks a fault of the checker itself."""

    model_config = ConfigDict(frozen=True)

    message: str
    internal: bool = False


def outcome_of(found: dict[str, Any]) -> Checked | Failure:
    """Read an outcome from what it was dumped to."""
    return (Checked if "report" in found else Failure).model_validate(found)
