"""torch's own database of custom Functions is audited as it was judged by hand."""

from __future__ import annotations

import warnings

import pytest
from loading import ROOT, load

with warnings.catch_warnings():
    # torch's test utilities warn at import where hypothesis is not installed.
    warnings.simplefilter("ignore", ImportWarning)
    DEMO = load(ROOT / "benchmarks" / "function_db.py")


@pytest.fixture(scope="module")
def audits() -> list:
    return list(DEMO.audits())


def test_every_entry_of_the_database_is_judged(audits: list) -> None:
    assert {audit.entry for audit in audits} == set(DEMO.JUDGED)


@pytest.mark.parametrize("entry", DEMO.JUDGED)
def test_entry_is_judged_as_by_hand(entry: str, audits: list) -> None:
    judgement = DEMO.JUDGED[entry]
    for audit in audits:
        if audit.entry == entry:
            found = audit.report.verdict, audit.report.codes
            assert found == (judgement.verdict, judgement.codes), str(audit.report)


def test_table_shows_every_audit(audits: list) -> None:
    assert DEMO.table_of(audits).row_count == len(audits)
