"""Slack's streams: each exchange, with what Slack may answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from answerback.errors import MessageGone, NotYet, RateLimited, StreamClosed, Unavailable
from answerback.messages import Identity
from answerback.outgoing import Button, ReplyContent
from answerback.platforms import Begun, NextPage, Place, Sent, StreamTask
from answerback.platforms.slack.api import Slack
from answerback.replies import Reply, ShownMessage
from tests.fixtures.exchanges import answer, run

ADDRESS: dict[str, str | int] = {"team": "T1", "channel": "C1", "thread_ts": "1.2"}
PLACE = Place(thread="slack:T1:C1:1.2", address=ADDRESS, message="1.2", author="U7")
US = Identity(name="us", marks=("bot:B1",))
OK = answer({"ok": True, "channel": "C1", "ts": "9.9"})
SHOWN = ShownMessage(key="t.0", message="9.9", open=True).showing("It is")


def slack() -> Any:
    """The streams of a client."""
    return Slack("xoxb", "https://slack.test").streaming


def refused(error: str) -> Any:
    """An error of Slack."""
    return answer({"ok": False, "error": error})


def reply(text: str = "It is so", shown: ShownMessage | None = SHOWN, **fields: Any) -> Reply:
    """A reply that is being shown."""
    message = shown.message if shown else ""
    return Reply(
        key="t.0", thread=PLACE.thread, text=text, address=ADDRESS, at=1_000, message=message, shown=shown, **fields
    )


def told(request: Any) -> dict[str, Any]:
    """What a request says."""
    found: dict[str, Any] = json.loads(request.body)
    return found


def test_a_stream_begins_for_the_author_of_the_event() -> None:
    done = run(slack().begin(reply(), PLACE), OK)
    assert done.value == Begun("9.9", open=True)
    assert done.requests[0].url == "https://slack.test/chat.startStream"
    assert told(done.requests[0]) == {
        "channel": "C1",
        "thread_ts": "1.2",
        "recipient_team_id": "T1",
        "recipient_user_id": "U7",
        "markdown_text": "It is so",
    }


def test_tools_are_shown_as_tasks() -> None:
    tasks = [StreamTask("1", "Search", "done"), StreamTask("2", "Charge", "failed"), StreamTask("3", "x" * 300)]
    done = run(slack().append(reply(), " so", tasks), OK)
    chunks = told(done.requests[0])["chunks"]
    assert [chunk.get("status") for chunk in chunks] == ["complete", "error", "in_progress", None]
    assert chunks[3] == {"type": "markdown_text", "text": " so"}
    assert len(chunks[2]["title"]) <= 256


@pytest.mark.parametrize("error", ["unknown_method", "channel_type_not_supported"])
def test_where_there_are_no_streams_a_message_is_posted_from_then_on(error: str) -> None:
    streams = slack()
    done = run(streams.begin(reply(), PLACE), refused(error), OK)
    assert done.value == Begun("9.9")
    assert [request.url.rpartition("/")[2] for request in done.requests] == ["chat.startStream", "chat.postMessage"]
    assert told(done.requests[1])["metadata"]["event_payload"] == {"key": "t.0"}
    again = run(streams.begin(reply(), PLACE), OK)
    assert again.requests[0].url.endswith("chat.postMessage")


def test_a_recipient_that_slack_refuses_gets_a_message() -> None:
    streams = slack()
    assert run(streams.begin(reply(), PLACE), refused("user_not_found"), OK).value == Begun("9.9")
    assert run(streams.begin(reply(), PLACE), OK).value.open


def test_a_limit_of_streams_is_theirs_alone() -> None:
    limited = answer({"ok": False, "error": "ratelimited"}, 429, retry_after="7")
    with pytest.raises(RateLimited) as raised:
        run(slack().begin(reply(), PLACE), limited)
    assert (raised.value.scope, raised.value.seconds) == ("chat.startStream:T1", 7)
    assert raised.value.scope in slack().limits(reply(), "begin")
    assert "C1" not in slack().limits(reply(), "end")


@pytest.mark.parametrize(
    ("error", "stopped"),
    [("message_not_in_streaming_state", False), ("stopped_by_user", True), ("msg_too_long", False)],
)
def test_a_stream_that_takes_no_more_is_closed(error: str, stopped: bool) -> None:
    with pytest.raises(StreamClosed) as raised:
        run(slack().append(reply(), " so"), refused(error))
    assert raised.value.stopped == stopped


def test_an_append_that_is_lost_is_unknown() -> None:
    with pytest.raises(Unavailable) as raised:
        run(slack().append(reply(), " so"), Unavailable("lost"))
    assert raised.value.unknown


def test_a_stream_ends_with_the_rest() -> None:
    done = run(slack().end(reply()), OK)
    assert told(done.requests[0])["markdown_text"] == " so"
    assert done.value == Sent("9.9")


def test_a_stream_that_shows_all_is_only_stopped() -> None:
    done = run(slack().end(reply("It is")), OK)
    assert "markdown_text" not in told(done.requests[0])


@pytest.mark.parametrize("error", ["message_not_in_streaming_state", "stopped_by_user", "streaming_state_conflict"])
def test_a_stream_that_has_ended_is_edited(error: str) -> None:
    done = run(slack().end(reply()), refused(error), OK)
    assert told(done.requests[1])["markdown_text"] == "It is so"
    assert told(done.requests[1])["metadata"]["event_payload"] == {"key": "t.0"}


def test_a_rest_that_is_too_much_for_a_stream_comes_with_an_edit() -> None:
    done = run(slack().end(reply()), refused("invalid_blocks"), OK, OK)
    assert "markdown_text" not in told(done.requests[1])
    assert told(done.requests[2])["markdown_text"] == "It is so"


def test_buttons_come_with_an_edit() -> None:
    content = ReplyContent(actions=(Button("Approve", value="42"),))
    done = run(slack().end(reply(content=content)), OK, OK)
    assert told(done.requests[1])["blocks"][-1]["type"] == "actions"


def test_a_message_that_is_gone_is_so_after_some_refusals() -> None:
    with pytest.raises(NotYet):
        run(slack().end(reply()), refused("message_not_found"), refused("message_not_found"))
    with pytest.raises(MessageGone):
        run(slack().end(reply(refusals=3)), refused("message_not_found"), refused("message_not_found"))


@pytest.mark.parametrize("there", [OK, refused("message_not_found")], ids=["there", "gone"])
def test_a_reply_without_a_text_is_deleted(there: Any) -> None:
    done = run(slack().end(reply("")), OK, there)
    assert done.requests[-1].url.endswith("chat.delete")


def _message(ts: str, key: str = "", bot: str = "B1") -> dict[str, Any]:
    data = {"event_type": "answerback_reply", "event_payload": {"key": key}}
    return {"ts": ts, "bot_id": bot} | ({"metadata": data} if key else {})


@pytest.mark.parametrize(
    ("messages", "found"),
    [
        ([_message("5.5")], "5.5"),
        ([_message("5.5", "t.0")], "5.5"),
        ([_message("5.5", "other.0")], None),
        ([_message("5.5", bot="B2")], None),
        ([_message("0.5")], None),
        ([_message("4.4"), _message("5.5")], "5.5"),
    ],
    ids=["unfinished", "with its key", "another reply", "another bot", "before the event", "known"],
)
def test_an_unfinished_message_is_found(messages: list[dict[str, Any]], found: str | None) -> None:
    looked_for = reply(shown=ShownMessage(key="t.0", begun=9_000))
    done = run(slack().find(looked_for, US, ["4.4"]), answer({"ok": True, "messages": messages}))
    assert done.value == (Sent(found) if found else None)


def test_the_search_goes_on_with_the_next_page() -> None:
    page = answer({"ok": True, "messages": [], "response_metadata": {"next_cursor": "c2"}})
    assert run(slack().find(reply(), US), page).value == NextPage("c2")
