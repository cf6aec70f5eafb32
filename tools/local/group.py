"""Several processes of one kind: started, watched, replaced one after another, and stopped together."""

from __future__ import annotations

import asyncio
import signal
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

from answerback.environment import overridden
from answerback.http.monitor import Metrics, Monitor
from answerback.supervised import Refused, Supervised, fetch

from ..exits import Failure
from .group_metrics import merged
from .listeners import Listeners
from .processes import PROCFILE, Destination, Process, Write, python

READY_WITHIN = 60.0
"""Seconds that a process may take to get ready: importing the agents may be slow."""
HURRY = 3.0
"""Seconds between SIGTERM and SIGKILL after a second Ctrl-C."""


class _Member(Process):
    """One process of a group. `slot`: its number from 0, which its successor takes over; `path`: of its socket."""

    slot: int
    path: str


class Group:
    """The processes of one kind.

    Each serves its health and metrics on a Unix socket, where the group asks for them, and the group serves those of
    all on another one. Both are in a folder that only this user can open.

    Args:
        kind: "web" or "worker".
        supervisor: the name under which `write` gets what happens to processes.
        port: the settings' name, host and port on which the health and metrics of all are served; None: nowhere.
        token: required to read the metrics on that port.
    """

    def __init__(
        self,
        kind: str,
        processes: int,
        environ: Mapping[str, str],
        write: Write,
        *,
        output: Destination = "relayed",
        supervisor: str = "up",
        listeners: Listeners | None = None,
        port: tuple[str, str, int] | None = None,
        token: str = "",
    ) -> None:
        self.kind = kind
        self._keepers: list[asyncio.Task[None]] = []
        self.size = processes
        self._environ = environ
        self._write = write
        self._output: Destination = output
        self._supervisor = supervisor
        self._listeners = listeners
        # Not in ANSWERBACK_DATA: the path of a socket has at most about 100 characters.
        self._folder = tempfile.TemporaryDirectory(prefix="answerback-")
        self._path = str(Path(self._folder.name, "all.sock"))
        own = Monitor("", "", 0, self.why_not, Metrics(self.metrics), path=self._path)
        self._monitors = [own, *([Monitor(*port, self.why_not, Metrics(self.metrics, token))] if port else [])]
        self._members: list[_Member] = []
        self._numbers = count(1)
        self._stopping = False

    @property
    def pids(self) -> set[int]:
        """The process ids of those that run now, also if they are being replaced."""
        return {member.pid for member in self._members if member.pid}

    def name(self, slot: int) -> str:
        """Return the name of a process in the log, by its number from 0."""
        return self.kind if self.size == 1 else f"{self.kind}.{slot + 1}"

    async def start(self) -> None:
        """Start the processes. Raises `ConfigurationError` if the port for metrics cannot be used."""
        for monitor in self._monitors:
            await monitor.start()
        for slot in range(self.size):
            self._add(slot)

    async def until_ready(self) -> None:
        """Wait until each process was ready once: from then on one that ends is restarted."""
        await asyncio.gather(*(self._until_ready(member) for member in self._current))

    async def until_drained(self) -> None:
        """Wait until no process runs any more. Raises `Failure` if one ends before any was ready."""
        while self._keepers:
            done, _ = await asyncio.wait(self._keepers, timeout=0.5, return_when=asyncio.FIRST_COMPLETED)
            for keeper in done:
                self._keepers.remove(keeper)
                keeper.result()

    async def why_not(self) -> str:
        """Return why not all processes are ready now; "" if they are."""
        if self._stopping:
            return "stopping"
        members = self._current
        why = [f"{m.name}: {why}" for m, why in zip(members, await self._ask(members), strict=True) if why]
        if len(members) < self.size:
            why.append(f"{self.size - len(members)} of {self.size} processes were drained")
        return "; ".join(why)

    async def metrics(self) -> bytes:
        """Return the metrics of all processes together. Those that do not answer are left out."""
        texts = await asyncio.gather(*(fetch(m.path, "/metrics") for m in self._members), return_exceptions=True)
        return await asyncio.to_thread(merged, [text for text in texts if isinstance(text, bytes)])

    async def roll(self) -> str:
        """Replace each process by a new one; start those that were drained. Return why it went no further, or ""."""
        for slot in range(self.size):
            if why := await self.replace(slot):
                return why
        return ""

    async def replace(self, slot: int) -> str:
        """Start a process, and end its predecessor once the new one is ready. Return why it did not get ready, or "".

        The old one goes on if the new one does not get ready.
        """
        old = [member for member in self._current if member.slot == slot]
        new, keeper = self._add(slot)
        getting_ready = asyncio.create_task(self._until_ready(new))
        either: list[asyncio.Task[None]] = [getting_ready, keeper]
        await asyncio.wait(either, timeout=READY_WITHIN, return_when=asyncio.FIRST_COMPLETED)
        if getting_ready.done() and not self._stopping:
            for member in old:
                member.end(signal.SIGHUP if self._listeners else signal.SIGTERM)
            return ""
        getting_ready.cancel()
        new.end()
        return "see above" if keeper.done() else f"it was not ready after {READY_WITHIN:g} s"

    async def stop(self, grace: float, hurried: asyncio.Event) -> None:
        """End all processes: within `grace` seconds, or at once when `hurried` is set."""
        self._stopping = True
        if self._listeners is not None:
            self._listeners.close()  # the processes go on listening for as long as they have to
        for member in self._members:
            # A second signal would not let it finish.
            if not member.ending:
                member.end()
        gone = asyncio.gather(*self._keepers, return_exceptions=True)
        waiting = asyncio.create_task(_set(hurried))
        either: list[asyncio.Future[Any]] = [gone, waiting]
        await asyncio.wait(either, timeout=grace, return_when=asyncio.FIRST_COMPLETED)
        for signum in (signal.SIGTERM, signal.SIGKILL):
            if not gone.done():
                for member in self._members:
                    member.end(signum)
                await asyncio.wait([gone], timeout=HURRY)
        waiting.cancel()
        for monitor in self._monitors:
            await monitor.stop()
        self._folder.cleanup()

    @property
    def _current(self) -> list[_Member]:
        return [member for member in self._members if not member.ending]

    def _add(self, slot: int) -> tuple[_Member, asyncio.Task[None]]:
        own, others = ((), ()) if self._listeners is None else (self._listeners.own(slot), self._listeners.others(slot))
        path = str(Path(self._folder.name, f"{next(self._numbers)}.sock"))
        supervised = Supervised(path, self._path, own, others)
        member = _Member(
            self.name(slot),
            python(PROCFILE[self.kind]),
            overridden(self._environ, supervised.environ()),
            self._write,
            output=self._output,
            descriptors=(*own, *others),
            drained=self.kind == "worker",
            supervisor=self._supervisor,
        )
        member.slot, member.path = slot, path
        self._members.append(member)
        keeper = asyncio.create_task(self._keep(member, first=not self._replaces(member)))
        self._keepers.append(keeper)
        return member, keeper

    def _replaces(self, member: _Member) -> bool:
        return any(other.started for other in self._members if other is not member)

    async def _keep(self, member: _Member, *, first: bool) -> None:
        try:
            # A replacement that ends before it was ready is the matter of `replace`.
            with suppress(*(() if first else (Failure,))):
                await member.keep()
        finally:
            self._members.remove(member)

    async def _until_ready(self, member: _Member) -> None:
        while (await self._ask([member]))[0]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        member.started = True

    async def _ask(self, members: Sequence[_Member]) -> list[str]:
        async def ask(member: _Member) -> str:
            try:
                await fetch(member.path, "/health/ready")
            except Refused as error:
                return str(error)
            except OSError:
                return "does not respond" if member.pid and member.started else "starting"
            return ""

        return [*await asyncio.gather(*map(ask, members))]


async def _set(event: asyncio.Event) -> None:
    await event.wait()
