"""The process that runs submitted code: a request in on standard input, events out on a pipe.

Events are JSON objects, one a line: ``limits`` (what is in force), ``phase`` (at every change), and
at last ``report``, ``error`` (a sentence for the caller) or ``crash`` (a fault of ours). Standard
output belongs to the submitted code.
"""

from __future__ import annotations

import faulthandler
import hashlib
import json
import os
import sys
import traceback
from typing import Any

from mcp_server._limits import GRACE, Limits, die_with_parent, no_standard_input, restrict_self
from mcp_server._request import Request


class Events:
    """The writing end of the pipe to the server."""

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        self._descriptor = descriptor

    def send(self, kind: str, value: Any) -> None:
        """Write one event whole."""
        line = memoryview(json.dumps({kind: value}).encode() + b"\n")
        while line:
            line = line[os.write(self._descriptor, line) :]

    def phase(self, name: str) -> None:
        """Tell the server which phase is running."""
        self.send("phase", name)


def main() -> None:
    """Read the request, put the limits on, check, send the outcome and end."""
    descriptor, parent, limits = int(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])
    linked = die_with_parent(parent)
    request = Request.model_validate_json(sys.stdin.buffer.read())
    no_standard_input()
    faulthandler.enable(file=2)
    events = Events(descriptor)
    events.send("limits", [*restrict_self(Limits(**limits)), ("ends with the server", linked)])
    _work(request, events)
    os._exit(0)


def _work(request: Request, events: Events) -> None:
    from pytest_autograd._errors import CheckError

    try:
        report = _check(request, events)
    except CheckError as error:
        events.send("error", str(error))
    except SystemExit as error:
        events.send("error", f"the submitted code called sys.exit({error.code!r}): leave that out")
    except MemoryError:
        events.send("error", "the submitted code ran out of memory: make the inputs smaller")
    except BaseException:
        events.send("crash", traceback.format_exc())
    else:
        events.send("report", {"report": report.model_dump(mode="json"), "text": str(report)})


def _check(request: Request, events: Events) -> Any:
    import torch  # noqa: F401  (before the clock of the check starts)

    from pytest_autograd import _phase
    from pytest_autograd._source import load_text
    from pytest_autograd._submission import check_source

    _phase.set_listener(events.phase)
    # Just before the kill a C thread writes where Python stands, even while a C call holds the GIL.
    faulthandler.dump_traceback_later(request.time_limit + GRACE - 1, file=2)
    with _phase.phase("loading"):
        source = load_text(request.source)
    report = check_source(source, request.entry, request.inputs, request.options)
    _phase.set_listener(None)
    digest = hashlib.sha256(request.source.encode()).hexdigest()
    return report.model_copy(update={"source_sha256": digest})


if __name__ == "__main__":
    main()
