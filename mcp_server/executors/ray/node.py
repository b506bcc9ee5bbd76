"""What runs on the nodes of a Ray cluster: an actor that holds an executor of its node.

To the server travel words and JSON only, never an object that the submitted code had in hand.
"""

from __future__ import annotations

import json
import os
from typing import Any

import anyio

from mcp_server.executors.launcher import CAN_FORK, Launcher
from mcp_server.executors.local import Embedded
from mcp_server.isolation import scratch
from mcp_server.isolation.limits import Limits
from mcp_server.request import Request
from pytest_autograd.version import version


class Node:
    """One check at a time, in processes below this one, as isolated as on the server's machine."""

    def __init__(self, limits: dict[str, Any], prefork: bool) -> None:
        """``limits``: the fields of :class:`Limits`."""
        self._executor = Embedded(Limits(**limits), Launcher(prefork=prefork and CAN_FORK))
        self._executor.prepare()
        self._told = ""
        self._running: anyio.CancelScope | None = None
        self._ended = anyio.Event()

    async def hello(self) -> dict[str, Any]:
        """Tell that the actor is there, and which version of the package."""
        return {"version": version(), "pid": os.getpid()}

    async def run(self, request: str) -> str:
        """Check; both the request and the outcome are JSON."""
        self._ended = anyio.Event()
        try:
            with anyio.CancelScope() as self._running:
                outcome = await self._executor.run(
                    Request.model_validate_json(request), self._listen
                )
                return json.dumps(outcome.model_dump(mode="json"))
            raise RuntimeError("the actor was closed")
        finally:
            self._running, self._told = None, ""
            self._ended.set()

    async def told(self) -> str:
        """Return what the check that is running told last."""
        return self._told

    async def close(self) -> None:
        """End what runs, and delete its folders and those of actors that were killed here."""
        if self._running is not None:
            self._running.cancel()
            await self._ended.wait()
        self._executor.close()
        scratch.sweep()

    async def _listen(self, seconds: float, message: str) -> None:
        self._told = message
