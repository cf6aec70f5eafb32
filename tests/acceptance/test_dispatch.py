"""`dispatch` from an application's own code, over Redis and over HTTP, with real processes."""

from __future__ import annotations

import pytest

from answerback.dispatching import Dispatcher
from answerback.errors import (
    ConfigurationError,
    DispatchError,
    InvalidInput,
    StoreUnavailable,
    ThreadDiffers,
    UnknownAgent,
)
from answerback.store.access.user_tokens import UserTokens
from tests.acceptance import model_host
from tests.acceptance.caller import calling
from tests.acceptance.system import System, free_port

AGENTS = "tests.acceptance.dispatched:agents"


async def test_an_event_is_answered_once_however_it_came_in(plain: System) -> None:
    await plain.ingress()
    await plain.worker(AGENTS)
    async with calling(plain) as caller:
        over_http = Dispatcher(url=caller.base, api_key=caller.key)
        over_redis = Dispatcher(redis_url=plain.server.url)
        async with over_http, over_redis:
            ask = {"type": "chat.message", "text": "Where is it?", "sender": {"id": "u1", "name": "Ada"}, "order": 17}
            first = await over_redis.dispatch("clerk", id="order:17", input=ask, delivery="e1")
            again = await over_http.dispatch("clerk", id="order:17", input=ask, delivery="e1")
            assert (first.status, again.status, again.dispatch_id) == ("accepted", "duplicate", first.dispatch_id)
            answer = await first.reply()
            assert (answer.status, answer.text) == ("completed", "Ada asks about order 17: Where is it?")
            assert await again.reply() == answer
            assert (await over_http.dispatch("clerk", id="order:17", input="And now?")).thread == first.thread
            # The chat API shows it as any other chat.
            _, page = await caller.get(f"/api/v1/chat/threads/{first.thread}/messages")
            assert page["messages"][0] | {"input": ask, "content": "Where is it?"} == page["messages"][0]

            failed = await over_http.dispatch("clerk", input={"fail": True})
            for receipt in (failed, await over_redis.dispatch("clerk", input={"fail": True})):
                broken = await receipt.reply()
                assert (broken.status, broken.code, broken.text) == ("failed", "agent_failed", "")

            for dispatcher in (over_http, over_redis):
                with pytest.raises(UnknownAgent, match='no worker serves an agent "nobody"'):
                    await dispatcher.dispatch("nobody", input="x")
                with pytest.raises(DispatchError, match='"quiet" does not accept chat messages'):
                    await dispatcher.dispatch("quiet", input="x")
                with pytest.raises(InvalidInput, match="id"):
                    await dispatcher.dispatch("clerk", id="x" * 300, input="x")
                # The agent's schema is known from its worker.
                with pytest.raises(InvalidInput, match="'title' is a required property"):
                    await dispatcher.dispatch("judge", input={"labels": []})
                verdict = await (
                    await dispatcher.dispatch("judge", input={"title": "It squeaks", "labels": ["bug"]})
                ).reply()
                assert (verdict.output, verdict.text) == ({"bug": True}, '{"bug":true}')

        _, judge = await caller.get("/v1/agents/judge")
        assert judge["inputSchema"]["required"] == ["title"]
        _, chat = await caller.post("/api/v1/chat/threads", {"agent": "judge"})
        path = f"/api/v1/chat/threads/{chat['id']}/messages"
        status, problem = await caller.post(path, {"input": {"title": 7}})
        assert (status, problem["errors"][0]["at"]) == (422, "/input")
        # Text is not checked before the turn.
        status, problem = await caller.post(path, {"content": "hello"})
        assert (status, problem["code"]) == (502, "invalid_input")

        async with model_host.client(plain, caller.key) as model:
            sent = {"thread_id": chat["id"], "input": {"title": "It squeaks", "labels": ["bug"]}}
            answered = await model_host.call(model, "send_chat_message", **sent)
            assert (answered["content"], answered["messages"][0]["output"]) == ('{"bug":true}', {"bug": True})
            wrong = await model_host.refused(model, "send_chat_message", thread_id=chat["id"], input={"title": 7})
            assert "input: " in wrong
            assert "title: 7 is not of type 'string'" in wrong

        body = {"content": "ignored by nobody", "input": {"order": 18}}
        _, chat = await caller.post("/api/v1/chat/threads", {"agent": "clerk"})
        status, said = await caller.post(f"/api/v1/chat/threads/{chat['id']}/messages", body)
        assert (status, said["message"]["content"]) == (200, "user asks about order 18: ignored by nobody")


async def test_a_user_reads_what_was_dispatched_for_them(plain: System) -> None:
    await plain.ingress()
    await plain.worker(AGENTS)
    tokens = UserTokens(plain.database)
    ada, bob = [str((await tokens.grant("default", user, seconds=60))[1]) for user in ("ada", "bob")]
    async with calling(plain) as caller:
        over_http = Dispatcher(url=caller.base, api_key=caller.key)
        over_redis = Dispatcher(redis_url=plain.server.url)
        async with over_http, over_redis:
            first = await over_redis.dispatch("clerk", id="order:17", user="ada", input="Where is it?", delivery="e1")
            again = await over_http.dispatch("clerk", id="order:17", user="ada", input="Where is it?", delivery="e1")
            assert (again.status, again.thread) == ("duplicate", first.thread)
            assert (await first.reply()).text == "echo: Where is it?"
            others = {
                (await over_http.dispatch("clerk", id=id, user="bob", input="And mine?")).thread
                for id in ("order:17", first.thread)
            }
            nobodys = await over_redis.dispatch("clerk", id="order:17", input="And now?")
            single = await over_http.dispatch("clerk", user="ada", input="x", delivery="e2")
            for dispatcher in (over_http, over_redis):
                with pytest.raises(ThreadDiffers, match='delivery "e2" was dispatched before, to another agent or for'):
                    await dispatcher.dispatch("clerk", user="bob", input="x", delivery="e2")
        # Each user's conversation is a thread of its own, whatever `id` another one names.
        assert len({first.thread, nobodys.thread, single.thread, *others}) == 5
        for token, own in ((ada, {first.thread, single.thread}), (bob, others)):
            _, page = await caller.call("GET", "/api/v1/chat/threads", Authorization=f"Bearer {token}")
            assert {thread["id"] for thread in page["threads"]} == own
        path = f"/api/v1/chat/threads/{first.thread}"
        _, seen = await caller.call("GET", path, Authorization=f"Bearer {ada}")
        assert [message["content"] for message in seen["messages"]] == ["Where is it?", "echo: Where is it?"]
        assert (await caller.call("GET", path, Authorization=f"Bearer {bob}"))[0] == 404
        # A dialog of hers under the same name is the same conversation.
        body = {"text": "Thanks", "session_id": "order:17"}
        status, said = await caller.call("POST", "/dialog/clerk/turn", body, Authorization=f"Bearer {ada}")
        assert (status, said) == (200, {"reply": "echo: Thanks"})
        _, seen = await caller.call("GET", path, Authorization=f"Bearer {ada}")
        assert seen["messages"][-1]["content"] == "echo: Thanks"


async def test_a_wrong_key_or_address_is_refused_in_words(plain: System) -> None:
    async with Dispatcher(url=f"http://127.0.0.1:{free_port()}", api_key="ab_live_x") as nowhere:
        with pytest.raises(StoreUnavailable, match="cannot be reached at http://127"):
            await nowhere.dispatch("clerk", input="x")
    await plain.ingress()
    async with Dispatcher(url=f"http://127.0.0.1:{plain.port}", api_key="ab_live_x") as stranger:
        with pytest.raises(ConfigurationError, match="ANSWERBACK_API_KEY was refused"):
            await stranger.dispatch("clerk", input="x")
