"""The actors of a fleet: one for each processor that Ray finds; a lost one is asked for again."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from types import ModuleType
from typing import Any

import anyio

from mcp_server.executors.ray.node import Node
from mcp_server.isolation.limits import Limits
from pytest_autograd.version import version

_CLOSING = 6.0
Actor = Any  # handles of actors have no better type


class NoPlace(Exception):
    """No actor is there, nor on its way; the message says why."""


class Pool:
    """At most ``size`` actors, each with a processor of its own; Ray says on which node."""

    def __init__(self, ray: ModuleType, size: int, limits: Limits, prefork: bool) -> None:
        self.ray, self.size = ray, size
        actors = ray.remote(Node).options(num_cpus=1, max_restarts=0, scheduling_strategy="SPREAD")
        self._ask = lambda: actors.remote(asdict(limits), prefork)
        self._starting: dict[Actor, Any] = {}
        self._watched: dict[Actor, asyncio.Task[None]] = {}
        self._free: list[Actor] = []
        self._busy: set[Actor] = set()
        self._changed = anyio.Event()
        self._trouble = "it has no node"

    def fill(self) -> None:
        """Ask Ray for the actors that are missing."""
        while len(self._starting) + len(self._free) + len(self._busy) < self.size:
            actor = self._ask()
            self._starting[actor] = actor.hello.remote()

    async def take(self) -> Actor:
        """Wait for an actor that is free and still there, and take it."""
        self.fill()
        while True:
            while not self._free:
                if not self._starting and not self._busy:
                    raise NoPlace(self._trouble)
                self._watch()
                await self._changed.wait()
            actor = self._free.pop(0)
            self._busy.add(actor)
            try:
                await actor.hello.remote()
                return actor
            except self.ray.exceptions.RayActorError:
                self.drop(actor)
            except BaseException:
                self.give_back(actor)
                raise

    def give_back(self, actor: Actor) -> None:
        """Let others have an actor that was taken."""
        self._busy.discard(actor)
        self._free.append(actor)
        self._tell()

    def drop(self, actor: Actor) -> None:
        """Make sure that a lost actor is no more, and ask for another."""
        self._busy.discard(actor)
        self.ray.kill(actor)
        self.fill()
        self._tell()

    def close(self) -> None:
        """End every actor after it has cleaned up, and leave the cluster; may be called twice."""
        if not self.ray.is_initialized():
            return
        up = [*self._free, *self._busy]
        if self._starting:
            hellos = list(self._starting.values())
            come, _ = self.ray.wait(hellos, num_returns=len(hellos), timeout=0)
            up += [actor for actor, hello in self._starting.items() if hello in come]
        closing = [actor.close.remote() for actor in up]
        if closing:
            self.ray.wait(closing, num_returns=len(closing), timeout=_CLOSING)
        self.ray.shutdown()

    def _watch(self) -> None:
        """Follow the start of each actor; this needs the event loop, which comes after the first."""
        for actor, hello in self._starting.items():
            if actor not in self._watched:
                self._watched[actor] = asyncio.create_task(self._welcome(actor, hello))

    async def _welcome(self, actor: Actor, hello: Any) -> None:
        is_lost = False
        try:
            theirs = (await hello)["version"]
            if theirs == version():
                self._free.append(actor)
            else:
                self._trouble = f"a node has version {theirs}, this server {version()}"
                self.ray.kill(actor)
        except self.ray.exceptions.RayError as error:
            self._trouble = _last_line(error)
            is_lost = not getattr(error, "actor_init_failed", False)
        finally:
            del self._starting[actor], self._watched[actor]
            if is_lost:
                self.fill()
            self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
