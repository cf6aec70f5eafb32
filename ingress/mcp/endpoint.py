"""`POST /mcp`: MCP over streamable HTTP, https://modelcontextprotocol.io/specification/2026-07-28/basic/transports.

Revision 2026-07-28 and earlier ones back to 2024-11-05. There are no sessions and no GET stream, so any process can
handle any request.
"""

from __future__ import annotations

import asyncio
import importlib
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from aiohttp import web
from pydantic import RootModel

from answerback.extras import missing
from answerback.log import get_logger
from answerback.store.fleet.agents import AgentDirectory

from ..api import parsing
from ..api.context import RequestContext
from ..api.conversations.agent_registry import Agents
from ..api.conversations.conversation import Conversation
from ..api.conversations.waits import current
from ..api.pipeline import HEADERS
from ..api.route import Route, collect, route
from ..api.schemas.messages import BODY
from ..api.sse import TYPE
from ..problems import Problem
from .answer_waiter import AnswerWaiter
from .asgi import Application, Exchange
from .tools import Tools

if TYPE_CHECKING:
    from .server import ToolServer


log = get_logger(__name__)


class Anything(RootModel[Any]):
    """Any JSON."""


def refused(problem: Problem) -> web.Response:
    """Return a problem as a JSON-RPC error, the only kind whose message clients show."""
    code = -32700 if problem.status == 400 else -32600 if problem.status < 500 else -32603
    error = {"code": code, "message": problem.detail or problem.title}
    answer = {"jsonrpc": "2.0", "id": None, "error": error}
    return web.json_response(answer, status=problem.status, headers=problem.headers)


class Mcp:
    """The MCP endpoint of one ingress process. The first request loads the SDK: most processes never need it."""

    def __init__(self, conversation: Conversation, read_timeout: float) -> None:
        self._read_timeout = read_timeout
        self._hearing = AnswerWaiter(conversation)
        self._tools = Tools(conversation, self._hearing, Agents(AgentDirectory(conversation.threads.database)))
        self._server: ToolServer | None = None
        self._missing = missing("mcp")
        if self._missing:
            log.info("MCP is not installed: /mcp responds with 501", install=self._missing)
        self._loading: asyncio.Task[Application] | None = None

    def routes(self) -> list[Route]:
        """Return the route."""
        return collect(self, tag="MCP", base="")

    @route(
        "POST",
        "/mcp",
        scope="any",
        user="own",
        summary="Use chat threads as tools of a model (MCP, streamable HTTP)",
        raw=True,
        refuse=refused,
        refusals={501: "MCP is not installed on this server"},
    )
    async def post(self, call: RequestContext) -> web.StreamResponse:
        """Handle a protocol message."""
        request = call.request
        if self._missing:
            raise Problem(501, f"MCP is not installed on this server: {self._missing}")
        if "Access-Control-Allow-Origin" not in request[HEADERS] and not _own(request.headers.get("Origin"), request):
            raise Problem(403, "web pages of this origin are not allowed", code="wrong-origin")
        accepted = _accepted(request)
        if not accepted:
            raise Problem(406, "send Accept: application/json, text/event-stream")
        raw = await parsing.read_body(request, BODY, self._read_timeout)
        # As strict as all bodies of the API: the SDK accepts numbers that are not valid JSON.
        parsing.parse_body(request, raw, Anything)
        if self._loading is None:
            self._loading = asyncio.create_task(self._load())
        exchange = Exchange(request, raw, call.caller, streams=TYPE in accepted)
        if wait := current():
            wait.resumable, wait.cut = False, exchange.leave  # `close` ends the waits of tools
        return await exchange.run(await asyncio.shield(self._loading))

    def close(self) -> None:
        """End all waits for answers; the messages are stored and will be answered."""
        self._hearing.close()

    async def stop(self, app: web.Application) -> None:
        """Stop the server after its requests have finished."""
        if self._server:
            await self._server.stop()

    async def _load(self) -> Application:
        # In a thread: loading takes half a second, which would delay webhooks.
        loaded = await asyncio.to_thread(importlib.import_module, ".server", __package__)
        server: ToolServer = loaded.ToolServer(self._tools)
        self._server = server
        return await server.start()


def _own(origin: str | None, request: web.Request) -> bool:
    """Return whether a request comes from no page, or from one that this ingress served."""
    # Behind a proxy the scheme is unknown; the host is what the browser requested.
    return origin is None or urlsplit(origin).netloc.lower() == request.host.lower()


def _accepted(request: web.Request) -> set[str]:
    """Return which of JSON and event stream the client accepts: https://www.rfc-editor.org/rfc/rfc9110#name-accept.

    Without the header, JSON: a client that reads streams says so.
    """
    accepted: set[str] = set()
    for part in ",".join(request.headers.getall("Accept", ["application/json"])).lower().split(","):
        kind, *parameters = (piece.strip() for piece in part.split(";"))
        if any(re.fullmatch(r"q *= *0(\.0*)?", parameter) for parameter in parameters):
            continue
        for own in ("application/json", TYPE):
            if kind in (own, f"{own.partition('/')[0]}/*", "*/*"):
                accepted.add(own)
    return accepted
