"""Reading the channels that our Slack app is in."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from answerback.errors import RateLimited, Rejected
from answerback.platforms.catchup import Channel
from answerback.platforms.slack.api import Slack
from tests.fixtures.exchanges import answer, run

LOG = Slack("xoxb-secret", "https://slack.com/api", lambda: 1000.0).messages
assert LOG
MESSAGES = LOG
CHANNEL = Channel("C1", "slack:T1:C1:")


def message(ts: str, **more: Any) -> dict[str, Any]:
    return {"type": "message", "user": "U1", "ts": ts, "text": f"text {ts}", **more}


def listed(*messages: dict[str, Any], cursor: str = "") -> dict[str, Any]:
    return {"ok": True, "messages": list(messages), "response_metadata": {"next_cursor": cursor}}


def test_the_channels_of_our_workspace_are_listed() -> None:
    who = answer({"ok": True, "team_id": "T1", "user_id": "U0"})
    page = answer({"ok": True, "channels": [{"id": "C1"}], "response_metadata": {"next_cursor": "next"}})
    done = run(MESSAGES.channels(), who, page)
    assert done.value == ([CHANNEL], "next")
    assert "im" in parse_qs(urlsplit(done.requests[1].url).query)["types"][0]
    with pytest.raises(Rejected, match="channels:read"):
        run(MESSAGES.channels(), who, answer({"ok": False, "error": "missing_scope", "needed": "channels:read"}))


def test_messages_are_the_events_of_their_webhooks_and_threads_are_named() -> None:
    newest, oldest = message("20.5", latest_reply="21.0", reply_count=1), message("10.5", subtype="channel_join")
    done = run(MESSAGES.messages(CHANNEL, 10_000), answer(listed(newest, oldest, cursor="older")))
    assert parse_qs(urlsplit(done.requests[0].url).query)["oldest"] == ["10.000000"]
    events, threads, cursor = done.value
    assert [(event.delivery, event.thread) for event in events] == [("slack:T1:C1:20.5", "slack:T1:C1:20.5")]
    assert (list(threads), cursor) == (["slack:T1:C1:20.5"], "older")


def test_what_is_read_names_its_workspace_and_an_organization_has_no_channels_of_its_own() -> None:
    done = run(MESSAGES.messages(CHANNEL, 10_000), answer(listed(message("20.5"))))
    assert [event.account for event in done.value.events] == ["T1"]
    assert Slack("xoxb-secret", "https://slack.com/api", account="E1").messages is None


def test_the_first_message_of_a_thread_is_older_than_what_is_read() -> None:
    replies = listed(message("1.5"), message("20.5", thread_ts="1.5"))
    done = run(MESSAGES.replies(CHANNEL, "slack:T1:C1:1.5", 10_000), answer(replies))
    assert parse_qs(urlsplit(done.requests[0].url).query)["ts"] == ["1.5"]
    assert [event.thread for event in done.value.events] == ["slack:T1:C1:1.5"]


def test_its_rate_limits_are_those_that_are_looked_at() -> None:
    limited = answer({"ok": False, "error": "ratelimited"}, 429, retry_after="60")
    for exchange in (MESSAGES.messages(CHANNEL, 0), MESSAGES.replies(CHANNEL, "slack:T1:C1:1.5", 0)):
        with pytest.raises(RateLimited) as caught:
            run(exchange, limited)
        assert caught.value.scope in MESSAGES.limits(CHANNEL)
