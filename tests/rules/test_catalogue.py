"""Every failure mode gives its code and no other, and what is harmless gives no error."""

from __future__ import annotations

import pytest
from catalogue._gaps import GAPS, UNTESTED
from catalogue._mode import Gap, Mode, vector
from loading import ROOT, crashes, load
from torch import Tensor
from torch.library import custom_op

from pytest_autograd import CheckError, check

FAMILIES = sorted((ROOT / "tests/data/catalogue").glob("[!_]*.py"))
MODES = {
    f"{path.stem}:{name}": mode for path in FAMILIES for name, mode in load(path).MODES.items()
}


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_mode_gives_exactly_its_codes(mode: Mode) -> None:
    report = check(mode.target, *mode.inputs(), **{"level": "quick", **mode.options})
    assert not crashes(report)
    found = {
        severity: {finding.code for finding in report.findings if finding.severity == severity}
        for severity in ("error", "warning", "note")
    }
    assert found["error"] == ({mode.error} if mode.error else set()), str(report)
    assert found["warning"] == mode.warnings, str(report)
    assert mode.notes <= found["note"], str(report)
    assert report.verdict == mode.verdict, str(report)


@pytest.mark.parametrize("gap", GAPS.values(), ids=GAPS)
def test_gap_is_still_open(gap: Gap) -> None:
    """Pins what the rules do not see: one that learns to see it moves the Function to the modes."""
    report = check(gap.target, *gap.inputs())
    assert (report.verdict, report.codes) == ("verified", set()), str(report)


def test_each_mode_stands_in_one_place() -> None:
    names = [name.partition(":")[2] for name in MODES] + [*GAPS, *UNTESTED]
    assert len(names) == len(set(names))


def test_an_op_that_torch_refuses_is_refused_in_its_words() -> None:
    @custom_op("catalogue::returns_its_input", mutates_args=())
    def returns_its_input(x: Tensor) -> Tensor:
        return x

    with pytest.raises(CheckError, match=r"raises on the given inputs.*alias"):
        check(returns_its_input, *vector())
