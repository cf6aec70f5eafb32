"""Slack's own client agrees with the stand-in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.models.messages.chunk import PlanUpdateChunk, TaskUpdateChunk
from slack_sdk.web.async_client import AsyncWebClient

from answerback.testing.standins.options import SLACK_SCOPES, Options
from tests.standins.bench import Bench, serve

THREAD: dict[str, Any] = {"channel": "C1", "thread_ts": "1700000000.000100"}
TO: dict[str, Any] = {"recipient_team_id": "T0STANDIN", "recipient_user_id": "U1"}


def client(bench: Bench, token: str = "xoxb-standin") -> AsyncWebClient:
    return AsyncWebClient(token, base_url=f"{bench.url}/slack/", session=bench.session)


async def error(call: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


@pytest.fixture
async def short() -> AsyncIterator[Bench]:
    async with serve(Options(slack_stream_seconds=0, slack_agent=False, slack_history_seconds=60)) as one:
        yield one


async def test_it_streams_a_reply_with_tasks_and_a_plan(bench: Bench) -> None:
    slack = client(bench)
    stream = await slack.chat_stream(**THREAD, **TO, buffer_size=8, task_display_mode="plan")
    for word in ("Hello", " brave", " new", " world"):
        await stream.append(markdown_text=word)
    task = TaskUpdateChunk(id="t1", title="Searching", status="in_progress")
    await stream.append(chunks=[task, PlanUpdateChunk(title="Answer")])
    (shown,) = (await bench.standins.state("slack"))["streams"]
    assert (shown["state"], shown["plan"], shown["tasks"][0]["title"]) == ("streaming", "Answer", "Searching")
    assert await error(slack.chat_update(channel="C1", ts=str(stream.ts), text="x")) == "streaming_state_conflict"
    assert await error(slack.chat_delete(channel="C1", ts=str(stream.ts))) == "cant_delete_message"
    mark = {"event_type": "answerback_reply", "event_payload": {"key": "abc.0"}}
    await stream.stop(markdown_text="!", metadata=mark)
    late = slack.chat_appendStream(channel="C1", ts=str(stream.ts), markdown_text="x")
    assert await error(late) == "message_not_in_streaming_state"
    (posted,) = await bench.standins.messages("slack")
    assert (posted.body, posted.key) == ("Hello brave new world!", "abc.0")
    replies = await slack.conversations_replies(channel="C1", ts=THREAD["thread_ts"], include_all_metadata=True)
    assert replies["messages"][1]["metadata"] == mark


async def test_a_stream_that_ended_by_itself_is_finished_by_an_update(short: Bench) -> None:
    slack = client(short)
    started = await slack.chat_startStream(**THREAD, **TO, markdown_text="Hello")
    ts = str(started["ts"])
    assert await error(slack.chat_appendStream(channel="C1", ts=ts, markdown_text="x")) == (
        "message_not_in_streaming_state"
    )
    assert await error(slack.chat_stopStream(channel="C1", ts=ts)) == "message_not_in_streaming_state"
    await slack.chat_update(channel="C1", ts=ts, markdown_text="Hello world")
    assert await short.bodies("slack") == ["Hello world"]


async def test_a_stream_needs_a_thread_and_in_a_channel_a_recipient(bench: Bench) -> None:
    slack = client(bench)
    assert await error(slack.api_call("chat.startStream", json={"channel": "C1"})) == "invalid_arguments"
    assert await error(slack.chat_startStream(**THREAD)) == "missing_recipient_user_id"
    assert await error(slack.chat_startStream(**THREAD, recipient_user_id="U1")) == "missing_recipient_team_id"
    assert (await slack.chat_startStream(channel="D1", thread_ts="1700000000.000100"))["ok"]
    for chunk in ({"type": "task_update", "id": "t"}, {"type": "plan_update", "title": "x" * 257}, {"type": "odd"}):
        assert await error(slack.chat_startStream(**THREAD, **TO, chunks=[chunk])) == "invalid_chunks"
    assert await error(slack.chat_startStream(**THREAD, **TO, markdown_text="x" * 12_001)) == "msg_too_long"


async def test_a_person_stops_the_streams_of_a_session(bench: Bench) -> None:
    slack = client(bench)
    where = {"channel_id": "C1", "thread_ts": THREAD["thread_ts"]}
    with pytest.raises(ValueError, match="no stop button"):
        await bench.standins.act("slack", "stop", **THREAD, user="U1")
    found = await slack.agents_sessions_setStatus(**where, status="processing", title="Deploys")
    assert (found["agent_status"], found["title"]) == ("processing", "Deploys")
    ts = (await slack.chat_startStream(**THREAD, **TO))["ts"]
    stopped = await bench.standins.act("slack", "stop", **THREAD, user="U1")
    assert stopped["streaming_message_ts"] == [ts]
    assert await error(slack.chat_appendStream(channel="C1", ts=str(ts), markdown_text="x")) == "stopped_by_user"
    await slack.chat_update(channel="C1", ts=str(ts), text="stopped")
    (session,) = (await bench.standins.state("slack"))["sessions"]
    assert session["status"] == "processing"


async def test_a_status_goes_with_our_next_message(bench: Bench, short: Bench) -> None:
    slack = client(bench)
    where = {"channel_id": "C1", "thread_ts": THREAD["thread_ts"]}
    await slack.assistant_threads_setStatus(**where, status="is thinking…", loading_messages=["Looking it up"])
    await slack.assistant_threads_setTitle(**where, title="Deploys")
    await slack.assistant_threads_setSuggestedPrompts(**where, prompts=[{"title": "Deploy", "message": "Deploy it"}])
    state = await bench.standins.state("slack")
    assert [one["status"] for one in state["statuses"]] == ["is thinking…"]
    assert (state["titles"][0]["title"], state["prompts"][0]["thread_ts"]) == ("Deploys", THREAD["thread_ts"])
    await slack.chat_postMessage(**THREAD, text="done")
    assert (await bench.standins.state("slack"))["statuses"] == []
    assert await error(client(short).agents_sessions_setStatus(**where, status="active")) == "not_authorized"


async def test_an_update_replaces_blocks_or_keeps_the_text(bench: Bench) -> None:
    slack = client(bench)
    button = {"type": "button", "action_id": "ok", "text": {"type": "plain_text", "text": "OK"}, "value": "1"}
    blocks = [{"type": "actions", "block_id": "b", "elements": [button]}]
    ts = str((await slack.chat_postMessage(**THREAD, text="Deploy?", blocks=blocks))["ts"])
    shown = (await slack.chat_update(channel="C1", ts=ts, blocks=[{"type": "divider"}]))["message"]
    assert (shown["text"], shown["blocks"], "edited" in shown) == ("Deploy?", [{"type": "divider"}], False)
    shown = (await slack.chat_update(channel="C1", ts=ts, text="Deployed"))["message"]
    assert (shown["text"], "blocks" in shown, "edited" in shown) == ("Deployed", False, True)
    too_many = [{**button, "value": "x" * 2001}]
    wrong = slack.chat_postMessage(**THREAD, text="x", blocks=[{"type": "actions", "elements": too_many}])
    assert await error(wrong) == "invalid_blocks"
    assert await error(slack.chat_update(channel="C1", ts="1.2", text="x")) == "message_not_found"
    theirs = await bench.standins.say("slack", channel="C1", text="mine")
    assert await error(slack.chat_update(channel="C1", ts=theirs["ts"], text="x")) == "cant_update_message"
    assert await error(slack.chat_delete(channel="C1", ts=theirs["ts"])) == "cant_delete_message"
    await slack.chat_delete(channel="C1", ts=ts)
    (posted,) = await bench.standins.messages("slack")
    assert posted.deleted
    assert (await slack.chat_postEphemeral(channel="C1", user="U1", text="only you"))["message_ts"]


async def test_a_reaction_is_there_once(bench: Bench) -> None:
    slack = client(bench)
    theirs = await bench.standins.say("slack", channel="C1", text="hello")
    item = {"channel": "C1", "timestamp": theirs["ts"], "name": "eyes"}
    await slack.reactions_add(**item)
    assert await error(slack.reactions_add(**item)) == "already_reacted"
    (shown,) = (await slack.conversations_history(channel="C1"))["messages"]
    assert shown["reactions"] == [{"name": "eyes", "users": ["U0ANSWERBOT"], "count": 1}]
    await slack.reactions_remove(**item)
    assert await error(slack.reactions_remove(**item)) == "no_reaction"


async def test_it_pages_backwards_through_a_channel(bench: Bench, short: Bench) -> None:
    for number in range(5):
        await bench.standins.say("slack", channel="C1", text=str(number), ts=f"1700000000.00010{number}")
    pages = await client(bench).conversations_history(channel="C1", limit=2)
    texts = [[message["text"] for message in page["messages"]] async for page in pages]
    assert texts == [["4", "3"], ["2", "1"], ["0"]]
    for number in range(20):
        await short.standins.say("slack", channel="C1", text=str(number))
    few = await client(short).conversations_history(channel="C1", limit=100)
    assert (len(few["messages"]), few["has_more"]) == (15, True)
    with pytest.raises(SlackApiError) as caught:
        await client(short).conversations_history(channel="C1")
    assert int(caught.value.response.headers["Retry-After"]) in (59, 60)
    assert (await client(short).conversations_replies(channel="C1", ts="1700000000.000100"))["ok"]


async def test_names_are_known(bench: Bench) -> None:
    await bench.standins.act("slack", "name", id="U1", name="Ada Lovelace")
    await bench.standins.act("slack", "name", id="C1", name="deploys")
    slack = client(bench)
    assert (await slack.users_info(user="U1"))["user"]["profile"]["real_name"] == "Ada Lovelace"
    assert (await slack.conversations_info(channel="C1"))["channel"]["name"] == "deploys"
    assert (await slack.conversations_info(channel="D1"))["channel"]["is_im"]
    assert await error(slack.users_info(user="nobody")) == "user_not_found"


async def test_a_missing_scope_is_named() -> None:
    scopes = ",".join(scope for scope in SLACK_SCOPES.split(",") if scope != "reactions:write")
    async with serve(Options(slack_scopes=scopes)) as bench:
        with pytest.raises(SlackApiError) as caught:
            await client(bench).reactions_add(channel="C1", timestamp="1700000000.000100", name="eyes")
        found = caught.value.response
        assert (found["error"], found["needed"]) == ("missing_scope", "reactions:write")
        assert found.headers["X-OAuth-Scopes"] == found["provided"]
        assert "reactions:write" not in found["provided"]


async def test_each_workspace_has_its_token_and_its_bot() -> None:
    async with serve(Options(slack_token="xoxb-a,xoxb-b", slack_team="TA,TB")) as bench:
        here, there = [await client(bench, token).auth_test() for token in ("xoxb-a", "xoxb-b")]
        assert (here["team_id"], there["team_id"]) == ("TA", "TB")
        assert here["bot_id"] != there["bot_id"]
        ts = str((await client(bench, "xoxb-a").chat_postMessage(channel="C1", text="x"))["ts"])
        assert await error(client(bench, "xoxb-b").chat_update(channel="C1", ts=ts, text="y")) == "cant_update_message"
        await client(bench, "xoxb-b").auth_revoke()
        assert await error(client(bench, "xoxb-b").auth_test()) == "token_revoked"
