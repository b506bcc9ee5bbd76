"""The check: from a target and its arguments to a report."""

from __future__ import annotations

import time
import warnings
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import torch
from pydantic import ValidationError

from pytest_autograd.audit.audit import Audit
from pytest_autograd.audit.verdict import make_report
from pytest_autograd.call.call import Call
from pytest_autograd.call.recorder import Recorder
from pytest_autograd.call.shared_parameters import own_memory_back
from pytest_autograd.call.target import make_call
from pytest_autograd.errors import CheckError
from pytest_autograd.options import Options
from pytest_autograd.places import source_sha256
from pytest_autograd.registry import all_rules
from pytest_autograd.report.model import Report
from pytest_autograd.running.rng import streams_kept
from pytest_autograd.running.time_limit import TIME_LIMIT

VALUE_RULES = ("AG101", "AG102", "AG103", "AG104", "AG105", "AG112", "AG113", "AG501")


def check(target: Any, *args: Any, **options: Any) -> Report:
    """Verify the gradients of ``target`` on the call ``target(*args)`` and return a :class:`Report`.

    Args:
        target: a ``torch.autograd.Function`` subclass or its ``apply``, a callable on tensors, an ``nn.Module`` or
            a custom op.
        args: the positional arguments of the call. Tensors with ``requires_grad=True`` are differentiated; if none
            has it, all floating and complex ones are.
        options: see :class:`pytest_autograd.options.Options`.

    Raises:
        CheckError: nothing can be checked; the message names the mend.
    """
    return check_call(make_call(target, args, {}), make_options(**options))


def make_options(**given: Any) -> Options:
    """Return the options, or raise :class:`CheckError` with one sentence that names what is wrong."""
    try:
        options = Options(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "options"
        if first["type"] == "extra_forbidden":
            known = ", ".join(Options.model_fields)
            raise CheckError(f"unknown option {name!r}; the options are {known}") from None
        message = first["msg"].removeprefix("Value error, ")
        raise CheckError(f"option {name}: {message}") from None
    for name in ("select", "ignore"):
        for code in getattr(options, name):
            if not code or not any(known.startswith(code) for known in all_rules()):
                raise CheckError(
                    f"option {name}: no rule matches {code!r}: write a code or a prefix such as AG101 or AG2"
                )
    return options


def check_call(
    call: Call,
    options: Options,
    on_audits: Callable[[Sequence[Audit]], None] = lambda audits: None,
) -> Report:
    """Verify one call, and each custom Function that it reaches; ``on_audits`` may look at the facts."""
    start = time.monotonic()
    seed = options.seed if options.seed is not None else default_seed(call)
    deadline = start + options.time_limit
    with streams_kept(), warnings.catch_warnings(), TIME_LIMIT.until(deadline):
        warnings.simplefilter("ignore")
        own = Audit(call, options, seed, deadline)
        audits = [*_inner_audits(own), own] if call.function is None else [own]
        for audit in audits:
            with own_memory_back(audit.call.shared):
                audit.run()
        on_audits(audits)
    return make_report(audits, own, seed, time.monotonic() - start)


def default_seed(call: Call) -> int:
    """Return a seed from the source and the shapes of the call, so that a report repeats itself."""
    owner = call.function or call.target
    text = f"{call.name} {source_sha256(owner)} {call.describe()}"
    return zlib.crc32(text.encode())


def _inner_audits(own: Audit) -> list[Audit]:
    """Return an audit for each distinct Function call that the callable makes."""
    recorder = Recorder()
    _, arguments = own.call.fresh()
    with recorder.recording(), torch.enable_grad():
        try:
            own.call.run(arguments)
        except Exception as error:  # the callable is the user's code
            raise CheckError(
                f"{own.call.name} raises on the given inputs: {type(error).__name__}: {error}"
            ) from error
    replaced = (
        {}
        if own.options.contract is None
        else {
            "ignore": (*own.options.ignore, *VALUE_RULES),
            "reference": None,
            "surrogate": None,
            "grad_transform": None,
            "level": "quick",
        }
    )
    options = own.options.model_copy(update=replaced)
    return [Audit(call, options, own.seed, own.deadline) for call in recorder.calls()]
