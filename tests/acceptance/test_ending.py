"""What becomes of those who wait and of open streams when their process stops, or their credential is good no more."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from answerback.store.access.api_keys import ApiKeys
from answerback.store.access.session_tokens import SessionTokens
from answerback.store.access.sign_ins import SignIn, SignIns
from answerback.store.access.user_tokens import UserTokens
from answerback.testing.standins.sender import Standard
from tests.acceptance.caller import Caller, calling
from tests.acceptance.system import System, until

AGENT = "tests.acceptance.agents:recites"
HELD = "say 5 and 5"


class Stream:
    """A response that is read as it comes. `body` is what has come; it ends well, or is cut."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.status = response.status
        self.body = b""
        self._reading = asyncio.create_task(self._read(response))

    async def _read(self, response: aiohttp.ClientResponse) -> bool:
        try:
            async for chunk in response.content.iter_any():
                self.body += chunk
        except aiohttp.ClientError:
            return False
        return True

    async def begun(self) -> None:
        """Wait for its first words."""

        async def any_words() -> bool:
            return b"word0" in self.body

        await until(any_words, what="the stream's first words")

    async def ends_well(self) -> bool:
        """Wait for its end: whether it was not cut."""
        async with asyncio.timeout(30):
            return await self._reading


class Client:
    """Opens streams with one credential."""

    def __init__(self, session: aiohttp.ClientSession, caller: Caller) -> None:
        self._session = session
        self.caller = caller

    async def stream(self, method: str, path: str, body: Any = None, **headers: str) -> Stream:
        """Open one."""
        shown = {"Authorization": f"Bearer {self.caller.key}"} if "Cookie" not in headers else {}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"{self.caller.base}{path}"
        return Stream(await self._session.request(method, url, json=body, headers={**shown, **named}))

    async def complete(self, **fields: Any) -> Stream:
        """Ask as OpenAI's clients do."""
        messages = [{"role": "user", "content": HELD}]
        return await self.stream(
            "POST", "/v1/chat/completions", {"model": "recite", "messages": messages, "stream": True, **fields}
        )

    async def tool(self, thread: str) -> bool:
        """Say something by way of MCP, and wait: whether there was a whole answer."""
        arguments = {"thread_id": thread, "content": HELD}
        call = {"name": "send_chat_message", "arguments": arguments}
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
        try:
            stream = await self.stream("POST", "/mcp", message, Accept="application/json, text/event-stream")
        except aiohttp.ClientError:
            return False
        return await stream.ends_well()

    async def thread(self, user: str = "ada") -> str:
        """A new thread's path."""
        status, thread = await self.caller.post("/api/v1/chat/threads", {"agent": "recite", "user_id": user})
        assert status == 201, thread
        return f"/api/v1/chat/threads/{thread['id']}"


@asynccontextmanager
async def connected(system: System, *scopes: str) -> AsyncIterator[Client]:
    """A client with a new key."""
    async with calling(system, *scopes) as caller, aiohttp.ClientSession() as session:
        yield Client(session, caller)


async def test_a_process_that_stops_drains_first(plain: System) -> None:
    process = await plain.ingress(DRAIN_SECONDS="3", SHUTDOWN_GRACE_SECONDS="30")
    await plain.worker(AGENT)
    async with connected(plain) as client:
        path = await client.thread()
        following = await client.stream("GET", f"{path}/stream")
        waiting = asyncio.create_task(client.caller.post(f"{path}/messages", {"content": HELD}))
        await following.begun()
        completion = await client.complete()
        await completion.begun()
        process.signal(signal.SIGTERM)

        async def unready() -> bool:
            return (await client.caller.get("/health/ready"))[0] == 503

        await until(unready, what="not being ready")
        # Whoever balances the load may not have heard of it yet.
        assert (await plain.post("standard", Standard().message("hello")))[0] == 202
        assert not waiting.done()
        # A message that is stored is answered: who waits for that gets the receipt, and may follow elsewhere.
        status, receipt = await waiting
        assert (status, receipt["status"]) == (202, "accepted")
        assert await following.ends_well()
        assert following.body.endswith(b"retry: 1000\n\n")
        # Nobody else brings this answer: it is waited for.
        plain.release()
        assert await completion.ends_well()
        assert completion.body.endswith(b"[DONE]\n\n")
    assert await process.wait() == 0
    assert "Traceback" not in process.words()


async def test_the_grace_bounds_the_end(plain: System) -> None:
    process = await plain.ingress(SHUTDOWN_GRACE_SECONDS="1.5")
    await plain.worker(AGENT)
    async with connected(plain) as client:
        stream = await client.complete()
        await stream.begun()
        waiting = asyncio.create_task(
            client.caller.post(
                "/v1/chat/completions", {"model": "recite", "messages": [{"role": "user", "content": HELD}]}
            )
        )
        text = await client.stream("POST", "/dialog/recite/stream", {"text": HELD})
        await text.begun()
        process.signal(signal.SIGTERM)
        # A stream of chunks can say what is wrong; a text that is not whole is cut.
        assert await stream.ends_well()
        assert b"server is restarting" in stream.body
        assert b"[DONE]" not in stream.body
        assert not await text.ends_well()
        status, refusal = await waiting
        assert status == 503, refusal
    assert await process.wait(within=20) == 0
    assert "Traceback" not in process.words()
    plain.release()


@pytest.mark.parametrize("how", ["a key", "a session or user token", "a sign-in"])
async def test_open_streams_end_with_their_credential(plain: System, how: str) -> None:
    process = await plain.ingress()
    await plain.worker(AGENT)
    keys, tokens, sign_ins = ApiKeys(plain.database), SessionTokens(plain.database), SignIns(plain.database)
    user_tokens = UserTokens(plain.database)
    async with connected(plain, "chat:read", "chat:write", "admin") as client:
        path = await client.thread()
        thread = path.rpartition("/")[2]
        key = await keys.find(client.caller.key)
        assert key
        waiting = asyncio.create_task(client.caller.post(f"{path}/messages", {"content": HELD}))
        unaffected = await client.stream("GET", f"{path}/stream")
        await unaffected.begun()
        headers: dict[str, str] = {}
        revoke: Callable[[], Awaitable[object]]
        streams = []
        if how == "a session or user token":
            _, shown = await user_tokens.grant("default", "ada", key.id, seconds=100)
            streams += [await client.stream("GET", f"{path}/stream", Authorization=f"Bearer {shown}")]
            _, shown = await tokens.grant("default", thread, key.id, seconds=100)
            headers = {"Authorization": f"Bearer {shown}"}
            path = f"/api/v1/chat/sessions/{thread}"
            revoke = lambda: asyncio.gather(  # noqa: E731
                tokens.end("default", thread), user_tokens.revoke_all("default", "ada")
            )
        elif how == "a sign-in":
            secret = await sign_ins.begin(SignIn("default", ""))
            headers, revoke = {"Cookie": f"answerback={secret}"}, lambda: sign_ins.end(secret)
        else:
            revoke = lambda: keys.revoke(key.id)  # noqa: E731
        streams += [await client.stream("GET", f"{path}/stream", **headers)]
        tool = asyncio.create_task(client.tool((await client.thread()).rpartition("/")[2]))
        if how == "a key":
            streams += [unaffected, await client.complete()]
        for stream in streams:
            assert stream.status == 200, await stream.ends_well()
            await stream.begun()
        asked = 2 + (how == "a key")
        await until(plain.queues, lambda found: found.events_waiting == asked, what="all being asked")
        await revoke()
        for stream in streams:
            assert await stream.ends_well()
            assert b"word5" not in stream.body
        # It shall not come back.
        assert streams[0].body.count(b"retry:") == 1
        if how == "a key":
            assert b"unknown, expired or revoked" in streams[-1].body
            assert (await waiting)[0] == 401
            assert not await tool
        else:
            assert not waiting.done()
            plain.release()
            assert (await waiting)[0] == 200
            assert await tool
    assert "Traceback" not in process.words()
