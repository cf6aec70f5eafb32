"""A remote agent, as somebody else would write one: it remembers its sessions, and fails when it is told to."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web


class RemoteAgent:
    """What it was asked, and how it answers.

    statuses  what it answers with first, one for each request
    hold      what it waits for before it answers
    wants     a bearer token, without which it answers with 401
    shown     what it was shown
    wrapped   answer `{"result": {"response"}}`
    """

    def __init__(self) -> None:
        self.url = ""
        self.forget()

    def forget(self) -> None:
        """Be as new."""
        self.statuses: list[int] = []
        self.wrapped = False
        self.hold: asyncio.Event | None = None
        self.wants = ""
        self.shown: list[str] = []
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self._sessions: defaultdict[str, list[str]] = defaultdict(list)

    async def answer(self, request: web.Request) -> web.Response:
        """Answer a message."""
        body = await request.json()
        self.asked.append(body)
        self.keys.append(request.headers["Idempotency-Key"])
        self.shown.append(request.headers.get("Authorization", ""))
        if self.wants and self.shown[-1] != f"Bearer {self.wants}":
            return web.Response(status=401, text=f"not with {self.shown[-1]}")
        if self.hold:
            await self.hold.wait()
        if self.statuses:
            return web.Response(status=self.statuses.pop(0), text="not now")
        session = request.match_info["session"]
        assert body["sessionId"] == session
        self._sessions[session].append(body["message"])
        response = {"response": f"heard {', '.join(self._sessions[session])}"}
        return web.json_response({"result": response} if self.wrapped else response)


@asynccontextmanager
async def remote_agent() -> AsyncIterator[RemoteAgent]:
    """One that listens on loopback."""
    agent = RemoteAgent()
    app = web.Application()
    app.router.add_post("/agents/chat/{session}", agent.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    agent.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield agent
    finally:
        await runner.cleanup()
