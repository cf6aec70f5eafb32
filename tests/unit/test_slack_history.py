"""Reading what was said in a Slack thread."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from answerback.errors import RateLimited, Rejected
from answerback.events import Address
from answerback.platforms import HistoryPage, Place
from answerback.platforms.slack.api import Slack
from tests.fixtures.exchanges import answer, run

PLACE = Place(
    thread="slack:T1:C1:1.2", address={"team": "T1", "channel": "C1", "thread_ts": "1.2"}, message="9.9", author="U1"
)
SLACK = Slack("xoxb-secret", "https://slack.com/api", lambda: 1000.0)


def message(ts: str, text: str = "", **more: Any) -> dict[str, Any]:
    return {"type": "message", "user": "U1", "ts": ts, "text": text or f"text {ts}", "thread_ts": "1.2", **more}


def page(*messages: dict[str, Any], cursor: str = "", given: str = "") -> tuple[dict[str, list[str]], HistoryPage]:
    body = {"ok": True, "messages": list(messages), "response_metadata": {"next_cursor": cursor}}
    done = run(SLACK.history.page(PLACE, 50, given), answer(body))
    assert done.requests[0].url.startswith("https://slack.com/api/conversations.replies?")
    return parse_qs(urlsplit(done.requests[0].url).query), done.value


def test_the_messages_before_the_event_are_read_oldest_first() -> None:
    query, found = page(message("1.2"), message("3.4"), message("9.9"), cursor="next")
    assert (query["ts"], query["latest"], query["channel"]) == (["1.2"], ["9.9"], ["C1"])
    assert [one.message for one in found.messages] == ["1.2", "3.4"]
    assert (found.cursor, found.forward) == ("next", True)
    first = found.messages[0]
    assert (first.delivery, first.at, first.author.id, first.identities) == (
        "slack:T1:C1:1.2",
        1200,
        "U1",
        ("user:U1",),
    )


def test_a_later_page_repeats_the_first_message() -> None:
    query, found = page(message("1.2"), message("5.6"), given="next")
    assert query["cursor"] == ["next"]
    assert [one.message for one in found.messages] == ["5.6"]
    assert found.cursor == ""


def test_a_whole_direct_chat_is_read_from_its_newest_message() -> None:
    where: Address = {"team": "T1", "channel": "D1"}
    chat = Place(thread="slack:T1:D1", address=where, message="9.9", author="U1")
    assert not SLACK.history.begins(chat)
    assert SLACK.history.limits(chat) == ["", "conversations.history:T1"]
    messages = [message(ts) | {"thread_ts": None} for ts in ("9.9", "3.4", "1.2")]
    body = {"ok": True, "messages": messages, "response_metadata": {"next_cursor": "older"}}
    done = run(SLACK.history.page(chat, 50), answer(body))
    assert done.requests[0].url.startswith("https://slack.com/api/conversations.history?")
    query = parse_qs(urlsplit(done.requests[0].url).query)
    assert (query["channel"], query["latest"], query["limit"], "ts" in query) == (["D1"], ["9.9"], ["50"], False)
    assert [one.message for one in done.value.messages] == ["1.2", "3.4"]
    assert (done.value.cursor, done.value.forward) == ("older", False)
    # A slash command has no thread either, and begins one.
    assert SLACK.history.begins(msgspec.structs.replace(chat, thread="slack:T1:D1:123.45.abc", message=""))


def test_what_nobody_wrote_and_what_cannot_be_read_is_left_out() -> None:
    joined, gone = message("2.1", subtype="channel_join"), message("2.2", subtype="tombstone")
    _, found = page(message("1.2"), joined, gone, message("2.3", text=" "), {"ts": 5}, message("3.4"))
    assert [one.message for one in found.messages] == ["1.2", "3.4"]


def test_our_own_messages_have_their_key() -> None:
    data = {"event_type": "answerback_reply", "event_payload": {"key": "t.0"}}
    _, found = page(message("1.2"), message("2.1", bot_id="B1", metadata=data))
    assert (found.messages[1].reply, found.messages[1].identities) == ("t.0", ("user:U1", "bot:B1"))


def test_a_message_that_begins_its_thread_has_nothing_before_it() -> None:
    first = Place(thread="slack:T1:C1:1.2", address=PLACE.address, message="1.2")
    assert SLACK.history.begins(first)
    assert not SLACK.history.begins(PLACE)


def test_its_rate_limit_is_that_of_looking_for_replies() -> None:
    with pytest.raises(RateLimited) as caught:
        run(SLACK.history.page(PLACE, 50), answer({"ok": False, "error": "ratelimited"}, 429, retry_after="60"))
    assert caught.value.scope in SLACK.history.limits(PLACE)
    with pytest.raises(Rejected, match="no usable Slack address"):
        run(SLACK.history.page(Place(thread="slack:T1:C1:1.2", address={}), 50))
