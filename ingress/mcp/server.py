"""The callbacks of the MCP SDK. Importing this module loads the SDK, so the first request imports it."""

from __future__ import annotations

import asyncio
import logging
from importlib.metadata import version
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    ToolAnnotations,
)
from mcp_types import Tool as Described
from pydantic import ValidationError

from answerback.errors import BadCursor

from ..api.context import Principal
from ..api.schemas.messages import BODY
from ..problems import explained
from .asgi import CALLER, STREAMS, Application, Scope
from .tools import Tool, Tools

# At "info" it logs every request.
logging.getLogger("mcp").setLevel(logging.WARNING)

ABOUT = (
    "Chat threads with durable agents: create a thread, send messages, read messages. A message that was sent is "
    "answered even if the caller does not wait for the answer."
)


class ToolServer:
    """A stateless MCP server with these tools, so that any process can handle any request."""

    def __init__(self, tools: Tools) -> None:
        self._run_tool = tools.run
        self._tools = {tool.name: tool for tool in tools.all()}
        self._described = {name: _described(tool) for name, tool in self._tools.items()}
        server: Server[Any] = Server(
            "answerback",
            title="Answerback",
            version=version("answerback"),
            instructions=ABOUT,
            on_list_tools=self._list,
            on_call_tool=self._call,
            get_tool_input_schema=lambda name: None,
        )
        self._streaming, self._whole = (
            StreamableHTTPSessionManager(server, stateless=True, max_request_body_size=BODY, json_response=whole)
            for whole in (False, True)
        )
        self._stopping = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> Application:
        """Start the server and return its ASGI application."""
        started = asyncio.get_running_loop().create_future()
        self._running = asyncio.create_task(self._run(started))
        await started
        return self._handle

    async def stop(self) -> None:
        """Stop the server and cancel its requests."""
        self._stopping.set()
        if self._running:
            await self._running

    async def _handle(self, scope: Scope, receive: Any, send: Any) -> None:
        manager = self._streaming if scope[STREAMS] else self._whole
        await manager.handle_request(scope, receive, send)

    async def _run(self, started: asyncio.Future[None]) -> None:
        # A task group must be exited by the task that entered it.
        async with self._streaming.run(), self._whole.run():
            started.set_result(None)
            await self._stopping.wait()

    async def _list(self, context: ServerRequestContext[Any], params: PaginatedRequestParams | None) -> ListToolsResult:
        caller = _caller(context)
        return ListToolsResult(
            tools=[self._described[tool.name] for tool in self._tools.values() if caller.may(tool.scope)]
        )

    async def _call(self, context: ServerRequestContext[Any], params: CallToolRequestParams) -> CallToolResult:
        tool, caller = self._tools.get(params.name), _caller(context)
        if tool is None:
            raise MCPError(INVALID_PARAMS, f'there is no tool "{params.name[:100]}"; tools/list lists them')
        if not caller.may(tool.scope):
            return _failed(f"this requires an API key with the scope {tool.scope}")
        # Errors of a tool are results that the model sees, not protocol errors:
        # https://modelcontextprotocol.io/specification/2026-07-28/server/tools#error-handling
        try:
            arguments = tool.arguments.model_validate(params.arguments or {})
        except ValidationError as error:
            return _failed(_wrong(error))
        reported = 0

        async def progress(text: str) -> None:
            nonlocal reported
            reported += 1
            await context.session.report_progress(reported, None, text)

        try:
            result = await self._run_tool(tool, caller, arguments, progress)
        except BadCursor as error:
            return _failed(str(error))
        except Exception as error:  # noqa: BLE001  # logged by `explained`
            problem = explained(error, f"/mcp {tool.name}")
            fields = "; ".join(f"{field['at'].removeprefix('/')}: {field['detail']}" for field in problem.errors)
            return _failed(": ".join(filter(None, (problem.detail or problem.title, fields))))
        structured = result.model_dump(mode="json")
        return CallToolResult(content=[_text(result.model_dump_json())], structured_content=structured)


def _described(tool: Tool) -> Described:
    return Described(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.arguments.model_json_schema(),
        output_schema=tool.result.model_json_schema(mode="serialization"),
        annotations=ToolAnnotations(
            read_only_hint=tool.reads,
            destructive_hint=tool.destroys,
            idempotent_hint=tool.repeatable,
            open_world_hint=False,
        ),
    )


def _caller(context: ServerRequestContext[Any]) -> Principal:
    caller = context.request.scope[CALLER] if context.request else None
    assert isinstance(caller, Principal)
    return caller


def _failed(reason: str) -> CallToolResult:
    return CallToolResult(content=[_text(reason)], is_error=True)


def _text(text: str) -> TextContent:
    return TextContent(type="text", text=text)


def _wrong(error: ValidationError) -> str:
    errors = error.errors(include_input=False, include_url=False, include_context=False)
    places = [f"{'.'.join(map(str, each['loc']))}: {each['msg'].removeprefix('Value error, ')}" for each in errors]
    return "tool arguments failed validation: " + "; ".join(places)
