"""The process that runs submitted code: questions in on one pipe, answers out on another.

Standard output and standard error belong to the submitted code. An answer carries the number of its
question. The phase that is running stands on a board; without one, notes of it go between answers.
"""

from __future__ import annotations

import faulthandler
import json
import os
import sys
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mcp_server.isolation.isolate import die_with_parent, isolate
from mcp_server.isolation.limits import Limits
from mcp_server.worker.phase_board import PhaseBoard
from mcp_server.worker.wire import Decoder, MaybeTensors, Message, encode

_CHUNK = 1 << 20
TOLD_IN_PHASES = ("load", "describe", "audit")  # of all other questions the phase is known


class Pipe:
    """The worker's two ends: blocking, whole messages."""

    def __init__(self, reading: int, writing: int, board: PhaseBoard | None = None) -> None:
        for descriptor in (reading, writing):
            os.set_inheritable(descriptor, False)
        self._reading, self._writing, self._board = reading, writing, board
        self._decoder = Decoder()
        self._waiting: list[Message] = []

    def receive(self) -> Message:
        """Return the next message; end the process when the judge is gone."""
        while not self._waiting:
            chunk = os.read(self._reading, _CHUNK)
            if not chunk:
                os._exit(0)
            self._waiting += self._decoder.feed(chunk)
        return self._waiting.pop(0)

    def send(self, header: dict[str, Any], tensors: MaybeTensors | tuple[()] = ()) -> None:
        """Write one message whole."""
        left = memoryview(encode(header, tensors))
        while left:
            left = left[os.write(self._writing, left) :]

    def phase(self, name: str) -> None:
        """Tell which phase is running."""
        if self._board is None:
            self.send({"phase": name})
        else:
            self._board.write(name)


def serve(pipe: Pipe, limits: Limits, parent: int, seconds: float) -> None:
    """Put the limits on, tell which hold, and answer until the judge is gone. Never returns."""
    linked = die_with_parent(parent)
    _own_standard_input()
    faulthandler.enable(file=2)
    holds = [*isolate(limits, Path.cwd(), seconds), ("ends with the server", linked)]
    pipe.send({"holds": holds})
    if limits.isolation == "strict" and not all(held for _, held in holds):
        os._exit(0)
    from pytest_autograd.running.phase import set_listener

    answers = None
    while True:
        header, tensors = pipe.receive()
        number, question = header.pop("number"), header.pop("ask")
        try:
            if question == "load":
                answers = _load(header, tensors, pipe, seconds)
                reply: Message = ({}, [])
            else:
                set_listener(pipe.phase if question in TOLD_IN_PHASES else None)
                reply = getattr(answers, question)(header, tensors)
        except BaseException as error:
            reply = (_told(error), [])
        try:
            pipe.send({"answer": number, **reply[0]}, reply[1])
        except TypeError as error:  # tensors of a kind that does not travel
            pipe.send({"answer": number, "unavailable": str(error)})


def _load(request: dict[str, Any], given: MaybeTensors, pipe: Pipe, seconds: float) -> Any:
    from mcp_server.worker.answers import Answers
    from pytest_autograd.running import phase

    phase.set_listener(pipe.phase)
    # Just before the kill a C thread writes where Python stands, even while a C call holds the GIL.
    faulthandler.dump_traceback_later(max(seconds - 1, 0.1), file=2)
    return Answers(request, given)


def _told(error: BaseException) -> dict[str, Any]:
    """Return an exception as plain words: what the checked code did, or a crash of ours."""
    from pytest_autograd.errors import CheckError, NotApplicable, TargetRaised
    from pytest_autograd.running.author_code import NoHistory

    match error:
        case CheckError():
            return {"error": str(error)}
        case TargetRaised():
            raised = [type(error.error).__name__, str(error.error)[:2000]]
            return {"raised": [error.where, *raised]}
        case NoHistory():
            return {"no_history": True}
        case NotApplicable():
            return {"unavailable": str(error)}
        case SystemExit():
            return {"error": f"the submitted code called sys.exit({error.code!r}): leave that out"}
        case MemoryError():
            return {"error": "the submitted code ran out of memory: make the inputs smaller"}
        case KeyboardInterrupt() | GeneratorExit():
            kind = type(error).__name__
            return {"error": f"the submitted code raised {kind}: raise an Exception instead"}
        case _:
            return {"crash": "".join(traceback.format_exception(error))}


def _own_standard_input() -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)


def main() -> None:
    """Serve as a process of its own, where workers cannot be forked."""
    reading, writing, parent = map(int, sys.argv[1:4])
    limits, seconds = Limits(**json.loads(sys.argv[4])), float(sys.argv[5])
    import mcp_server.worker.preload  # noqa: F401

    serve(Pipe(reading, writing), limits, parent, seconds)


def arguments(reading: int, writing: int, parent: int, limits: Limits, seconds: float) -> list[str]:
    """Return the command line that :func:`main` reads."""
    numbers = [str(number) for number in (reading, writing, parent)]
    return ["-m", "mcp_server.worker.process", *numbers, json.dumps(asdict(limits)), str(seconds)]


if __name__ == "__main__":
    main()
