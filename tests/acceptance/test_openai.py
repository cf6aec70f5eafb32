"""OpenAI's own client, with only its base URL changed."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import pytest_asyncio

from answerback.store import keys
from answerback.store.chats.chats import Chats
from tests.acceptance.caller import calling, key
from tests.acceptance.system import System, free_port

if TYPE_CHECKING:
    import openai
    from openai.types.chat import ChatCompletionMessageParam

pytestmark = pytest.mark.asyncio(loop_scope="module")

CHATTERS = "tests.acceptance.chatters:chatters"
HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hello"}]


@pytest.fixture(scope="module", autouse=True)
def imported() -> None:
    """Import the client when the first of these tests runs: not in every process that only collects them."""
    global openai
    import openai


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """An ingress, and a worker with agents to talk to."""
    folder, settings = tmp_path_factory.mktemp("openai"), {"TURN_MAX_ATTEMPTS": "2"}
    async with System.running(folder, settings) as opened:
        await asyncio.gather(opened.ingress(), opened.worker(CHATTERS))
        yield opened


@pytest.fixture
def chat(running: System) -> System:
    """The same in a workspace of this test."""
    running.begin()
    return running


@asynccontextmanager
async def client(system: System, *, base: str = "/api/v1", token: str = "", **more: Any) -> AsyncIterator[Any]:
    """Their client."""
    url = f"http://127.0.0.1:{system.port}{base}"
    async with openai.AsyncOpenAI(base_url=url, api_key=token or await key(system), **more) as opened:
        yield opened


async def test_a_completion_is_what_the_agent_says(chat: System) -> None:
    for base in ("/api/v1", "/v1"):
        async with client(chat, base=base) as api:
            done = await api.chat.completions.create(model="shows", messages=HELLO, temperature=0.2, seed=7, tools=[])
            assert done.choices[0].message.content == "system: \nnow: hello"
            assert done.choices[0].finish_reason == "stop"
            assert (done.object, done.model) == ("chat.completion", "shows")
            assert (done.usage.prompt_tokens, done.usage.completion_tokens, done.usage.total_tokens) == (3, 4, 7)
            both = await api.chat.completions.create(model="twice", messages=HELLO)
            assert both.choices[0].message.content == "one\n\ntwo"


async def test_the_client_that_waits_works_too(chat: System) -> None:
    token = await key(chat)

    def talk() -> tuple[str | None, str, list[str]]:
        with openai.OpenAI(base_url=f"http://127.0.0.1:{chat.port}/api/v1", api_key=token) as api:
            done = api.chat.completions.create(model="echo", messages=HELLO)
            stream = api.chat.completions.create(model="echo", messages=HELLO, stream=True)
            said = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
            return done.choices[0].message.content, said, [model.id for model in api.models.list()]

    whole, streamed, models = await asyncio.to_thread(talk)
    assert (whole, streamed) == ("echo: hello", "echo: hello")
    assert "echo" in models


async def test_a_stream_brings_the_words_as_they_are_said_and_the_usage_last(chat: System) -> None:
    async with client(chat) as api:
        stream = await api.chat.completions.create(
            model="recite",
            messages=[{"role": "user", "content": "say 10 and 30"}],
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = []
        async for chunk in stream:
            chunks.append(chunk)
            if chunk.choices and chunk.choices[0].delta.content:
                chat.release()
    *said, end, usage = chunks
    assert said[0].choices[0].delta.role == "assistant"
    text = "".join(chunk.choices[0].delta.content or "" for chunk in said)
    assert text == "".join(f"word{number} " for number in range(40))
    assert end.choices[0].finish_reason == "stop"
    assert all(chunk.choices[0].finish_reason is None for chunk in said)
    assert (usage.choices, usage.usage.total_tokens) == ([], 0)
    assert len({chunk.id for chunk in chunks}) == 1


async def test_a_stream_ends_with_done(chat: System) -> None:
    async with calling(chat) as caller:
        body = {"model": "echo", "messages": HELLO, "stream": True}
        status, text = await caller.post("/v1/chat/completions", body)
    assert status == 200
    events = text.split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    assert all(event.startswith("data: {") for event in events[:-2])
    assert '"usage":null' in events[0]


async def test_nothing_is_remembered_and_what_came_before_is_the_callers_to_tell(chat: System) -> None:
    async with client(chat) as api:
        done = await api.chat.completions.create(
            model="shows",
            messages=[
                {"role": "system", "content": "be brief"},
                {"role": "developer", "content": "be kind"},
                {"role": "user", "content": "first"},
                {"role": "assistant", "content": "answer"},
                {"role": "assistant", "content": None, "tool_calls": []},
                {"role": "tool", "tool_call_id": "1", "content": "42"},
                {"role": "user", "content": [{"type": "text", "text": "second"}]},
            ],
        )
        assert done.choices[0].message.content.split("\n") == [
            "system: be brief", "", "be kind",
            "user: first", "assistant: answer", "user: Result of a tool: 42", "now: second",
        ]  # fmt: skip
        for _ in range(2):
            counted = await api.chat.completions.create(model="count", messages=HELLO, user="u1")
            assert counted.choices[0].message.content == "0"
    async with calling(chat) as caller:
        assert (await caller.get("/api/v1/chat/threads"))[1]["threads"] == []


async def test_a_conversation_is_given_to_the_agent_whole_however_long_it_is(chat: System) -> None:
    roles = ("user", "assistant")
    said: Any = [{"role": roles[number % 2], "content": f"line {number}"} for number in range(501)]
    async with client(chat) as api:
        done = await api.chat.completions.create(model="shows", messages=said)
    assert done.choices[0].message.content.split("\n")[1:-1] == [
        f"{roles[number % 2]}: line {number}" for number in range(500)
    ]


async def test_a_thread_lasts_when_the_request_names_it(chat: System) -> None:
    async with client(chat) as api:
        for number in range(3):
            done = await api.chat.completions.create(model="count", messages=HELLO, metadata={"thread_id": "mine"})
            assert done.choices[0].message.content == str(number)
            assert done.metadata == {"thread_id": "mine"}
        told = [
            (await api.chat.completions.create(model="count", messages=HELLO, user=user, store=True))
            for user in ("u1", "u2", "u1")
        ]
        assert [one.choices[0].message.content for one in told] == ["0", "0", "1"]
        assert told[0].metadata == told[2].metadata != told[1].metadata
        async with client(chat, token=await key(chat, "chat:write", workspace="other")) as others:
            counted = await others.chat.completions.create(
                model="count", messages=HELLO, metadata={"thread_id": "mine"}
            )
            assert counted.choices[0].message.content == "0", "another workspace's thread of that id is another"
    async with calling(chat) as caller:
        _, found = await caller.get("/api/v1/chat/threads/mine/messages")
        assert [message["role"] for message in found["messages"]] == ["user", "assistant"] * 3


async def test_images_and_files_come_with_the_message(chat: System) -> None:
    def url(kind: str, data: bytes) -> str:
        return f"data:{kind};base64,{base64.b64encode(data).decode()}"

    async with client(chat) as api:
        done = await api.chat.completions.create(
            model="shows",
            messages=[
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "look"},
                        {"type": "image_url", "image_url": {"url": url("image/png", b"\x89PNG"), "detail": "low"}},
                        {"type": "file", "file": {"filename": "a.txt", "file_data": url("text/plain", b"hi there")}},
                    ],
                }
            ],
        )
        lines = done.choices[0].message.content.split("\n")
        assert "attachment 1 (image/png): b'\\x89PNG'" in lines
        assert "a.txt (text/plain): hi there" in lines
        assert lines[-1] == "now: look"
        elsewhere = {"type": "image_url", "image_url": {"url": "http://169.254.169.254/"}}
        with pytest.raises(openai.BadRequestError, match="are not fetched") as refused:
            await api.chat.completions.create(model="shows", messages=[{"role": "user", "content": [elsewhere]}])
        assert refused.value.param == "messages[0].content[0].image_url"


async def test_an_uploaded_file_is_named_by_its_id(chat: System) -> None:
    token = await key(chat)

    def part(id: str) -> dict[str, Any]:
        return {"type": "file", "file": {"file_id": id}}

    async with client(chat, token=token) as api, aiohttp.ClientSession() as session:

        async def ask(*parts: Any, **more: Any) -> str:
            asked = [{"role": "user", "content": [{"type": "text", "text": "look"}, *parts]}]
            done = await api.chat.completions.create(model="shows", messages=asked, **more)
            return str(done.choices[0].message.content)

        named: dict[str, Any] = {"metadata": {"thread_id": "order-17"}}
        await ask(**named)
        url = f"http://127.0.0.1:{chat.port}/api/v1/files"
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "text/plain"}
        query = {"thread": "order-17", "name": "a.txt"}
        async with session.post(url, data=b"hi there", params=query, headers=headers) as response:
            id = (await response.json())["id"]
        inline = {"type": "file", "file": {"filename": "b.txt", "file_data": "data:text/plain,hello"}}
        assert "a.txt (text/plain): b'hi there'\nb.txt (text/plain): hello\nnow: look" in await ask(
            part(id), inline, **named
        )
        assert "a.txt" in await ask(part(id), **named, stream=False)
        with pytest.raises(openai.NotFoundError, match=r"there is no file order-17\.none in this thread"):
            await ask(part("order-17.none"), **named)
        with pytest.raises(openai.NotFoundError):
            await ask(part(id), metadata={"thread_id": "order-18"})
        with pytest.raises(openai.BadRequestError, match=r"name that in metadata\.thread_id") as refused:
            await ask(part(id))
        assert refused.value.param == "messages[0].content[1].file.file_id"
    # What was refused opened no thread.
    assert await Chats(chat.threads).get(chat.workspace, "order-18") is None


async def test_refusals_are_their_clients_errors(chat: System) -> None:
    async with client(chat) as api:
        with pytest.raises(openai.NotFoundError, match="nobody") as missing:
            await api.chat.completions.create(model="nobody", messages=HELLO)
        assert missing.value.code == "model_not_found"
        assert missing.value.type == "invalid_request_error"
        assert missing.value.param == "model"
        with pytest.raises(openai.ConflictError, match="does not accept chat messages"):
            await api.chat.completions.create(model="platforms-only", messages=HELLO)
        with pytest.raises(openai.BadRequestError) as wrong:
            await api.chat.completions.create(model="echo", messages=[])
        assert wrong.value.param == "messages"
        with pytest.raises(openai.BadRequestError, match="n: Input should be 1"):
            await api.chat.completions.create(model="echo", messages=HELLO, n=2)
        with pytest.raises(openai.BadRequestError, match="last message"):
            await api.chat.completions.create(model="echo", messages=[{"role": "assistant", "content": "I"}])
        with pytest.raises(openai.NotFoundError):
            await api.models.retrieve("nobody")
    async with client(chat, token="ab_live_nothing") as api:
        with pytest.raises(openai.AuthenticationError) as unknown:
            await api.models.list()
        assert unknown.value.code == "invalid_api_key"
    async with client(chat, token=await key(chat, "chat:read")) as api:
        assert "count" in [model.id async for model in await api.models.list()]
        with pytest.raises(openai.PermissionDeniedError):
            await api.chat.completions.create(model="echo", messages=HELLO)


async def test_too_many_requests_are_a_rate_limit_error(chat: System) -> None:
    port = free_port()
    strict = await chat.ingress(PORT=str(port), API_RATE="0.01", API_BURST="2")
    url = f"http://127.0.0.1:{port}/v1"
    async with openai.AsyncOpenAI(base_url=url, api_key=await key(chat), max_retries=0) as api:
        await api.models.list()
        await api.models.list()
        with pytest.raises(openai.RateLimitError) as limited:
            await api.models.list()
    assert limited.value.code == "rate_limit_exceeded"
    await strict.stop()


async def test_a_turn_that_fails_for_good_is_an_error_once(chat: System) -> None:
    before = await chat.queues()
    async with client(chat) as api:
        with pytest.raises(openai.InternalServerError, match="the agent failed"):
            await api.chat.completions.create(model="fails", messages=[{"role": "user", "content": "fail always"}])
        found = await chat.queues()
        assert found.dead == before.dead + 1, "their client did not ask again"
        with pytest.raises(openai.InternalServerError, match="the agent failed"):
            # Nothing was said yet: the status can still tell.
            await api.chat.completions.create(
                model="fails", messages=[{"role": "user", "content": "fail always"}], stream=True
            )
        done = await api.chat.completions.create(model="fails", messages=[{"role": "user", "content": "fail 1"}])
        assert done.choices[0].message.content == "ok after 2"


async def test_what_fails_in_mid_stream_is_an_error_there(chat: System) -> None:
    async with client(chat) as api:

        async def read(model: str, **more: Any) -> str:
            stream = await api.chat.completions.create(model=model, messages=HELLO, stream=True, **more)
            return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

        with pytest.raises(openai.APIError, match="the agent failed"):
            await read("breaks")
        named = {"extra_headers": {"Idempotency-Key": "k1"}}
        with pytest.raises(openai.APIError, match="restarted with another text") as anew:
            await read("restless", **named)
        assert anew.value.code == "began_anew"
        assert await read("restless", **named) == "at try 2 it went well"


async def test_a_busy_agent_that_drops_messages_says_so_at_once(chat: System) -> None:
    async with client(chat) as api:

        def ask(text: str) -> Any:
            return api.chat.completions.create(
                model="drop", messages=[{"role": "user", "content": text}], metadata={"thread_id": "busy"}
            )

        first = asyncio.create_task(ask("a"))
        await chat.marked("a-1")
        with pytest.raises(openai.ConflictError) as busy:
            await ask("b")
        assert busy.value.code == "busy"
        chat.release()
        assert (await first).choices[0].message.content == "a"


async def test_the_same_request_again_gets_the_same_answer(chat: System) -> None:
    before = await chat.queues()
    async with calling(chat) as caller:
        body = {"model": "count", "messages": HELLO, "metadata": {"thread_id": "once"}}
        answers = [await caller.post("/v1/chat/completions", body, Idempotency_Key="k1") for _ in range(2)]
        assert answers[0] == answers[1]
        assert answers[0][1]["choices"][0]["message"]["content"] == "0"
        _, streamed = await caller.post("/v1/chat/completions", {**body, "stream": True}, Idempotency_Key="k1")
        assert streamed["error"]["code"] == "idempotency_key"
        alone = {"model": "count", "messages": HELLO, "stream": True}
        again = [(await caller.post("/v1/chat/completions", alone, Idempotency_Key="k2"))[1] for _ in range(2)]
        assert [text.count('"content":"0"') for text in again] == [1, 1]
    assert (await chat.queues()).handled == before.handled + 2


async def test_the_same_request_again_gets_the_same_answer_for_a_day(chat: System) -> None:
    chats = Chats(chat.threads)

    async def passing() -> set[bytes]:
        partitions = chat.threads.partitions.current.partitions
        return {id for p in partitions for id in await chat.database.call("ZRANGE", keys.ephemeral(p), 0, -1)}

    before = await passing()
    async with calling(chat) as caller:
        body = {"model": "count", "messages": HELLO}
        first = await caller.post("/v1/chat/completions", body, Idempotency_Key="k1")
        assert first[0] == 200
        (chat_id,) = await passing() - before
        name = keys.ephemeral(chat.threads.partitions.current.of(chat_id.decode()))
        await chat.database.call("ZINCRBY", name, -23 * 3_600_000, chat_id)
        assert await chats.purge_ephemeral() == 0, "23 hours later, after upkeep has been there"
        assert await caller.post("/v1/chat/completions", body, Idempotency_Key="k1") == first


@pytest.mark.parametrize("stream", [False, True])
async def test_what_a_client_asks_again_by_itself_is_asked_once(chat: System, stream: bool) -> None:
    # Each try was a message of its own: https://github.com/anthropics/anthropic-sdk-java/issues/370.
    said: list[ChatCompletionMessageParam] = [{"role": "user", "content": "say 0 and 2"}]
    body: dict[str, Any] = {"messages": said, "model": "recite", "metadata": {"thread_id": "retried"}, "stream": stream}
    before = await chat.queues()
    async with client(chat, timeout=1, max_retries=2) as api, calling(chat) as caller:
        with pytest.raises(openai.APITimeoutError):
            await api.chat.completions.create(**body)
        chat.release()
        done = await api.chat.completions.create(**body, timeout=30, extra_headers={"x-stainless-retry-count": "3"})
        if stream:
            text = "".join([chunk.choices[0].delta.content or "" async for chunk in done])
        else:
            text = done.choices[0].message.content
        assert text == "word0 word1 "
        _, found = await caller.get("/api/v1/chat/threads/retried/messages")
        assert [message["role"] for message in found["messages"]] == ["user", "assistant"]
    assert (await chat.queues()).handled == before.handled + 1


@pytest.mark.asyncio(loop_scope="function")
async def test_a_worker_dies_in_mid_stream_and_the_stream_goes_on(plain: System) -> None:
    _, first = await asyncio.gather(plain.ingress(), plain.worker(CHATTERS))
    async with client(plain) as api:
        stream = await api.chat.completions.create(
            model="recite", messages=[{"role": "user", "content": "say 20 and 40"}], stream=True
        )
        said = ""
        async for chunk in stream:
            said += chunk.choices[0].delta.content or ""
            if first.alive and "word19 " in said:
                await first.kill()
                plain.release()
                await plain.worker(CHATTERS)
    assert said == "".join(f"word{number} " for number in range(60))
