"""The executor on many machines: Ray finds the processors, and starts again what a lost node held."""

from __future__ import annotations

from mcp_server.executors.protocol import Progress
from mcp_server.executors.ray.cluster import connect
from mcp_server.executors.ray.dispatch import Dispatch
from mcp_server.executors.ray.pool import Pool
from mcp_server.isolation.limits import Limits
from mcp_server.request import Checked, Failure, Request

NODE_ANSWERS_WITHIN = 60.0


class Fleet:
    """Runs each check on a node of a Ray cluster, with the isolation that the node can enforce."""

    def __init__(
        self,
        address: str,
        limits: Limits | None = None,
        workers: int | None = None,
        prefork: bool = True,
        patience: float = NODE_ANSWERS_WITHIN,
    ) -> None:
        """``workers``: processors to ask Ray for, by default all that the cluster has now.

        ``patience``: seconds that a check may wait for a node.
        """
        ray = connect(address)
        self.limits = limits or Limits()
        self.room = workers or max(1, int(ray.cluster_resources().get("CPU", 0)))
        self._pool = Pool(ray, self.room, self.limits, prefork)
        self.patience = patience

    def prepare(self) -> None:
        """Ask for the actors, which import torch while the server already serves."""
        self._pool.fill()

    async def run(self, request: Request, on_progress: Progress) -> Checked | Failure:
        """Check on the next actor that is free."""
        return await Dispatch(request, on_progress, self._pool, self.patience).run()

    def close(self) -> None:
        """End the actors and leave the cluster."""
        self._pool.close()
