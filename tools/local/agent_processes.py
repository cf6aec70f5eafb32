"""The agents that `up` runs from templates: started and stopped on request, registered while they run."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Literal, NamedTuple

from answerback.agent_templates import AgentTemplate, BrokenTemplate, read_templates
from answerback.errors import StoreFull, StoreUnavailable
from answerback.store.fleet.agents import AgentDirectory
from answerback.store.fleet.remote_agents import RemoteAgent, RemoteAgentRefused, RemoteAgents
from answerback.store.redis import Database
from answerback.store.thread_ids import DEFAULT_WORKSPACE

from .address import free_port
from .processes import Process, Write

MOST = 8
"""Maximum number of agents that run at the same time."""
OWNER = "up"
"""The owner of their registrations, in the place of a key's id."""
LEASE = 15_000
"""The lease of their registrations, ms: what a killed `up` leaves behind is soon gone."""
HOST = "127.0.0.1"
GRACE = 5.0
"""Seconds that an agent has to end before it is killed."""

State = Literal["stopped", "starting", "running", "broken"]


class NotStarted(Exception):
    """The agent cannot be started or stopped. `status`: the status of the HTTP response that says so."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class AgentStatus(NamedTuple):
    """A template, and the state of its process. `detail`: what is wrong, or how it ended."""

    id: str
    description: str
    lifecycle: str
    chat: bool
    state: State
    detail: str


class _Running:
    """A started agent."""

    def __init__(self, template: AgentTemplate, process: Process, port: int) -> None:
        self.template = template
        self.process = process
        self.port = port
        self.tasks: list[asyncio.Task[None]] = []
        self.listens = False
        self.stopping = False


class AgentProcesses:
    """Starts, supervises and stops the agents of the templates."""

    def __init__(self, url: str, environ: Mapping[str, str], write: Write, *, private: bool) -> None:
        self._database = Database(url)
        self._remotes = RemoteAgents(self._database)
        self._directory = AgentDirectory(self._database)
        self._environ = environ
        self._write = write
        self._private = private
        self._running: dict[str, _Running] = {}
        self._ended: dict[str, str] = {}
        self._changing = asyncio.Lock()

    def list(self) -> list[AgentStatus]:
        """Return the templates, which are read again, with the states of their processes."""
        templates: dict[str, AgentTemplate | BrokenTemplate] = {
            **{id: running.template for id, running in self._running.items()},
            **read_templates(),
        }
        return [self._status(template) for _, template in sorted(templates.items())]

    async def start(self, id: str) -> None:
        """Start the agent of a template. Raises `NotStarted`."""
        async with self._changing:
            template = read_templates().get(id)
            if template is None:
                raise NotStarted(404, f'there is no agent template "{id}"')
            if isinstance(template, BrokenTemplate):
                raise NotStarted(409, template.problem)
            await self._check(template)
            self._ended.pop(id, None)
            running = self._running[id] = self._launch(template)
            running.tasks = [asyncio.create_task(self._keep(running))]
            if template.runtimeSpec.lifecycle == "long-lived":
                running.tasks.append(asyncio.create_task(self._register(running)))

    async def stop(self, id: str) -> None:
        """Stop an agent, and remove its registration. Raises `NotStarted`."""
        async with self._changing:
            running = self._running.get(id)
            if running is None:
                raise NotStarted(409, f'the agent "{id}" does not run')
            await self._end(running)

    async def close(self) -> None:
        """Stop all agents."""
        async with self._changing:
            await asyncio.gather(*map(self._end, [*self._running.values()]), return_exceptions=True)
        await self._database.close()

    def _status(self, template: AgentTemplate | BrokenTemplate) -> AgentStatus:
        if isinstance(template, BrokenTemplate):
            return AgentStatus(template.id, "", "", False, "broken", template.problem)
        spec, running = template.runtimeSpec, self._running.get(template.id)
        state: State = "stopped"
        if running:
            serves = running.listens or spec.lifecycle == "short-lived"
            state = "running" if serves and running.process.pid else "starting"
        detail = self._ended.get(template.id, "")
        if not running and spec.lifecycle == "long-lived" and not self._private:
            detail = detail or _NEEDS_PRIVATE
        return AgentStatus(template.id, template.description, spec.lifecycle, spec.supportsChat, state, detail)

    async def _check(self, template: AgentTemplate) -> None:
        if template.id in self._running:
            raise NotStarted(409, f'the agent "{template.id}" runs already')
        if len(self._running) >= MOST:
            raise NotStarted(409, f"{MOST} agents run already: stop one first")
        if template.runtimeSpec.lifecycle == "short-lived":
            return
        if not self._private:
            raise NotStarted(409, _NEEDS_PRIVATE)
        info = await self._directory.get(DEFAULT_WORKSPACE, template.id)
        if info and not info.url:
            raise NotStarted(409, f'"{template.id}" is taken by an agent in the workers\' code')
        held = await self._remotes.get(DEFAULT_WORKSPACE, template.id)
        if info and held and held.owner != OWNER and not info.gone:
            raise NotStarted(409, f'"{template.id}" is registered already, at {held.url}: remove that agent first')

    def _launch(self, template: AgentTemplate) -> _Running:
        spec = template.runtimeSpec
        port = free_port(HOST, 0)
        program, *arguments = spec.command
        command = [sys.executable if program == "python" else program, *arguments]
        environ = {**self._environ, **spec.env, "PORT": str(port), "PYTHONUNBUFFERED": "1"}
        process = Process(f"agent.{template.id}", command, environ, self._write, once=spec.lifecycle == "short-lived")
        process.started = True
        return _Running(template, process, port)

    async def _keep(self, running: _Running) -> None:
        id = running.template.id
        try:
            await running.process.keep()
            if running.process.status is not None:
                self._ended[id] = f"exited with status {running.process.status}"
        except OSError as error:
            self._ended[id] = f"{running.template.runtimeSpec.command[0]} cannot be run: {error.strerror}"
            self._write("up", f"{running.process.name}: {self._ended[id]}")
        if not running.stopping:
            self._running.pop(id)
            for task in running.tasks[1:]:
                task.cancel()

    async def _register(self, running: _Running) -> None:
        spec = running.template.runtimeSpec
        remote = RemoteAgent(
            name=running.template.id,
            url=f"http://{HOST}:{running.port}",
            description=running.template.description,
            lifecycle=spec.lifecycle,
            chat=spec.supportsChat,
            owner=OWNER,
            lease=LEASE,
        )
        await _until_listening(running.port)
        running.listens = True
        registered = False
        while True:
            try:
                if not registered or not await self._remotes.renew(DEFAULT_WORKSPACE, remote.name, by=OWNER):
                    await self._remotes.register(DEFAULT_WORKSPACE, remote, by=OWNER)
                    registered = True
            except RemoteAgentRefused as error:
                self._write("up", f"{running.process.name} is not registered: {error}")
            except (StoreUnavailable, StoreFull):
                pass  # tried again
            await asyncio.sleep(LEASE / 3000)

    async def _end(self, running: _Running) -> None:
        id = running.template.id
        running.stopping = True
        keeping, *registering = running.tasks
        for task in registering:
            task.cancel()
        await asyncio.gather(*registering, return_exceptions=True)
        running.process.end()
        _, pending = await asyncio.wait([keeping], timeout=GRACE)
        if pending:
            running.process.end(signal.SIGKILL)
            await asyncio.wait([keeping])
        self._running.pop(id, None)
        self._ended.pop(id, None)
        if running.listens:
            with suppress(StoreUnavailable, StoreFull, RemoteAgentRefused):
                await self._remotes.remove(DEFAULT_WORKSPACE, id, by=OWNER)


_NEEDS_PRIVATE = "set ALLOW_PRIVATE_URLS=true and restart: without it, workers call no agent on this machine"


async def _until_listening(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection(HOST, port)
        except OSError:
            await asyncio.sleep(0.1)
        else:
            writer.close()
            return
