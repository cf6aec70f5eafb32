"""Supervise the server, ingress and workers of the Procfile in one terminal: start, restart, stop in order."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import ExitStack
from pathlib import Path

import click

from answerback.environment import is_set, overridden, typed
from answerback.redis_address import place
from answerback.settings import Settings
from answerback.store.access.sign_ins import SignIns
from answerback.store.fleet.workers import WorkerRegistry, WorkerReport
from answerback.store.redis import Database
from answerback.store.thread_ids import DEFAULT_WORKSPACE

from ..exits import Failure
from .address import local_url
from .agent_processes import AgentProcesses
from .control import ControlSocket
from .dev_environment import Announcement, announced_as, development_secrets
from .dev_key import development_key, kept, local
from .group import READY_WITHIN, Group
from .kept_server import KeptServer
from .listeners import Listeners
from .output import Output
from .reloader import Reloader
from .source_files import SourceFiles
from .welcome import needed, welcome

CONTROL = "ANSWERBACK_CONTROL"
"""The variable that tells ingress on which socket `up` takes its requests."""
MARGIN = 5.0
"""Seconds that a process has to end after the grace period of its turns."""
PATIENT = {"STUCK_SECONDS": "86400", "TURN_TIMEOUT_SECONDS": "86400"}
"""For a worker with a debugger. Leases hold by themselves: their clock stands still without any worker's heartbeats."""


class Supervisor:
    """Start, watch and stop everything that `up` runs."""

    def __init__(self, settings: Settings, ingress: int, workers: int, *, reload: bool, debug: bool) -> None:
        self._settings = settings
        self._debug = debug
        self._files = SourceFiles(Path.cwd(), settings.data) if reload else None
        self._ingress, self._workers = ingress, workers
        self._listeners = Listeners(settings.host, settings.port, ingress)
        port = self._listeners.port
        self._write = Output(max(ingress, workers)).write
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
        self._groups: list[Group] = []
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
                workers = next(group for group in self._groups if group.kind == "worker")
                reloading = asyncio.create_task(Reloader(self._files, workers, self._write).keep())
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
        """Wait for one of these tasks; raise what a task that keeps a process raises meanwhile."""
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
        await self._launch()
        working = await self._until_ready()
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

    async def _launch(self) -> None:
        settings = self._settings
        token = settings.metrics_token.get_secret_value() if settings.metrics_token else ""
        for kind, size in (("web", self._ingress), ("worker", self._workers)):
            environ = self._environ
            if kind == "web" and self._control:
                environ = {**environ, CONTROL: str(self._control.path)}
            port = settings.metrics_port if kind == "web" else settings.worker_metrics_port
            name = "METRICS_PORT" if kind == "web" else "WORKER_METRICS_PORT"
            group = Group(
                kind,
                size,
                environ,
                self._write,
                output="terminal" if self._debug and kind == "worker" else "relayed",
                listeners=self._listeners if kind == "web" else None,
                port=(name, settings.metrics_host or settings.host, port) if port else None,
                token=token,
            )
            self._groups.append(group)
            await group.start()
        self._keepers = [asyncio.create_task(group.until_drained()) for group in self._groups]
        if self._server is not None:
            self._keepers.append(asyncio.create_task(self._server.keep(until=self._asked)))

    async def _until_ready(self) -> list[WorkerReport]:
        try:
            async with asyncio.timeout(READY_WITHIN):
                await asyncio.gather(*(group.until_ready() for group in self._groups))
        except TimeoutError:
            raise Failure(f"not ready after {READY_WITHIN:g} s: see the output above.") from None
        database = Database(self._redis_url)
        try:
            reports = await WorkerRegistry(database).workers()
        finally:
            await database.close()
        return [report for report, _ in reports if any(report.pid in group.pids for group in self._groups)]

    async def _stop(self) -> None:
        self._announcement.close()
        if self._control is not None:
            await self._control.close()
        grace = self._settings.grace + MARGIN
        await asyncio.gather(*(group.stop(grace, self._hurried) for group in self._groups))
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        if self._server is not None:
            self._server.stop()


async def _wait(event: asyncio.Event) -> None:
    await event.wait()
