"""The judge of one call: a process that never imports submitted code and writes the verdict.

It starts the worker before it knows the request, so that nothing of it, least of all the seed of its
own points, is in the worker's memory.
"""

from __future__ import annotations

import hashlib
import json
import linecache
import os
import socket
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import Tensor

from mcp_server.isolation import scratch
from mcp_server.isolation.isolate import Holds, adopt_orphans, die_with_parent
from mcp_server.isolation.limits import GRACE, MB, STARTING, Limits
from mcp_server.judge.facts import JudgeFacts
from mcp_server.judge.host import Abandoned, Host, WorkerEnded
from mcp_server.judge.remote_evaluator import NO_CALL, CheckerCrashed, Misbehaved, ask, describe
from mcp_server.judge.start_message import Assignment
from mcp_server.judge.start_worker import Started, spawn_worker
from mcp_server.judge.verdict import claims, judged, verdict
from mcp_server.judge.worker_end import explain_worker_end
from mcp_server.request import Checked, Failure, Request
from pytest_autograd.checking import make_options
from pytest_autograd.errors import CheckError, NotApplicable
from pytest_autograd.facts.base import Subject
from pytest_autograd.options import DECLARED
from pytest_autograd.report.model import Isolation, Report
from pytest_autograd.source.input_specs import TensorSpec, build
from pytest_autograd.source.load import SUBMITTED

_NOTE_EVERY = 0.1
_FORGED = "the submitted code gave answers that the checker never gives ({}): leave that out"
Start = Callable[[Path, Limits, float], Started]


class Judge:
    """One call from the request to the outcome. ``server`` is the judge's end of the socket."""

    def __init__(self, server: socket.socket, assignment: Assignment, start: Start) -> None:
        self._server, self._assignment = server, assignment
        self._scratch = Path(assignment.scratch)
        self._limits = assignment.limits
        self._noted = ("", 0.0)
        self._send("pid", os.getpid())
        worker = start(self._scratch, self._limits, assignment.seconds)
        self._host = Host(worker, server.fileno(), self._limits, self._scratch, self._note)

    def run(self) -> None:
        """Judge, end the worker, clear its folder away, and only then tell the outcome."""
        try:
            request = _received(self._server)
            outcome = self._outcome(request)
        except Abandoned:
            outcome = None
        except Exception:
            outcome = Failure(message=traceback.format_exc(), internal=True)
        finally:
            self._host.end()
            scratch.remove(self._scratch)
        if outcome is not None:
            self._send("outcome", outcome.model_dump(mode="json"))

    def _outcome(self, request: Request) -> Checked | Failure:
        try:
            return self._checked(request)
        except WorkerEnded as end:
            limit = request.time_limit
            return Failure(
                message=explain_worker_end(
                    end.cause, end.code, end.phase, limit, self._limits, end.stderr
                )
            )
        except CheckError as error:
            return Failure(message=str(error))
        except CheckerCrashed as crash:
            return Failure(message=str(crash), internal=True)
        except Misbehaved as forged:
            return Failure(message=_FORGED.format(forged))

    def _checked(self, request: Request) -> Checked | Failure:
        self._host.deadline = time.monotonic() + STARTING
        holds: Holds = [(str(name), held is True) for name, held in self._host.hear()["holds"]]
        missing = [name for name, held in holds if not held]
        if self._limits.isolation == "strict" and missing:
            names = "; ".join(missing)
            return Failure(message=f"--isolation strict: this machine cannot enforce {names}")
        self._host.deadline = time.monotonic() + request.time_limit + GRACE
        started = time.monotonic()
        report = self._judged(request, started)
        report = report.model_copy(update={"isolation": self._isolation(request, holds)})
        lines = request.source.splitlines(keepends=True)
        linecache.cache[SUBMITTED] = (len(request.source), None, lines, SUBMITTED)
        return Checked(report=report, text=str(report))

    def _judged(self, request: Request, started: float) -> Report:
        seed = request.options["seed"]
        options = {**request.options, "seed": _workers_seed(seed)}
        described, given = _drawn(request, seed)
        header = {
            "source": request.source,
            "entry": request.entry,
            "options": options,
            "inputs": request.inputs if described is None else None,
            "described": described,
        }
        ask(self._host, "load", given, **header)
        facts = _facts(self._host, request, given, started)
        own = judged(facts) if facts is not None else None
        answer, _ = ask(self._host, "audit")
        stamp = {
            "source_sha256": hashlib.sha256(request.source.encode()).hexdigest(),
            "seed": seed,
        }
        seconds = time.monotonic() - started
        if facts is None or own is None:
            told = claims(answer.get("report"), [], NO_CALL)
            return _unjudged(answer["report"], told.outcome.findings, stamp, seconds)
        told = claims(answer.get("report"), own.findings, facts.call)
        inputs = f"{facts.description.origin}: {facts.call.describe()}"
        return verdict(facts, own, told, {**stamp, "inputs": inputs}, seconds)

    def _isolation(self, request: Request, holds: Holds) -> Isolation:
        enforced = [
            "verdict by another process",
            f"wall clock {request.time_limit + GRACE:g} s",
            f"output {self._limits.output // MB} MB",
            f"scratch folder of {self._limits.scratch // MB} MB",
            "minimal environment",
            "no standard input",
            *(name for name, held in holds if held),
        ]
        missing = tuple(name for name, held in holds if not held)
        return Isolation(enforced=tuple(enforced), not_enforced=missing)

    def _note(self, phase: str) -> None:
        before, when = self._noted
        now = time.monotonic()
        if phase != before and now - when > _NOTE_EVERY:
            self._noted = (phase, now)
            self._send("phase", phase)

    def _send(self, kind: str, value: Any) -> None:
        try:
            self._server.sendall(json.dumps({kind: value}).encode() + b"\n")
        except OSError as error:
            raise Abandoned from error


def _facts(host: Host, request: Request, given: list[Tensor], started: float) -> JudgeFacts | None:
    """Return the judge's facts; None where the worker has no numbers to be judged."""
    try:
        call, point, description = describe(host)
    except NotApplicable:
        return None
    for tensor in given:
        if tensor.requires_grad and not any(_same(tensor, x) for x in point):
            raise Misbehaved("the inputs are not those that were drawn")
    options = make_options(**_without_names(request.options))
    deadline = started + request.time_limit
    seed = request.options["seed"]
    return JudgeFacts(host, Subject(call, options, seed, deadline), point, description)


def _same(given: Tensor, point: Tensor) -> bool:
    return given.shape == point.shape and bool((given.detach().to(point.dtype) == point).all())


def _drawn(request: Request, seed: int) -> tuple[list[Any] | None, list[Tensor]]:
    """Draw the described inputs here: the submitted code must not choose where it is judged."""
    if not isinstance(request.inputs, tuple):
        return None, []
    args = build(request.inputs, seed)
    described = [
        ("tensor", arg.requires_grad) if isinstance(spec, TensorSpec) else ("value", arg)
        for spec, arg in zip(request.inputs, args, strict=True)
    ]
    return described, [arg for arg in args if isinstance(arg, Tensor)]


def _workers_seed(seed: int) -> int:
    """Return a seed for the submitted code that tells nothing of the judge's."""
    return int.from_bytes(hashlib.sha256(f"worker {seed}".encode()).digest()[:4], "big")


def _without_names(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options with a stand-in for each contract, whose functions stay in the worker."""

    def stand_in(*_: Any) -> Any:
        raise AssertionError("the judge never holds submitted code")

    found = dict(options)
    for name in DECLARED:
        if found.get(name) is not None:
            found[name] = stand_in
    if found.get("grad_transform"):
        found["grad_transform"] = dict.fromkeys(found["grad_transform"], stand_in)
    return found


def _unjudged(given: Any, findings: list[Any], stamp: dict[str, Any], seconds: float) -> Report:
    """Return the worker's own report where there was nothing to judge: it can never verify."""
    report = Report.model_validate(given)
    update: dict[str, Any] = {**stamp, "findings": tuple(findings), "seconds": seconds}
    if report.verdict == "verified" or not any(f.severity == "error" for f in findings):
        update |= {
            "verdict": "inconclusive",
            "summary": f"not confirmed by the judge: {report.summary}",
        }
    return report.model_copy(update=update)


def _received(server: socket.socket) -> Request:
    """Read the request, one line, while nothing else is to be heard."""
    held = b""
    while not held.endswith(b"\n"):
        chunk = server.recv(1 << 20)
        if not chunk:
            raise Abandoned
        held += chunk
    return Request.model_validate_json(held)


def judge_call(server: socket.socket, assignment: Assignment, start: Start, parent: int) -> None:
    """Judge one call in this process."""
    die_with_parent(parent)
    adopt_orphans()
    try:
        judge = Judge(server, assignment, start)
    except Abandoned:
        return
    judge.run()


def main() -> None:
    """Judge one call as a process of its own, where judges cannot be forked."""
    server = socket.socket(fileno=int(sys.argv[1]))
    server.set_inheritable(False)
    judge_call(server, Assignment.loaded(sys.argv[3]), spawn_worker, int(sys.argv[2]))


if __name__ == "__main__":
    main()
