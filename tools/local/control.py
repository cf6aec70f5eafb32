"""The Unix socket on which `up` takes requests of its ingress: list, start and stop agents from templates."""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
from aiohttp import web

from .agent_processes import AgentProcesses, NotStarted


class ControlSocket:
    """Serves the requests. Only processes of this user can open the socket, which is in a folder of its own."""

    def __init__(self, agents: AgentProcesses) -> None:
        self._agents = agents
        # Not in ANSWERBACK_DATA: the path of a socket has at most about 100 characters.
        self._folder = tempfile.TemporaryDirectory(prefix="answerback-")
        self._runner: web.AppRunner | None = None
        self.path = Path(self._folder.name) / "up.sock"

    async def start(self) -> None:
        """Listen."""
        app = web.Application()
        app.router.add_get("/agents", self._list)
        app.router.add_post("/agents/{id}/start", self._changed(self._agents.start))
        app.router.add_post("/agents/{id}/stop", self._changed(self._agents.stop))
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.UnixSite(self._runner, self.path).start()

    async def close(self) -> None:
        """Stop listening, and all agents."""
        if self._runner is not None:
            await self._runner.cleanup()
        await self._agents.close()
        self._folder.cleanup()

    async def _list(self, request: web.Request) -> web.Response:
        return _json([status._asdict() for status in self._agents.list()])

    def _changed(self, change: Callable[[str], Awaitable[None]]) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            try:
                await change(request.match_info["id"])
            except NotStarted as refusal:
                return _json({"detail": str(refusal)}, refusal.status)
            return await self._list(request)

        return handle


def _json(content: object, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(content), status=status, content_type="application/json")
