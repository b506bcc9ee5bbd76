"""The check: from a target and its arguments to a report."""

from __future__ import annotations

import time
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import torch

from pytest_autograd.audit.audit import REFEREES, run_rules
from pytest_autograd.audit.verdict import make_report, stats_of
from pytest_autograd.call.call import Call, ambient_autocast
from pytest_autograd.call.declared import declared, is_no_argument, unknown_names
from pytest_autograd.call.intercept import unseen
from pytest_autograd.call.op_recorder import OpRecorder
from pytest_autograd.call.recorder import Recorder
from pytest_autograd.call.shared_parameters import own_memory_back
from pytest_autograd.call.target import is_custom_op, make_call
from pytest_autograd.declarations.declarations import Declarations, for_inner
from pytest_autograd.declarations.validation import make_options
from pytest_autograd.derivatives.assumed import asked_for
from pytest_autograd.errors import CheckError, NotApplicable, TargetRaised
from pytest_autograd.facts.base import Subject
from pytest_autograd.facts.probe import Probe
from pytest_autograd.options import REPLACES_FORWARD, Options
from pytest_autograd.places import source_sha256
from pytest_autograd.registry import all_rules
from pytest_autograd.report.model import Report
from pytest_autograd.running.author_code import run_forward
from pytest_autograd.running.line_watch import LINE_WATCH
from pytest_autograd.running.restore import gradients_kept, reachable
from pytest_autograd.running.rng import streams_kept
from pytest_autograd.running.time_limit import TIME_LIMIT


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
    return checked(target, args, make_options(**options))


def checked(
    target: Any, args: Sequence[Any], options: Options, declarations: Declarations | None = None
) -> Report:
    """Verify a call of ``target``, with declarations from elsewhere than from here."""
    call = replace(make_call(target, args, {}), autocast=ambient_autocast())
    return check_call(call, options, declarations=declarations)


def check_call(
    call: Call,
    options: Options,
    on_facts: Callable[[Sequence[Probe]], None] = lambda probes: None,
    declarations: Declarations | None = None,
) -> Report:
    """Verify one call, and each custom Function that it reaches.

    ``on_facts`` may look at the facts; ``declarations`` are those that hold in the current folder if none are given.
    """
    start = time.monotonic()
    declarations = declarations or Declarations.near()
    given, meant = options, declarations.meant(call, options)
    options = meant.options
    seed = options.seed if options.seed is not None else default_seed(call)
    deadline = start + options.time_limit
    own_gradients = gradients_kept(reachable(call))
    with unseen(), streams_kept(), _plain_torch(), own_gradients, TIME_LIMIT.until(deadline):
        asked = call if options.contract else asked_for(call, seed)
        subject = Subject(
            declared_call(asked, options), options, seed, deadline, ignores=meant.ignores
        )
        if call.function is None:
            subject, inner = _inner_calls(subject, given, declarations)
        else:
            inner = []
        _require_names([call, *(each.call for each in inner)], options)
        probes = [Probe(each) for each in (*inner, subject)]
        outcomes = []
        with LINE_WATCH.watching(code for probe in probes for code in probe.source.codes):
            for probe in probes:
                with own_memory_back(probe.call.shared):
                    outcomes.append(
                        run_rules(
                            all_rules().values(),
                            probe,
                            referees=REFEREES,
                            ignores=probe.subject.ignores,
                        )
                    )
            unreached = LINE_WATCH.unreached()
        on_facts(probes)
    own = probes[-1]
    stats = stats_of(own, unreached)
    return make_report(outcomes, own, seed, time.monotonic() - start, stats)


def declared_call(call: Call, options: Options) -> Call:
    """Return the call with what the options declare of its arguments."""
    return declared(call, options.domain or {}, options.keep)


def _require_names(calls: Sequence[Call], options: Options) -> None:
    """Raise :class:`CheckError` where a declaration names an argument that none of the calls has."""
    written = [name for name in options.overwrites if not is_no_argument(name)]
    for option, names in (
        ("domain", options.domain or {}),
        ("keep", options.keep),
        ("overwrites", written),
    ):
        for name in names:
            if all(unknown_names(call, [name]) for call in calls):
                known = ", ".join(dict.fromkeys(s.name for call in calls for s in call.slots))
                raise CheckError(
                    f"{option}: there is no argument {name!r}; the tensors are {known}"
                )


@contextmanager
def _no_autocast() -> Iterator[None]:
    """Leave the region that the caller is in: a call that was made in one enters it itself."""
    ambient = ambient_autocast()
    with torch.autocast(ambient.device, enabled=False) if ambient else nullcontext():
        yield


@contextmanager
def _plain_torch() -> Iterator[None]:
    """Let the check run as ordinary training does, whatever grad mode its caller is in, and without warnings."""
    with (
        warnings.catch_warnings(),
        torch.inference_mode(False),
        torch.enable_grad(),
        _no_autocast(),
    ):
        warnings.simplefilter("ignore")
        yield


def default_seed(call: Call) -> int:
    """Return a seed from the source and the shapes of the call, so that a report repeats itself."""
    owner = call.function or call.target
    text = f"{call.name} {source_sha256(owner)} {call.describe()}"
    return zlib.crc32(text.encode())


def _inner_calls(
    own: Subject, given: Options, declarations: Declarations
) -> tuple[Subject, list[Subject]]:
    """Return the callable, and each distinct call of a Function or custom op that it makes, to be audited for itself.

    A contract of the callable speaks for it, not for what is inside it: their values are judged with it, unless they
    have contracts of their own. Those are the callable's too: what it computes through them has no other gradient.
    """
    recorder, ops = Recorder(), OpRecorder()
    try:
        with recorder.recording(), nullcontext() if is_custom_op(own.call.target) else ops:
            run_forward(own.call, seed=own.seed, target=own.call.own_target)
    except TargetRaised as raised:
        error = raised.error
        raise CheckError(
            f"{own.call.name} raises on the given inputs: {type(error).__name__}: {error}"
        ) from error
    except NotApplicable:  # it had not come back in time: the facts will say so
        return own, []
    calls = (*recorder.calls(), *ops.calls())
    inner = [_inner(call, own, given, declarations) for call in calls]
    contracts = {
        each.call.function: each.options
        for each in inner
        if each.call.function is not None and each.options.contract in REPLACES_FORWARD
    }
    return replace(own, call=replace(own.call, inside=contracts)), inner


def _inner(call: Call, own: Subject, given: Options, declarations: Declarations) -> Subject:
    meant = declarations.meant(call, for_inner(call, given, own.call))
    options = meant.options
    if own.options.contract is not None and options.contract is None:
        values = [code for code, rule in all_rules().items() if rule.about != "use"]
        replaced = {"ignore": (*options.ignore, *values), "level": "quick"}
        options = options.model_copy(update=replaced)
    return Subject(
        declared_call(call, options),
        options,
        own.seed,
        own.deadline,
        through=own.call.name,
        ignores=meant.ignores,
    )
