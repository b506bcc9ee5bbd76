"""One check sent to a Ray cluster: it finds an actor, follows it, and asks again if that is lost."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import Any

import anyio

from mcp_server.executors.protocol import Progress
from mcp_server.executors.ray.pool import Actor, NoPlace, Pool
from mcp_server.request import Checked, Failure, Request, outcome_of

ATTEMPTS = 3
_LETTING_GO = 10.0


class Dispatch:
    """One check, answered once: a second actor is asked only when the first is surely gone."""

    def __init__(
        self, request: Request, on_progress: Progress, pool: Pool, patience: float
    ) -> None:
        self._request, self._on_progress = request, on_progress
        self._pool, self._patience = pool, patience
        self._began = time.monotonic()
        self._actor: Actor | None = None
        self._lost = 0

    async def run(self) -> Checked | Failure:
        """Check, and tell progress every second."""
        outcome: Checked | Failure | None = None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._tell)
            outcome = await self._answered()
            tasks.cancel_scope.cancel()
        assert outcome is not None
        return outcome

    async def _answered(self) -> Checked | Failure:
        while self._lost < ATTEMPTS:
            try:
                with anyio.fail_after(self._patience):
                    self._actor = await self._pool.take()
            except TimeoutError:
                return Failure(
                    message=f"no node of the Ray cluster had a processor free for "
                    f"{self._patience:g} s: look at ray status, add nodes with ray start, or start "
                    "this server with fewer --workers"
                )
            except NoPlace as error:
                return Failure(
                    message=f"no node of the Ray cluster can check ({error}): look at ray status, "
                    "and install the same pytest-autograd[mcp] and torch on each node"
                )
            outcome = await self._sent(self._actor)
            if outcome is not None:
                return outcome
            self._lost += 1
        return Failure(
            message=f"the nodes that ran this check were lost, {ATTEMPTS} one after the other: look "
            "at ray status, and whether they ran out of memory"
        )

    async def _sent(self, actor: Actor) -> Checked | Failure | None:
        """Return the outcome, None if the actor was lost."""
        errors = self._pool.ray.exceptions
        answer = actor.run.remote(self._request.model_dump_json())
        try:
            outcome = outcome_of(json.loads(await answer))
        except (errors.RayActorError, errors.ObjectLostError):
            self._pool.drop(actor)
            return None
        except errors.RayError as error:
            outcome = Failure(message=str(error), internal=True)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self._called_off(actor, answer)
            raise
        finally:
            self._actor = None
        self._pool.give_back(actor)
        return outcome

    async def _called_off(self, actor: Actor, answer: Any) -> None:
        """Cancel, wait until all of it is gone, and kill the actor where that does not come."""
        errors = self._pool.ray.exceptions
        self._pool.ray.cancel(answer)
        with anyio.move_on_after(_LETTING_GO), suppress(errors.RayActorError):
            with suppress(errors.RayTaskError, errors.TaskCancelledError):
                await answer
            self._pool.give_back(actor)
            return
        self._pool.drop(actor)

    async def _tell(self) -> None:
        while True:
            seconds = time.monotonic() - self._began
            await self._on_progress(seconds, await self._state(seconds))
            await anyio.sleep(1.0)

    async def _state(self, seconds: float) -> str:
        """Say how far the check is: the actor's own words where it has any."""
        told = ""
        if self._actor is not None:
            with anyio.move_on_after(1.0), suppress(self._pool.ray.exceptions.RayError):
                told = await self._actor.told.remote()
        again = f", again after the loss of {self._lost} of its nodes" if self._lost else ""
        return f"{told or f'waiting for a node, {seconds:.0f} s'}{again}"
