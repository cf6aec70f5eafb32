"""The official MCP client, as what hosts a model uses it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from answerback.store import keys
from answerback.store.access.api_keys import ApiKeys
from tests.acceptance.system import System

if TYPE_CHECKING:
    from mcp import Client
    from mcp_types import CallToolResult

EVERYTHING = ("chat:read", "chat:write")


async def key(system: System, workspace: str = "acme", *scopes: str) -> str:
    """A new key."""
    _, shown = await ApiKeys(system.database).create(workspace, scopes=scopes or EVERYTHING)
    return str(shown)


@asynccontextmanager
async def client(system: System, shown: str, *, port: int = 0, mode: str = "auto") -> AsyncIterator[Client]:
    """The official client, with a key."""
    # Here, so that a process that only collects tests does not import it.
    import httpx2
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client

    headers = {"Authorization": f"Bearer {shown}"} if shown else {}
    async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
        transport = streamable_http_client(f"http://127.0.0.1:{port or system.port}/mcp", http_client=http)
        async with Client(transport, mode=mode) as connected:
            yield connected


async def call(connected: Client, tool: str, progress: Any = None, **arguments: Any) -> dict[str, Any]:
    """What a tool gives."""
    found = await connected.call_tool(tool, arguments, progress_callback=progress)
    assert not found.is_error, words(found)
    assert isinstance(found.structured_content, dict)
    return found.structured_content


async def refused(connected: Client, tool: str, **arguments: Any) -> str:
    """The words with which a tool refuses."""
    found = await connected.call_tool(tool, arguments)
    assert found.is_error
    return words(found)


def words(found: CallToolResult) -> str:
    """The text of a result."""
    return "".join(getattr(part, "text", "") for part in found.content)


async def followers(system: System, id: str, workspace: str = "acme") -> int:
    """How many processes follow a thread."""
    channel = keys.stream_events(0, f"chat:{workspace}:{id}")
    return int((await system.database.call("PUBSUB", "NUMSUB", channel))[1])
