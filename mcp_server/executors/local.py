"""The executor on this machine: judges and workers below the server's own process."""

from __future__ import annotations

import os

from mcp_server.executors.job import Job
from mcp_server.executors.launcher import Launcher
from mcp_server.executors.protocol import Progress
from mcp_server.isolation import scratch
from mcp_server.isolation.limits import Limits
from mcp_server.isolation.scratch import Scratch
from mcp_server.request import Checked, Failure, Request


class Embedded:
    """Runs each check in processes of this machine, forked from a zygote where that can be."""

    def __init__(self, limits: Limits | None = None, launcher: Launcher | None = None) -> None:
        self.limits = limits or Limits()
        self.room = os.cpu_count() or 1
        self._launcher = launcher or Launcher()
        self._scratch: Scratch | None = None

    def prepare(self) -> None:
        """Sweep what killed servers left, and start the zygote."""
        scratch.sweep()
        self._launcher.prepare()

    async def run(self, request: Request, on_progress: Progress) -> Checked | Failure:
        """Check in a folder of its own."""
        self._scratch = self._scratch or Scratch()
        folder = self._scratch.new_folder()
        return await Job(request, on_progress, self.limits, self._launcher, folder).run()

    def close(self) -> None:
        """End the zygote with its judges, and delete their folders."""
        self._launcher.close()
        if self._scratch is not None:
            self._scratch.close()
            self._scratch = None
