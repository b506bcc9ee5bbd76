"""The way from a source, an entry and what describes the inputs to a report, in this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pytest_autograd.errors import CheckError
from pytest_autograd.options import DECLARED
from pytest_autograd.report.model import Report
from pytest_autograd.running.phase import phase
from pytest_autograd.source.input_specs import MEND, Inputs, TensorSpec, ValueSpec
from pytest_autograd.source.load import Source
from pytest_autograd.source.resolve import resolve_inputs

if TYPE_CHECKING:
    from pytest_autograd.declarations.declarations import Declarations


def check_source(
    source: Source,
    entry: str,
    inputs: str | Sequence[TensorSpec | ValueSpec] | Inputs | None,
    options: Mapping[str, Any],
    declarations: Declarations,
) -> Report:
    """Check what ``entry`` names; contracts among the options are names in the source."""
    from pytest_autograd.checking import checked, make_options

    options = with_contracts(source, options)
    made = make_options(**options)
    seed = options.get("seed") or 0
    with phase("inputs"):
        target = source.target(entry)
        if not isinstance(inputs, Inputs):
            inputs = resolve_inputs(inputs, source, target, seed)
    report = checked(target, inputs.args, made, declarations)
    if inputs.trouble and report.codes == {"AG001"}:
        raise CheckError(
            f"no proposed inputs made forward run (the first gave {inputs.trouble}); if that is no "
            f"fault of forward, {MEND}"
        )
    return report.model_copy(update={"inputs": f"{inputs.origin}: {report.inputs}"})


def with_contracts(source: Source, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options with names of contracts replaced by the functions that they name."""
    found = dict(options)
    for name in DECLARED:
        if isinstance(found.get(name), str):
            found[name] = source.function(found[name], name)
    if transform := found.get("grad_transform"):
        found["grad_transform"] = {
            argument: source.function(function, f"grad_transform[{argument!r}]")
            if isinstance(function, str)
            else function
            for argument, function in transform.items()
        }
    return found
