"""Parts of ingress inside a FastAPI application under uvicorn, with a worker."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator

import aiohttp
import pytest

from answerback.testing.standins.sender import Standard
from tests.acceptance.caller import Caller, key
from tests.acceptance.chatting import Screen, client
from tests.acceptance.mounted import SERVERS, hosted
from tests.acceptance.system import System, until

AGENTS = "tests.acceptance.chatters:chatters"


@pytest.fixture
async def caller(plain: System) -> AsyncIterator[Caller]:
    """A worker, and one who calls the host."""
    await plain.worker(AGENTS)
    async with aiohttp.ClientSession() as session:
        yield Caller(session, f"http://127.0.0.1:{plain.port}", await key(plain))


async def test_each_part_serves_what_ingress_serves(plain: System, caller: Caller) -> None:
    plain.settings["WEBHOOK_BODY_LIMIT"] = "100000"
    async with hosted(plain, caller) as host:
        # Dialogs: exactly three routes, by key or as the host application says.
        body = {"text": "hi", "session_id": "a/ü"}
        assert [await caller.post("/count/turn", body) for _ in range(2)] == [
            (200, {"reply": "0"}), (200, {"reply": "1"}),
        ]  # fmt: skip
        assert await caller.post("/count/turn", body, X_Workspace="acme") == (200, {"reply": "0"})
        # A user's sessions are their own.
        as_ada, as_bob = {"X_Workspace": "acme", "X_User": "ada"}, {"X_Workspace": "acme", "X_User": "bob"}
        assert await caller.post("/count/turn", body, **as_ada) == (200, {"reply": "0"})
        assert await caller.post("/count/turn", body, **as_ada) == (200, {"reply": "1"})
        assert await caller.post("/count/reset", {"session_id": "a/ü"}, **as_bob) == (200, {"reset": False})
        status, listed = await caller.call("GET", "/help/desk/api/v1/chat/threads", **as_ada)
        assert (status, [thread["user_id"] for thread in listed["threads"]]) == (200, ["ada"])
        assert await caller.post("/count/reset", {"session_id": "a/ü"}) == (200, {"reset": True})
        assert (await caller.post("/count/turn", body | {"more": 1}))[1]["errors"][0]["at"] == "/more"
        assert (await caller.post("/count/turn", body, X_Workspace="No!"))[0] == 503
        assert 'caller= returned the workspace "No!"' in host.words()
        plain.release()
        assert await caller.post("/recite/stream", {"text": "say 2 and 1"}) == (200, "word0 word1 word2 ")
        for path in ("/count", "/count/", "/count/messages", "/count/turn/turn", "/count/api/v1/me"):
            status, problem = await caller.post(path, body)
            assert (status, problem["status"]) == (404, 404), path
        assert (await caller.get("/count/turn"))[0] == 405
        stranger = Caller(caller._session, caller.base, "ab_live_no_such")
        assert (await stranger.post("/count/turn", body))[0] == 401
        assert (await caller.post("/dialog/turn", body))[1]["type"].endswith("#no-such-agent")
        # Webhooks: the same verification and refusals, and receipts once they are stored.
        webhook = Standard().message("hello", thread="t1")
        status, receipt = await plain.post("standard", webhook)
        assert (status, receipt["status"], receipt["thread"]) == (202, "accepted", "standard:t1")
        assert (await plain.post("standard", webhook))[1]["status"] == "duplicate"
        assert (await plain.post("standard", webhook._replace(body=webhook.body + b" ")))[0] == 401
        assert (await plain.post("github", webhook))[0] == 404
        assert await _upload(f"{caller.base}/webhooks/standard/", 6, 20_000) == (413, "application/problem+json")
        # The API, with its links below the mount, and nothing that is an operator's.
        async with client(plain, mount="/help/desk") as ada:
            made = await ada.call("POST", "/threads", {"agent": "echo"})
            location = made.headers["Location"]
            assert location == f"/help/desk/api/v1/chat/threads/{made.body['id']}"
            said = await ada.post(f"/threads/{made.body['id']}/messages", {"content": "hello"})
            assert said["message"]["content"] == "echo: hello"
            # Whom the application names sees no thread of another workspace, or of another user.
            for who in ({"X_Workspace": "other"}, as_ada):
                assert (await caller.call("GET", location, **who))[0] == 404
            async with ada.session.head(f"http://127.0.0.1:{plain.port}{location}") as head:
                assert (head.status, await head.read()) == (401, b"")
        assert (await caller.get("/help/desk/api/v1/openapi.json"))[1]["servers"] == [{"url": "/help/desk"}]
        assert (await caller.get("/help/desk/v1/models"))[0] == 200
        assert (await caller.get("/chat/api/v1/me"))[1]["workspace"] == "default"
        assert (await caller.get("/help/desk/widget.js"))[0] == 200
        for path in ("/help/desk/", "/help/desk/metrics", "/help/desk/webhooks/standard", "/help/desk/health/ready"):
            assert (await caller.get(path))[0] == 404, path
        assert await host.end(signal.SIGTERM) in (0, -signal.SIGTERM)
        assert host.words().count("Traceback") == 1, host.words()  # that of the wrong workspace


@pytest.mark.parametrize("server", [name for name in SERVERS if name != "uvicorn"])
async def test_other_servers_serve_the_parts_too(plain: System, caller: Caller, server: str) -> None:
    plain.settings["WEBHOOK_BODY_LIMIT"] = "100000"
    async with hosted(plain, caller, server=server) as host, client(plain, mount="/help/desk") as ada:
        body = {"text": "hi", "session_id": "a/ü"}
        assert [await caller.post("/count/turn", body) for _ in range(2)] == [
            (200, {"reply": "0"}), (200, {"reply": "1"}),
        ]  # fmt: skip
        assert (await caller.post("/count/turn", {}))[0] == 422
        thread = (await ada.post("/threads", {"agent": "recite"}, 201))["id"]
        screen = Screen()
        asked = {"content": "say 3 and 2", "stream": True}
        async for sent in ada.stream("POST", f"/threads/{thread}/messages", asked):
            screen.show(sent)
            if "word2" in "".join(screen.texts.values()):
                plain.release()  # the first words have come, and the others are not written yet
        assert (list(screen.texts.values()), screen.kinds[0], screen.kinds[-1]) == (
            ["word0 word1 word2 word3 word4 "], "accepted", "done",
        )  # fmt: skip
        webhook = Standard().message("hello", thread="t1")
        assert (await plain.post("standard", webhook))[0] == 202
        assert (await plain.post("standard", webhook._replace(body=webhook.body + b" ")))[0] == 401
        assert (await _upload(f"{caller.base}/webhooks/standard/", 6, 20_000))[0] == 413
        assert await host.end(signal.SIGTERM) in (0, -signal.SIGTERM)
        assert "Traceback" not in host.words(), host.words()


async def test_a_stream_ends_with_its_process_and_is_resumed_from_the_next(plain: System, caller: Caller) -> None:
    async with client(plain, mount="/help/desk") as ada:
        screen = Screen()
        async with hosted(plain, caller, "first", forked=True) as host:
            thread = (await ada.post("/threads", {"agent": "recite"}, 201))["id"]
            await ada.post(f"/threads/{thread}/messages", {"content": "say 5, 5 and 5", "wait": False}, 202)
            path = f"/threads/{thread}/stream"
            watching = asyncio.create_task(screen.watch(ada, path))
            await until(lambda: _seen(screen, "word4"), what="five words")
            # Uvicorn waits for open responses: an idle stream has to end by itself.
            assert await host.end(signal.SIGTERM) in (0, -signal.SIGTERM)
            await watching
            assert screen.ended is None
        async with hosted(plain, caller, "second", forked=True) as host:
            watching = asyncio.create_task(screen.watch(ada, path))
            plain.release(1)
            await until(lambda: _seen(screen, "word9"), what="ten words")
            await host.end(signal.SIGKILL)
            with pytest.raises(aiohttp.ClientError):
                await watching
        async with hosted(plain, caller, "third", forked=True):
            plain.release(2)
            await screen.watch(ada, path)
        assert list(screen.texts.values()) == ["".join(f"word{number} " for number in range(15))]


async def _seen(screen: Screen, word: str) -> bool:
    return any(word in text for text in screen.texts.values())


async def _upload(url: str, chunks: int, size: int) -> tuple[int, str]:
    """Send a body in chunks, without its length. Return the status and content type of the response.

    Its last chunk is the one that is too much: a server may close the connection while more is being sent.
    """

    async def body() -> AsyncIterator[bytes]:
        for _ in range(chunks):
            yield bytes(size)

    headers = {"Content-Type": "application/json"}
    async with aiohttp.ClientSession() as session, session.post(url, data=body(), headers=headers) as response:
        return response.status, response.content_type
