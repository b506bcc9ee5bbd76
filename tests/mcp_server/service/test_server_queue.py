"""The queue of checks: how many run, in which order the others follow, what is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio.abc import TaskGroup
from anyio.lowlevel import checkpoint

from mcp_server.executors.protocol import Progress
from mcp_server.isolation.limits import Limits
from mcp_server.request import Checked, Failure, Request
from mcp_server.service.checks import Checks
from mcp_server.service.fair_queue import Busy, Places, Turn


def joined(places: Places, callers: str) -> list[Turn]:
    return [places.join(caller) for caller in callers]


def order_of(places: Places, turns: list[Turn]) -> str:
    """Give up one place after the other; return whose turn comes each time."""
    said = ""
    while held := [turn for turn in turns if turn.come.is_set()]:
        waiting = [turn for turn in turns if not turn.come.is_set()]
        places.leave(held[0])
        turns.remove(held[0])
        said += "".join(turn.caller for turn in waiting if turn.come.is_set())
    return said


class TestPlaces:
    @pytest.mark.parametrize(
        ("callers", "order"),
        [
            ("aaaa", "aaa"),
            ("aabc", "abc"),
            ("aaaab", "abaa"),
            ("aaaabbc", "abcaba"),
        ],
    )
    async def test_callers_take_turns_and_each_keeps_its_own_order(
        self, callers: str, order: str
    ) -> None:
        places = Places(1, 10)
        turns = joined(places, callers)
        arrived = list(turns)
        assert order_of(places, turns) == order
        assert (places.running, places.waiting) == (0, 0)
        assert all(turn.come.is_set() for turn in arrived)

    async def test_one_who_fills_the_queue_shuts_nobody_else_out(self) -> None:
        places = Places(1, 2)
        joined(places, "aaa")
        with pytest.raises(Busy):
            places.join("a")
        joined(places, "b")
        with pytest.raises(Busy):
            places.join("b")
        with pytest.raises(Busy):
            places.join("c")
        assert (places.running, places.waiting) == (1, 3)

    async def test_a_queue_of_no_length_refuses_everybody(self) -> None:
        places = Places(1, 0)
        joined(places, "a")
        with pytest.raises(Busy):
            places.join("b")

    async def test_who_leaves_the_queue_is_passed_over(self) -> None:
        places = Places(2, 10)
        turns = joined(places, "aaabc")
        places.leave(turns.pop(3))
        assert order_of(places, turns) == "ac"
        assert (places.running, places.waiting) == (0, 0)


class Held:
    """An executor whose checks last until they are told to end."""

    limits = Limits()

    def __init__(self) -> None:
        self.prepared = self.closed = False
        self.running: dict[str, anyio.Event] = {}

    def prepare(self) -> None:
        self.prepared = True

    def close(self) -> None:
        self.closed = True

    async def run(self, request: Request, on_progress: Progress) -> Checked | Failure:
        ended = self.running[request.entry] = anyio.Event()
        try:
            await ended.wait()
        finally:
            del self.running[request.entry]
        return Failure(message=request.entry)


class Hearing:
    """What callers were told, and the answers that they got."""

    def __init__(self, checks: Checks, tasks: TaskGroup) -> None:
        self.checks, self.tasks = checks, tasks
        self.told: list[str] = []
        self.answers: list[str] = []

    async def ask(self, entry: str) -> anyio.CancelScope:
        scope = anyio.CancelScope()

        async def hear(seconds: float, message: str) -> None:
            self.told.append(f"{entry}: {message}")

        async def run() -> None:
            with scope:
                request = Request(source="", entry=entry)
                outcome = await self.checks.run(request, hear, caller=entry[0])
                assert isinstance(outcome, Failure)
                self.answers.append(outcome.message)

        self.tasks.start_soon(run)
        await settled()
        return scope


async def settled() -> None:
    """Let every other task come to rest."""
    for _ in range(20):
        await checkpoint()


@asynccontextmanager
async def hearing(executor: Held, waiting: int) -> AsyncIterator[Hearing]:
    with Checks(executor, workers=1, waiting=waiting) as checks:
        assert executor.prepared
        async with anyio.create_task_group() as tasks:
            yield Hearing(checks, tasks)
            assert (checks.places.running, checks.places.waiting) == (0, 0)
    assert executor.closed


async def end(executor: Held, entry: str) -> None:
    executor.running[entry].set()
    await settled()


class TestChecks:
    async def test_checks_wait_are_told_so_and_run_in_turn(self) -> None:
        executor = Held()
        async with hearing(executor, waiting=5) as heard:
            for entry in ("a1", "a2", "a3", "b1"):
                await heard.ask(entry)
            assert list(executor.running) == ["a1"]
            assert heard.told == [
                f"{e}: waiting for a free worker, 0 s" for e in ("a2", "a3", "b1")
            ]
            for entry in ("a1", "a2", "b1", "a3"):
                await end(executor, entry)
            assert heard.answers == ["a1", "a2", "b1", "a3"]
            assert heard.checks.answered == 4

    async def test_one_too_many_is_told_at_once(self) -> None:
        executor = Held()
        async with hearing(executor, waiting=1) as heard:
            for entry in ("a1", "a2", "a3"):
                await heard.ask(entry)
            assert heard.answers == [
                "busy: 1 checks are running and 1 are waiting; ask again in a few seconds"
            ]
            await end(executor, "a1")
            await end(executor, "a2")

    async def test_a_cancelled_check_gives_up_its_place_or_its_turn(self) -> None:
        executor = Held()
        async with hearing(executor, waiting=5) as heard:
            running, waiting, _ = [await heard.ask(entry) for entry in ("a1", "a2", "a3")]
            waiting.cancel()
            await settled()
            running.cancel()
            await settled()
            assert list(executor.running) == ["a3"]
            await end(executor, "a3")
            assert heard.answers == ["a3"]
