"""Slack's stand-in: threads, metadata, refusals."""

from __future__ import annotations

from typing import Any

from tests.standins.bench import SLACK, Bench


async def test_slack_keeps_a_thread_with_its_metadata(bench: Bench) -> None:
    who = await bench.slack("auth.test")
    assert (who["ok"], who["user_id"], who["bot_id"]) == (True, "U0ANSWERBOT", "B0ANSWERBOT")
    where = {"channel": "C1", "thread_ts": "1700000000.000100"}
    for number in range(3):
        mark = {"event_type": "answerback_reply", "event_payload": {"key": f"abc.{number}"}}
        assert (await bench.slack("chat.postMessage", **where, text=f"r{number}", metadata=mark))["ok"]
    query = {"channel": "C1", "ts": "1700000000.000100", "include_all_metadata": "true", "limit": "2"}
    seen = []
    while True:
        _, page, _ = await bench.ask("GET", "/slack/conversations.replies", params=query, headers=SLACK)
        assert page["messages"][0]["ts"] == "1700000000.000100"
        seen += [message["metadata"]["event_payload"]["key"] for message in page["messages"][1:]]
        if not page["has_more"]:
            break
        query["cursor"] = page["response_metadata"]["next_cursor"]
    assert seen == ["abc.0", "abc.1", "abc.2"]
    plain = (await bench.slack("conversations.replies", channel="C1", ts="1700000000.000100"))["messages"]
    assert not any("metadata" in message for message in plain)
    posted = await bench.standins.messages("slack")
    assert (posted[0].thread, posted[0].key) == ("C1/1700000000.000100", "abc.0")
    assert sorted({one.id for one in posted}) == [one.id for one in posted]
    assert (await bench.slack("chat.update", channel="C1", ts=posted[0].id, text="better"))["ok"]
    assert (await bench.bodies("slack"))[0] == "better"


async def test_slack_says_no_with_status_200(bench: Bench) -> None:
    async def error(headers: dict[str, str], **content: Any) -> Any:
        status, found, _ = await bench.ask("POST", "/slack/chat.postMessage", json=content, headers=headers)
        assert (status, found["ok"]) == (200, False)
        return found["error"]

    assert await error({}, channel="C1", text="x") == "not_authed"
    assert await error({"Authorization": "Bearer x"}, channel="C1", text="x") == "invalid_auth"
    assert await error(SLACK, text="x") == "channel_not_found"
    assert await error(SLACK, channel="C1") == "no_text"
    assert await error(SLACK, channel="C1", markdown_text="x" * 12_001) == "msg_too_long"
    assert await error(SLACK, channel="C1", text="x", metadata={"key": "k"}) == "invalid_metadata_format"
    assert await bench.bodies() == []


async def test_slack_takes_no_more_than_fifty_blocks_of_markdown(bench: Bench) -> None:
    for steps, ok in [(25, True), (26, False)]:
        said = {"channel": "C1", "markdown_text": "\n\n".join(f"## Step {n}\n\nDo it." for n in range(steps))}
        _, found, _ = await bench.ask("POST", "/slack/chat.postMessage", json=said, headers=SLACK)
        assert (found["ok"], found.get("error")) == (ok, None if ok else "invalid_blocks")
