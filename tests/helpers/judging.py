"""Checks by the server's own judges without a server: in processes, many at once, or in this process alone."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import anyio

from mcp_server.judge.process import Judge
from mcp_server.request import Checked, Failure, Request
from mcp_server.service.checks import Checks
from mcp_server.worker.answers import Answers
from mcp_server.worker.process import _told
from mcp_server.worker.wire import Decoder, Message, encode
from pytest_autograd.report.model import Report

Outcomes = dict[str, Checked | Failure]
QUICK = {"level": "quick", "time_limit": 60.0, "seed": 7}


def request(source: str, entry: str, inputs: Any, options: Mapping[str, Any]) -> Request:
    """Return a request at level quick, unless the options say another."""
    given = tuple(inputs) if isinstance(inputs, list) else inputs
    return Request.model_validate(
        {"source": source, "entry": entry, "inputs": given, "options": {**QUICK, **options}}
    )


def run_all(requests: Mapping[str, Request]) -> Outcomes:
    """Check them all by one zygote, as a server does, two at a time."""
    outcomes: Outcomes = {}

    async def tell(seconds: float, message: str) -> None:
        pass

    async def main() -> None:
        async def one(name: str) -> None:
            outcomes[name] = await checks.run(requests[name], tell)

        with Checks(workers=2, waiting=len(requests)) as checks:
            async with anyio.create_task_group() as tasks:
                for name in requests:
                    tasks.start_soon(one, name)

    anyio.run(main)
    return outcomes


class WorkerHere:
    """Stands for the judge's hold on a worker: the worker's own answers, by way of the wire, in this process."""

    answers: Answers | None = None

    def ask(self, question: str, tensors: Any = (), **header: Any) -> Message:
        """Put a question and return the answer."""
        asked, given = _by_wire(header, tensors)
        try:
            if question == "load":
                self.answers = Answers(asked, given)
                return _by_wire({}, [])
            return _by_wire(*getattr(self.answers, question)(asked, given))
        except Exception as error:
            return _by_wire(_told(error), [])


def judged_here(asked: Request) -> Report:
    """Return the report of the judge without a process: for sources that mean no harm."""
    judge = cast("Judge", SimpleNamespace(_host=WorkerHere()))
    return Judge._judged(judge, asked, time.monotonic())


def _by_wire(header: dict[str, Any], tensors: Any) -> Message:
    (message,) = Decoder().feed(encode(header, tensors))
    return message
