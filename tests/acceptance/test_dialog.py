"""One turn with an agent: whole, in pieces, in sessions that come one after the other."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from tests.acceptance.caller import calling
from tests.acceptance.system import System

CHATTERS = "tests.acceptance.chatters:chatters"


@pytest.fixture
async def chat(plain: System) -> System:
    """An ingress, and a worker with agents to talk to."""
    plain.settings["TURN_MAX_ATTEMPTS"] = "1"
    await asyncio.gather(plain.ingress(), plain.worker(CHATTERS))
    return plain


async def test_a_turn_without_a_session_is_remembered_nowhere(chat: System) -> None:
    async with calling(chat) as caller:
        for path in ("/dialog/count/turn", "/api/v1/dialog/count/turn"):
            for _ in range(2):
                assert await caller.post(path, {"text": "hi"}) == (200, {"reply": "0"})
        assert (await caller.get("/api/v1/chat/threads"))[1]["threads"] == []


async def test_the_turns_of_a_session_come_one_after_the_other_and_sessions_side_by_side(chat: System) -> None:
    async with calling(chat) as caller:

        async def turn(session: str) -> str:
            status, answer = await caller.post("/dialog/count/turn", {"text": "hi", "session_id": session})
            assert status == 200, answer
            return str(answer["reply"])

        replies = await asyncio.gather(*(turn(session) for _ in range(5) for session in ("a", "b/ü", "c" * 256)))
        for at in range(3):
            assert sorted(replies[at::3]) == ["0", "1", "2", "3", "4"]
        # With another agent it is another session.
        assert (await caller.post("/dialog/shows/turn", {"text": "x", "session_id": "a"}))[1][
            "reply"
        ] == "system: \nnow: x"


async def test_a_session_that_is_reset_has_forgotten_everything(chat: System) -> None:
    async with calling(chat) as caller:
        said = {"text": "hi", "session_id": "a"}
        assert [(await caller.post("/dialog/count/turn", said))[1]["reply"] for _ in range(2)] == ["0", "1"]
        assert await caller.post("/dialog/count/reset", {"session_id": "a"}) == (200, {"reset": True})
        assert await caller.post("/api/v1/dialog/count/reset", {"session_id": "a"}) == (200, {"reset": False})
        assert (await caller.post("/dialog/count/turn", said))[1]["reply"] == "0"
        async with calling(chat, workspace="other") as other:
            assert await other.post("/dialog/count/reset", {"session_id": "a"}) == (200, {"reset": False})
        assert (await caller.post("/dialog/count/turn", said))[1]["reply"] == "1"


async def test_a_turn_in_pieces_is_plain_text_as_it_comes(chat: System) -> None:
    async with calling(chat) as caller, aiohttp.ClientSession() as session:
        headers = {"Authorization": f"Bearer {caller.key}"}
        url = f"{caller.base}/dialog/recite/stream"
        async with session.post(url, json={"text": "say 10 and 30"}, headers=headers) as answer:
            assert (answer.status, answer.content_type, answer.charset) == (200, "text/plain", "utf-8")
            first = await answer.content.readany()
            chat.release()
            rest = await answer.content.read()
    assert (first + rest).decode() == "".join(f"word{number} " for number in range(40))


async def test_a_turn_that_fails_is_a_problem_and_a_broken_stream_is_cut(chat: System) -> None:
    async with calling(chat) as caller:
        for path in ("/dialog/fails/turn", "/dialog/fails/stream"):
            status, problem = await caller.post(path, {"text": "fail always"})
            assert (status, "the agent failed" in problem["detail"]) == (502, True)
        for path in ("/dialog/nobody/turn", "/dialog/nobody/stream"):
            assert (await caller.post(path, {"text": "hi"}))[0] == 404
        for body in ({"text": ""}, {"text": "hi", "session_id": ""}, {"text": "hi", "session": "a"}):
            assert (await caller.post("/dialog/count/turn", body))[0] == 422
        with pytest.raises(aiohttp.ClientPayloadError):
            await caller.post("/dialog/breaks/stream", {"text": "hi"})
