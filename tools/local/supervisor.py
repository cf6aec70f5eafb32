"""Supervise the server, ingress and workers of the Procfile in one terminal: start, restart, stop in order."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import click

from answerback.environment import is_set, overridden, typed
from answerback.errors import StoreUnavailable
from answerback.redis_address import place
from answerback.settings import Settings
from answerback.store.access.sign_ins import SignIns
from answerback.store.fleet.workers import WorkerRegistry, WorkerReport
from answerback.store.redis import Database
from answerback.store.thread_ids import DEFAULT_WORKSPACE

from ..exits import Failure
from .address import healthy, local_url
from .agent_processes import AgentProcesses
from .control import ControlSocket
from .dev_environment import Announcement, announced_as, development_secrets
from .dev_key import development_key, kept, local
from .kept_server import KeptServer
from .output import Output
from .processes import PROCFILE, Process, python
from .reloader import Reloader
from .source_files import SourceFiles
from .welcome import needed, welcome

CONTROL = "ANSWERBACK_CONTROL"
"""The variable that tells ingress on which socket `up` takes its requests."""
READY_WITHIN = 60.0
"""Seconds to wait for readiness: importing the agents may be slow."""
MARGIN = 5.0
"""Seconds that a process has to end after the grace period of its turns."""
HURRY = 3.0
"""Seconds between SIGTERM and SIGKILL after a second Ctrl-C."""
PATIENT = {"STUCK_SECONDS": "86400", "TURN_TIMEOUT_SECONDS": "86400"}
"""For a worker with a debugger. Leases hold by themselves: their clock stands still without any worker's heartbeats."""


class Supervisor:
    """Start, watch and stop everything that `up` runs."""

    def __init__(self, settings: Settings, port: int, workers: int, *, reload: bool, debug: bool) -> None:
        self._settings = settings
        self._debug = debug
        self._files = SourceFiles(Path.cwd(), settings.data) if reload else None
        self._workers = workers
        self._write = Output(workers).write
        self._url = local_url(settings.host, port)
        kept(settings.data)  # raises for an unsafe key file before anything is started
        made = development_secrets(settings.data, create=True)
        self._made = {name: secret for name, secret in made.items() if not is_set(os.environ, name)}
        # There is no load balancer in front of a local ingress, so it need not drain.
        defaults = {} if is_set(os.environ, "DRAIN_SECONDS") else {"DRAIN_SECONDS": "0"}
        ours = {**self._made, "PORT": str(port), "PYTHONUNBUFFERED": "1", **(PATIENT if debug else {})}
        self._environ = overridden(os.environ, {**defaults, **ours})
        self._redis_url = settings.redis_url or ""
        """"" until the bundled server runs."""
        self._server: KeptServer | None = None
        self._control: ControlSocket | None = None
        self._processes: list[Process] = []
        self._keepers: list[asyncio.Task[None]] = []
        self._announcement = ExitStack()
        self._asked = asyncio.Event()
        self._hurried = asyncio.Event()

    async def run(self) -> None:
        """Run until a signal asks to stop. Raises `Failure` or `ConfigurationError` when something cannot start."""
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(signum, self._ask)
        asked = asyncio.create_task(_wait(self._asked))
        ready = asyncio.create_task(self._ready())
        reloading: asyncio.Task[None] | None = None
        try:
            await self._first(ready, asked)
            if self._files is not None and not asked.done():
                reloading = asyncio.create_task(self._reloader(self._files).keep())
            await self._first(asked, *([reloading] if reloading else ()))
        finally:
            if reloading is not None:
                reloading.cancel()
                await asyncio.gather(reloading, return_exceptions=True)
            self._asked.set()
            ready.cancel()
            await asyncio.gather(ready, return_exceptions=True)
            await self._stop()

    def _ask(self) -> None:
        if sys.stdout.isatty():
            click.echo("\r", nl=False)  # overwrites the ^C that the terminal printed
        if self._asked.is_set():
            self._hurried.set()
        else:
            self._write("up", "stopping; press Ctrl-C again to stop at once")
        self._asked.set()

    async def _first(self, *waited: asyncio.Task[None]) -> None:
        """Wait for one of these tasks; raise what any task of ours raises meanwhile."""
        while not any(task.done() for task in waited):
            pending = [task for task in (*waited, *self._keepers) if not task.done()]
            await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED, timeout=0.5)
            for task in (*waited, *self._keepers):
                if task.done():
                    task.result()

    async def _ready(self) -> None:
        """Start everything, and print the welcome once it is ready."""
        self._serve()
        await self._listen()
        self._launch()
        working = await self._until_ready()
        for process in self._processes:
            process.started = True
        data = self._settings.data.absolute()
        self._announcement.enter_context(announced_as(data, Announcement(self._url, os.getpid())))
        welcome(
            url=self._url,
            key=await self._key(),
            link=await self._link(),
            data=str(data) if self._server else place(self._redis_url),
            working=working,
            made=self._made,
            needs=needed(typed(os.environ)),
        )

    def _serve(self) -> None:
        if self._settings.redis_url is None:
            self._server = KeptServer(self._settings.data, self._write)
            self._server.start()
            self._redis_url = self._server.url
            self._environ = overridden(self._environ, {"REDIS_URL": self._redis_url})

    async def _listen(self) -> None:
        """Take requests of ingress to start agents from templates, unless others share the store: see `local`."""
        if not local(self._redis_url):
            return
        # Agents get what this process has, without the secrets that were made for ingress and workers.
        private = self._settings.allow_private_urls
        agents = AgentProcesses(self._redis_url, os.environ, self._write, private=private)
        self._control = ControlSocket(agents)
        await self._control.start()

    async def _key(self) -> Path | None:
        """Return the path of the development key, or None for a Redis on another machine."""
        if not local(self._redis_url):
            return None
        database = Database(self._redis_url)
        try:
            return await development_key(self._settings.data, database)
        finally:
            await database.close()

    async def _link(self) -> str:
        database = Database(self._redis_url)
        try:
            return await SignIns(database).link(DEFAULT_WORKSPACE)
        finally:
            await database.close()

    def _launch(self) -> None:
        for name, module in PROCFILE.items():
            copies = self._workers if name == "worker" else 1
            names = [name] if copies == 1 else [f"{name}.{number}" for number in range(1, copies + 1)]
            environ = self._environ
            if name == "web" and self._control:
                environ = {**environ, CONTROL: str(self._control.path)}
            make = partial(Process, command=python(module), environ=environ, write=self._write)
            self._processes += [make(each, terminal=self._debug and name == "worker") for each in names]
        self._keepers = [asyncio.create_task(process.keep()) for process in self._processes]
        if self._server is not None:
            self._keepers.append(asyncio.create_task(self._server.keep(until=self._asked)))

    async def _until_ready(self) -> list[WorkerReport]:
        database = Database(self._redis_url)
        deadline = time.monotonic() + READY_WITHIN
        try:
            while time.monotonic() < deadline:
                working = await self._working(WorkerRegistry(database))
                if len(working) == self._workers and await asyncio.to_thread(healthy, self._url):
                    return working
                await asyncio.sleep(0.03)
        finally:
            await database.close()
        raise Failure(f"not ready after {READY_WITHIN:g} s: see the output above.")

    async def _working(self, roster: WorkerRegistry) -> list[WorkerReport]:
        """Return the reports of the workers that this process started."""
        ours = {process.pid for process in self._processes}
        try:
            return [report for report, _ in await roster.workers() if report.pid in ours]
        except StoreUnavailable:
            return []

    def _reloader(self, files: SourceFiles) -> Reloader:
        async def is_ready(process: Process) -> bool:
            database = Database(self._redis_url)
            try:
                working = await self._working(WorkerRegistry(database))
                return process.pid in {report.pid for report in working}
            finally:
                await database.close()

        return Reloader(files, self._processes, self._keepers, is_ready, self._write, within=READY_WITHIN)

    async def _stop(self) -> None:
        self._announcement.close()
        if self._control is not None:
            await self._control.close()
        for process in self._processes:
            process.end()
        gone = asyncio.gather(*self._keepers, return_exceptions=True)
        hurried = asyncio.create_task(_wait(self._hurried))
        timeout = self._settings.grace + MARGIN
        ends: list[asyncio.Future[Any]] = [gone, hurried]
        await asyncio.wait(ends, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        for signum in (signal.SIGTERM, signal.SIGKILL):
            if not gone.done():
                for process in self._processes:
                    process.end(signum)
                await asyncio.wait([gone], timeout=HURRY)
        hurried.cancel()
        if self._server is not None:
            self._server.stop()


async def _wait(event: asyncio.Event) -> None:
    await event.wait()
