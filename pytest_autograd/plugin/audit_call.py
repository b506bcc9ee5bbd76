"""The audit of one recorded call, on each device asked for, away from the state of the tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch

from pytest_autograd.audit.pictures import costs, pictures
from pytest_autograd.call.call import Call
from pytest_autograd.call.placement import placements
from pytest_autograd.checking import check_call, make_options
from pytest_autograd.declarations.declarations import Declarations
from pytest_autograd.errors import CheckError, first_line
from pytest_autograd.facts.probe import Probe
from pytest_autograd.plugin.declared import project_of
from pytest_autograd.plugin.settings import Settings
from pytest_autograd.report.results import Entry
from pytest_autograd.running.restore import MIB, put_back, reachable

ENDS = (pytest.skip.Exception, pytest.fail.Exception, SystemExit)


def audit_call(
    call: Call, blank: Entry, settings: Settings, default_dtype: torch.dtype
) -> list[Entry]:
    """Return an entry for each device; what cannot be audited is skipped with its reason."""
    if not settings.devices:
        return [_one(call, blank, settings, default_dtype)]
    entries = []
    for place in placements(settings.devices, ()):
        device = place.device
        named = blank.model_copy(update={"device": device, "key": f"{blank.key} @ {device}"})
        reason = place.missing()
        if reason is not None:
            entries.append(named.model_copy(update={"skipped": reason}))
            continue
        entries.append(_one(place.put_call(call), named, settings, default_dtype))
    return entries


def _one(call: Call, blank: Entry, settings: Settings, default_dtype: torch.dtype) -> Entry:
    before = torch.get_default_dtype()
    torch.set_default_dtype(default_dtype)
    try:
        with put_back(reachable(call), settings.keep_mib * MIB):
            return verified_entry(call, blank, settings, referees="unconfirmed")
    except CheckError as error:
        return blank.model_copy(update={"skipped": str(error)})
    except (Exception, *ENDS) as error:  # no test's outcome may hang on it, so it is told instead
        text = f"the audit crashed: {type(error).__name__}: {first_line(error, limit=100)}"
        return blank.model_copy(update={"skipped": text})
    finally:
        torch.set_default_dtype(before)


def verified_entry(call: Call, blank: Entry, settings: Settings, **options: object) -> Entry:
    """Verify the call and return the entry with its report, and its pictures if an HTML page is asked for."""
    entry = blank
    wants_pictures = any(file.suffix == ".html" for file in settings.reports)

    def look(probes: Sequence[Probe]) -> None:
        nonlocal entry
        places = [(probe.source.of_target, probe.call.name) for probe in probes]
        covers = tuple((place.file if place else None, name) for place, name in places)
        update: dict[str, Any] = {"covers": covers}
        if wants_pictures:
            drawn = [picture for probe in probes for picture in pictures(probe)]
            own, plain = costs(probes[-1])
            update |= {"pictures": tuple(drawn), "own_cost": own, "plain_cost": plain}
        entry = entry.model_copy(update=update)

    declarations = Declarations(project_of(settings))
    report = check_call(call, make_options(**options), look, declarations)
    return entry.model_copy(update={"report": report, "inputs": report.inputs})
