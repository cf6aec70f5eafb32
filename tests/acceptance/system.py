"""Answerback as it runs: a server of its own, ingress and worker processes, to be started, stopped and killed."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

import aiohttp
import msgspec

from answerback.store.embedded import EmbeddedServer
from answerback.store.fleet.workers import WorkerRegistry
from answerback.store.redis import Database
from answerback.store.threads.dead_letters import DeadLetters
from answerback.store.threads.queues import Queues, queues
from answerback.store.threads.threads import Threads
from answerback.store.threads.views import Transcript, transcript
from answerback.testing.standins.options import Options
from answerback.testing.standins.signatures import Delivery
from tests.acceptance.talks import event_of
from tests.forks import Fork

PATIENCE = 30.0
"""Seconds to wait for what should come soon: two shared cores may be busy with something else."""

T = TypeVar("T")


async def until(
    look: Callable[[], Awaitable[T]], good: Callable[[T], bool] = bool, *, within: float = PATIENCE, what: str = ""
) -> T:
    """What `look` gives as soon as it is `good`. Raises AssertionError with the last of it when it does not get so."""
    began = time.monotonic()
    while not good(found := await look()):
        if time.monotonic() > began + within:
            raise AssertionError(f"{what or 'it'} did not happen within {within:g} s; the last look: {found!r}")
        await asyncio.sleep(pause(began))
    return found


def pause(began: float) -> float:
    """Seconds until the next look: longer where one waits longer, since a look takes what it waits for some CPU."""
    return min(0.1, max(0.01, (time.monotonic() - began) / 10))


_held: list[socket.socket] = []


def free_port() -> int:
    """A TCP port on loopback for a process of ours. Until this one ends, nobody else is given it.

    A socket that is bound keeps it off other tests, and what does not listen does not keep our process from listening.
    """
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    _held.append(holder)
    return int(holder.getsockname()[1])


class Process:
    """One of our processes, with its log."""

    def __init__(self, process: Fork, log: Path) -> None:
        self._process = process
        self.log = log
        self.pid = process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.returncode is None

    def signal(self, signum: signal.Signals) -> None:
        """Send it a signal."""
        if self.alive:
            self._process.send_signal(signum)

    async def wait(self, within: float = PATIENCE) -> int:
        """Its exit status, when it has ended."""
        return await asyncio.wait_for(self._process.wait(), within)

    async def kill(self) -> None:
        """kill -9, and wait for its end."""
        self.signal(signal.SIGKILL)
        await self.wait()

    async def stop(self) -> int:
        """SIGTERM, and its exit status; killed if it does not end."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            return await self.wait()
        except TimeoutError:
            await self.kill()
            raise AssertionError(f"it did not stop:\n{self.words()}") from None

    def words(self) -> str:
        """Its log so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def lines(self, event: str) -> list[dict[str, Any]]:
        """The log lines about one event."""
        found = [msgspec.json.decode(line) for line in self.words().splitlines() if line.startswith("{")]
        return [line for line in found if line["event"] == event]


class Servers(Protocol):
    """The Redis of a system: the bundled server, or several that stand in for one another."""

    @property
    def url(self) -> str: ...
    @property
    def pid(self) -> int: ...
    @property
    def alive(self) -> bool: ...
    def start(self) -> None: ...
    def kill(self) -> None: ...
    def stop(self) -> None: ...


class System:
    """One Answerback. `settings` go to every process that is started later. A `server` that it is given stays alive."""

    def __init__(
        self, folder: Path, settings: dict[str, str], *, binary: Path | None = None, server: Servers | None = None
    ) -> None:
        self.folder = folder
        self.marks = folder / "marks"
        self.marks.mkdir()
        self.settings = {
            "MARKS": str(self.marks),
            "TURN_RETRY_SECONDS": "0.1",
            "LEASE_SECONDS": "2",
            "REPLY_LATE_SECONDS": "1.2",
            # Those who talk in tests make no pause.
            "LOOP_TURNS": "0",
            "REPLY_PACING": "false",
            "SHUTDOWN_GRACE_SECONDS": "10",
            "DRAIN_SECONDS": "0",
            "WRONG_KEY_RATE_PER_IP": "off",
            "STANDARD_WEBHOOKS_SECRET": Options.standard_secret,
            # It is found by looking at all that is imported, which takes a worker longer than all else.
            "ANSWERBACK_VERSION": "tests",
            **settings,
        }
        self.server: Servers = server or EmbeddedServer(folder / "data", binary=binary)
        self._owned = server is None
        self.port = free_port()
        self._processes: list[Process] = []
        self._session: aiohttp.ClientSession | None = None
        self._started = self._tests = 0
        self.workspace = "default"
        """The workspace of keys for which a test names none."""

    @classmethod
    @asynccontextmanager
    async def running(
        cls, folder: Path, settings: dict[str, str], *, server: Servers | None = None
    ) -> AsyncIterator[Self]:
        """One with a server, its own if none is given; ingress and workers are for the test to start."""
        system = cls(folder, settings, server=server)
        await system.open()
        try:
            yield system
        finally:
            await system.close()

    async def open(self) -> None:
        """Start the server, and connect to it."""
        await asyncio.to_thread(self.server.start)
        self.database = Database(self.server.url, timeout=5)
        self.threads = Threads(self.database, partitions=int(self.settings.get("ANSWERBACK_PARTITIONS", 1)))
        self.letters = DeadLetters(self.threads)
        self.roster = WorkerRegistry(self.database)
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=256))

    async def close(self) -> None:
        """Stop all of it. A process that is left over is a failure."""
        for process in self._processes:
            if process.alive:
                process.signal(signal.SIGCONT)
                process.signal(signal.SIGTERM)
        try:
            for process in self._processes:
                await process.stop()
        finally:
            for process in self._processes:
                if process.alive:
                    await process.kill()
            if self._session:
                await self._session.close()
                await self.database.close()
            if self._owned:
                await asyncio.to_thread(self.server.stop)

    def begin(self) -> None:
        """Begin another test on the processes that run: in a workspace of its own, with nothing marked or released."""
        self._tests += 1
        self.workspace = f"test-{self._tests}"
        for mark in self.marks.iterdir():
            mark.unlink()

    async def ingress(self, program: str = "ingress", **settings: str) -> Process:
        """Start an ingress process on `self.port`, or another PORT, and wait until it is ready."""
        settings = {"PORT": str(self.port), **settings}
        process = await self.start(program, **settings)
        await until(lambda: self._answers(process, settings["PORT"]), what="ingress being ready")
        return process

    async def worker(self, agents: str = "", program: str = "worker", **settings: str) -> Process:
        """Start a worker with the agents at "module:name", and wait until it reports."""
        before = {report.id for report, _ in await self.roster.workers()}
        process = await self.start(program, **({"ANSWERBACK_AGENTS": agents} if agents else {}), **settings)

        async def reports() -> bool:
            reported = [report for report, _ in await self.roster.workers() if report.id not in before]
            there = any(report.pid == process.pid for report in reported)
            assert there or process.alive, process.words()
            return there

        await until(reports, what="the worker being ready")
        return process

    async def post(self, platform: str, delivery: Delivery, port: int = 0) -> tuple[int, dict[str, Any]]:
        """Send a webhook; the answer's status and body."""
        assert self._session is not None
        url = f"http://127.0.0.1:{port or self.port}/webhooks/{platform}"
        async with self._session.post(url, data=delivery.body, headers=delivery.headers) as answer:
            body = await answer.read()
            return answer.status, msgspec.json.decode(body) if body and "json" in answer.content_type else {}

    async def deliver(self, platform: str, delivery: Delivery) -> dict[str, Any]:
        """Send a webhook as its provider would: again until it is acknowledged. The receipt."""

        async def attempt() -> dict[str, Any]:
            try:
                status, receipt = await self.post(platform, delivery)
            except (aiohttp.ClientError, OSError):
                return {}
            assert status in (200, 202, 503), receipt
            if status == 200 and not receipt:
                # The platform expects an answer of its own.
                return {"status": "accepted", "dispatch_id": event_of(platform, delivery).id}
            return {} if status == 503 else receipt

        return await until(attempt, what="an acknowledgement")

    async def queues(self) -> Queues:
        """The queues at a glance."""
        return await queues(self.threads)

    async def quiet(self, handled: int, within: float = PATIENCE) -> Queues:
        """Wait until so many events are handled or buried, nothing waits, and every reply is out."""

        def done(found: Queues) -> bool:
            busy = found.turns.waiting + found.turns.in_flight + found.turns.retrying
            sending = found.replies.waiting + found.replies.in_flight + found.replies.retrying
            return found.handled + found.dead_lettered >= handled and not (found.events_waiting or busy or sending)

        return await until(self.queues, done, within=within, what=f"{handled} events being handled")

    async def marked(self, name: str) -> None:
        """Wait until an agent has left this mark."""

        async def there() -> bool:
            return (self.marks / name).exists()

        await until(there, what=f"the agent getting to {name}")

    def release(self, number: int = 1) -> None:
        """Let the agents go on that are held, for the first time or a later one."""
        (self.marks / f"released-{number}").touch()

    async def release_once_waiting(self, waiting: int) -> None:
        """Let them go on once so many events wait, those that they work on included."""
        await until(self.queues, lambda found: found.events_waiting == waiting, what=f"{waiting} events waiting")
        self.release()

    async def transcript(self, thread: str) -> Transcript:
        """A thread whole."""
        found = await transcript(self.threads, thread)
        assert found is not None, f"there is no thread {thread}"
        return found

    async def answers(self, thread: str) -> list[str]:
        """What we said in a thread, in order."""
        return [message.text for message in (await self.transcript(thread)).messages if message.role == "assistant"]

    async def start(self, module: str, **settings: str) -> Process:
        """Start `python -m module`, and do not wait for anything. An empty setting takes a variable away.

        `module` may be followed by arguments.
        """
        self._started += 1
        log = self.folder / f"{module.split()[-1]}-{self._started}.log"
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        environment = {**inherited, **self.settings, "REDIS_URL": self.server.url, **settings}
        process = Process(Fork(module.split(), {name: value for name, value in environment.items() if value}, log), log)
        self._processes.append(process)
        return process

    async def _answers(self, process: Process, port: str) -> bool:
        assert process.alive, process.words()
        assert self._session is not None
        try:
            async with self._session.get(f"http://127.0.0.1:{port}/health/ready") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False
