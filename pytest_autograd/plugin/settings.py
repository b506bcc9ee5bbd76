"""The settings of a pytest run: from the command line, else from the ini file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

KEEP_MIB = 256.0
SIGNATURES = 20
REPORT_KINDS = (".html", ".json", ".sarif", ".xml")


class Settings(NamedTuple):
    """What the options of the group "autograd" ask for; a dataclass would cost every pytest run a millisecond."""

    audit: bool
    audit_fail: bool
    audit_at: str
    only: tuple[str, ...]
    level: str | None
    time_limit: float | None
    keep_mib: float
    signatures: int
    devices: tuple[str, ...]
    reports: tuple[Path, ...]
    baseline: Path | None
    update_baseline: bool
    ignore: tuple[str, ...]
    root: Path

    @property
    def options(self) -> dict[str, Any]:
        """The options of ``check`` that were set."""
        given = {"level": self.level, "time_limit": self.time_limit}
        return {name: value for name, value in given.items() if value is not None}

    @property
    def of_session(self) -> bool:
        """Whether anything was asked for that outlives single tests."""
        return self.audit or bool(self.reports) or self.baseline is not None


def read_settings(config: pytest.Config) -> Settings:
    """Return the settings, or raise :class:`pytest.UsageError` with one sentence."""
    here = config.invocation_params.dir
    baseline = _given(config, "baseline")
    settings = Settings(
        audit=bool(_given(config, "audit") or _given(config, "audit_fail")),
        audit_fail=bool(_given(config, "audit_fail")),
        audit_at=_given(config, "audit_at") or "test",
        only=tuple(_given(config, "only") or ()),
        level=_given(config, "level"),
        time_limit=_number(config, "time_limit"),
        keep_mib=_number(config, "keep") or KEEP_MIB,
        signatures=_count(config, "signatures") or SIGNATURES,
        devices=tuple(_given(config, "device") or ()),
        reports=tuple(here / name for name in _given(config, "report") or ()),
        baseline=config.rootpath / baseline if baseline else None,
        update_baseline=bool(config.getoption("autograd_update_baseline")),
        ignore=tuple(_given(config, "ignore") or ()),
        root=config.rootpath,
    )
    if settings.update_baseline and settings.baseline is None:
        raise pytest.UsageError("--autograd-update-baseline needs --autograd-baseline FILE")
    for file in settings.reports:
        if file.suffix not in REPORT_KINDS:
            raise pytest.UsageError(
                f"--autograd-report {file.name}: the name must end in one of {', '.join(REPORT_KINDS)}"
            )
    for name, known in (("level", ("quick", "full")), ("audit_at", ("test", "end"))):
        value = getattr(settings, name)
        if value is not None and value not in known:
            raise pytest.UsageError(
                f"autograd_{name} is {value!r}: write one of {', '.join(known)}"
            )
    return settings


def _given(config: pytest.Config, name: str) -> Any:
    return config.getoption(f"autograd_{name}") or config.getini(f"autograd_{name}") or None


def _number(config: pytest.Config, name: str) -> float | None:
    value = _given(config, name)
    try:
        number = None if value is None else float(value)
    except ValueError:
        number = -1.0
    if number is not None and not number > 0:
        raise pytest.UsageError(f"autograd_{name} is {value!r}: write a number above 0")
    return number


def _count(config: pytest.Config, name: str) -> int | None:
    number = _number(config, name)
    if number is not None and number != int(number):
        raise pytest.UsageError(f"autograd_{name} is {number:g}: write a whole number")
    return None if number is None else int(number)
