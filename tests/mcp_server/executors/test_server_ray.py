"""Checks on a Ray cluster of several nodes on this machine, and what becomes of them when one is lost."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.to_thread import run_sync
from mcp.shared.exceptions import MCPError
from serving import PATIENCE, connected, cube, descendants, isolation_of, text_of, watched

from mcp_server.executors.ray.cluster import NoCluster, connect
from mcp_server.executors.ray.fleet import Fleet
from mcp_server.request import Checked, Failure, Request
from mcp_server.service.checks import Checks

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc and waits by pidfd")
pytest.importorskip("ray", reason="Ray is not installed: pip install -e '.[ray]'")

NODE = {"num_cpus": 1, "object_store_memory": 80 << 20}
OPTIONS = {"level": "quick", "seed": 1, "time_limit": 60.0}
SLOW = "__import__('time').sleep(0.05)"
RUNNING = r"in forward|in backward|between calls"
ENDLESS = cube(backward="while True: pass")


class Machines:
    """A cluster, whose head runs no checks, and the folder that its nodes have for scratch."""

    def __init__(self, folder: Path) -> None:
        from ray.cluster_utils import Cluster

        head = {**NODE, "num_cpus": 0, "include_dashboard": False}
        self.folder = folder
        self.cluster = Cluster(initialize_head=True, head_node_args=head)
        self.nodes = [self.cluster.add_node(**NODE) for _ in range(2)]

    @property
    def address(self) -> str:
        return self.cluster.address

    @property
    def options(self) -> tuple[str, ...]:
        return ("--executor=ray", f"--ray-address={self.address}", "--workers=1")

    def below(self, node: Any) -> list[int]:
        """What runs below a node for checks: zygotes, judges and workers."""
        (raylet,) = node.all_processes["raylet"]
        return [pid for pid in descendants(raylet.process.pid) if is_ours(pid)]

    def lose(self, node: Any) -> None:
        self.nodes.remove(node)
        self.cluster.remove_node(node, allow_graceful=False)

    def replace(self) -> Any:
        self.nodes.append(self.cluster.add_node(**NODE))
        return self.nodes[-1]

    def assert_clean(self) -> None:
        """No process of a check and no folder is left."""
        with watched([pid for node in self.nodes for pid in self.below(node)]) as gone:
            assert gone()
        assert self.scratch() == []

    def scratch(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("autograd-mcp-*"))


def is_ours(pid: int) -> bool:
    with suppress(OSError):
        return "mcp_server" in Path(f"/proc/{pid}/cmdline").read_text()
    return False


@pytest.fixture(scope="module")
def machines() -> Iterator[Machines]:
    # Sockets of Ray need a path of at most 107 characters, which pytest's folders exceed.
    with (
        tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("TMPDIR", folder)
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setattr(tempfile, "tempdir", None)
        machines = Machines(Path(folder))
        yield machines
        machines.cluster.shutdown()


class Asked:
    """A check that was asked for: what it told on the way and what it answered."""

    def __init__(self, checks: Checks, source: str) -> None:
        self._checks, self._request = checks, Request(source=source, entry="Cube", options=OPTIONS)
        self.told: list[str] = []
        self.outcomes: list[Checked | Failure] = []
        self._news = anyio.Event()

    async def ask(self) -> None:
        self.outcomes.append(await self._checks.run(self._request, self._hear))

    async def _hear(self, seconds: float, message: str) -> None:
        self.told.append(message)
        self._news.set()
        self._news = anyio.Event()

    async def until(self, pattern: str) -> None:
        with anyio.move_on_after(PATIENCE):
            while not any(re.match(pattern, message) for message in self.told):
                await self._news.wait()
            return
        pytest.fail(f"not told {pattern!r}: {self.told}, {self.outcomes}")

    @property
    def answer(self) -> str:
        (outcome,) = self.outcomes
        return outcome.report.verdict if isinstance(outcome, Checked) else outcome.message


def is_again(asked: Asked) -> bool:
    return any("again after the loss of 1 of its nodes" in message for message in asked.told)


class TestLosses:
    async def test_a_lost_node_costs_no_answer_and_doubles_none(self, machines: Machines) -> None:
        mix = [
            (cube(forward=SLOW), "verified"),
            (cube(forward=SLOW, factor=2), "failed"),
            ("import torch\nclass Cube(", "the source does not parse: line 2, column 11: "),
            (cube(), "verified"),
            (cube(factor=2), "failed"),
            (cube(backward="os._exit(3)"), "the submitted code ended its process (exit code 3) "),
        ]
        fleet = Fleet(machines.address)
        assert fleet.room == 2
        with Checks(fleet) as checks:
            asked = [Asked(checks, source) for source, _ in mix]
            async with anyio.create_task_group() as tasks:
                for each in asked:
                    tasks.start_soon(each.ask)
                for each in asked[:2]:
                    await each.until(RUNNING)
                lost = machines.nodes[0]
                held = machines.below(lost)
                assert len(held) == 3  # zygote, judge and worker
                with watched(held) as gone:
                    await run_sync(machines.lose, lost)
                    assert gone()
            assert [is_again(each) for each in asked[:2]].count(True) == 1
            for each, (_, due) in zip(asked, mix, strict=True):
                assert each.answer.startswith(due), each.answer
            assert checks.answered == len(mix)

            await self._a_new_node_takes_its_place(machines, checks)
        machines.assert_clean()

    async def _a_new_node_takes_its_place(self, machines: Machines, checks: Checks) -> None:
        new = machines.replace()  # Ray insists on the main thread
        pair = [Asked(checks, ENDLESS) for _ in range(2)]
        async with anyio.create_task_group() as tasks:
            for each in pair:
                tasks.start_soon(each.ask)
            for each in pair:
                await each.until("in backward")
            with watched(machines.below(new)[1:]) as gone:
                tasks.cancel_scope.cancel()
                await run_sync(gone)
        assert [each.outcomes for each in pair] == [[], []]
        last = Asked(checks, cube())
        await last.ask()
        assert last.answer == "verified"

    async def test_a_cluster_without_a_free_processor_is_told_in_bounded_time(
        self, machines: Machines
    ) -> None:
        fleet = Fleet(machines.address, workers=3)
        with Checks(fleet) as checks:
            pair = [Asked(checks, ENDLESS) for _ in range(2)]
            async with anyio.create_task_group() as tasks:
                for each in pair:
                    tasks.start_soon(each.ask)
                for each in pair:
                    await each.until("in backward")
                fleet.patience = 1.0
                third = Asked(checks, cube())
                await third.ask()
                tasks.cancel_scope.cancel()
        assert third.answer.startswith(
            "no node of the Ray cluster had a processor free for 1 s: look at ray status, "
        )
        machines.assert_clean()


class TestServer:
    def test_the_nodes_check_as_isolated_as_this_machine_and_cancelling_kills(
        self, machines: Machines
    ) -> None:
        with connected(machines.folder, *machines.options, "--isolation=strict") as session:
            assert session.report(cube()).verdict == "verified"
            report = session.report(cube(factor=2))
            assert "AG101" in report.codes
            assert isolation_of(report).not_enforced == ()
            assert {"verdict by another process", "no network"} <= set(
                isolation_of(report).enforced
            )
            flood = session.check(cube(forward="while True: os.write(1, b'x' * 10000)"))
            assert text_of(flood).startswith("stopped in forward after printing more than 1 MB: ")

            assert descendants(session.pid) == []
            idle = {pid for node in machines.nodes for pid in machines.below(node)}
            future = session.start(ENDLESS, until="in backward")
            busy = {pid for node in machines.nodes for pid in machines.below(node)}
            with watched(sorted(busy - idle)) as gone:
                assert len(busy - idle) == 2  # the judge and its worker
                future.cancel()
                assert gone()
            with pytest.raises(CancelledError):
                future.result()
            assert session.report(cube(), level="quick").ok
        machines.assert_clean()

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
    def test_a_server_that_ends_leaves_nothing_on_the_nodes(
        self, machines: Machines, number: int
    ) -> None:
        with connected(machines.folder, *machines.options) as session:
            future = session.start(ENDLESS, until="in backward")
            held = [pid for node in machines.nodes for pid in machines.below(node)]
            with watched([session.pid, *held]) as gone:
                os.kill(session.pid, number)
                assert gone()
            with pytest.raises(MCPError):
                future.result(PATIENCE)
        if number == signal.SIGKILL:  # the folder stays until the next actor starts there
            assert machines.scratch() != []
            with connected(machines.folder, *machines.options) as swept:
                assert swept.report(cube(), level="quick").ok
        machines.assert_clean()


class TestRefusals:
    def test_an_address_where_no_cluster_answers_is_told_in_bounded_time(self) -> None:
        """In a process of its own: the trial that is given up keeps Ray busy."""
        trial = "from mcp_server.executors.ray.cluster import connect; connect('127.0.0.1:1', 1)"
        done = subprocess.run(
            [sys.executable, "-c", trial], capture_output=True, text=True, timeout=PATIENCE
        )
        assert done.returncode == 1
        last = done.stderr.strip().splitlines()[-1]
        assert "no Ray cluster answered at 127.0.0.1:1 within 1 s: start one there with" in last

    @pytest.mark.parametrize(
        ("address", "sentence"),
        [
            ("there", "the Ray cluster at 'there' cannot be used: "),
            ("ray://there:10001", "ray://there:10001 is an address of Ray Client, "),
        ],
    )
    def test_an_address_that_cannot_be_used_is_told(self, address: str, sentence: str) -> None:
        with pytest.raises(NoCluster, match=re.escape(sentence)):
            connect(address)

    def test_a_machine_without_ray_is_told_what_to_install(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "ray", None)
        with pytest.raises(NoCluster, match=r"pip install 'pytest-autograd\[ray\]'"):
            connect("auto")

    def test_an_address_without_the_executor_is_refused(self) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "mcp_server", "--ray-address", "127.0.0.1:6379"],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == 2
        assert "--ray-address needs --executor ray" in done.stderr
