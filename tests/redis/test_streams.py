"""Completing a message that shows a reply: whatever the platform answers, it shows all of the text in the end, once."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from answerback.errors import Unavailable
from answerback.platforms import Request
from answerback.replies import Reply, ShownMessage
from answerback.store.threads.outbox import Outbox
from answerback.store.threads.threads import Threads
from tests.fixtures.exchanges import answer
from tests.redis.given import accept, claim, turn
from tests.redis.sending import ADDRESSES, LIMITED, Scene

pytestmark = pytest.mark.one_server

DONE = answer({"ok": True, "channel": "C1", "ts": "9.9"})
CLOSED = answer({"ok": False, "error": "message_not_in_streaming_state"})
GONE = answer({"ok": False, "error": "message_not_found"})
TEXT = "It is so, and not otherwise."


class Streams(Scene):
    """A thread on Slack with a reply of which a message shows the beginning."""

    async def begun(self, shown: ShownMessage, text: str = TEXT, **fields: Any) -> None:
        """Commit the reply."""
        await accept(self.threads, 1, thread=self.thread)
        reply = Reply(
            key="r.0", thread=self.thread, text=text, address=ADDRESSES["slack"], state="streaming",
            message=shown.message, shown=shown, **fields,
        )  # fmt: skip
        await self.threads.commit(turn(await claim(self.threads), reply))

    @property
    def calls(self) -> list[str]:
        """The methods that were called."""
        return [request.url.rpartition("/")[2].partition("?")[0] for request in self.platform.asked]


def content(request: Request) -> dict[str, Any]:
    """What a request says."""
    found: dict[str, Any] = json.loads(request.body)
    return found


SHOWN = ShownMessage(key="r.0", message="9.9", open=True).showing("It is so")


@pytest.fixture
def streams(threads: Threads, outbox: Outbox) -> Streams:
    return Streams(threads, outbox, "slack")


async def test_the_message_is_completed_with_the_rest_of_the_text(streams: Streams) -> None:
    await streams.begun(SHOWN)
    await streams.send(DONE)
    told = content(streams.platform.asked[0])
    assert streams.calls == ["chat.stopStream"]
    assert told["markdown_text"] == ", and not otherwise."
    assert told["metadata"]["event_payload"] == {"key": "r.0"}
    reply = await streams.reply()
    assert (reply.state, reply.message, reply.shown) == ("sent", "9.9", None)


@pytest.mark.parametrize(
    "shown",
    [
        msgspec.structs.replace(SHOWN, open=False),
        SHOWN.showing("It was so"),
        SHOWN.unsure(),
        SHOWN.showing(TEXT + " Or is it?"),
    ],
    ids=["not open", "other words", "unknown words", "more words"],
)
async def test_a_message_that_shows_something_else_is_edited(streams: Streams, shown: ShownMessage) -> None:
    await streams.begun(shown)
    await streams.send(*([DONE, DONE] if shown.open else [DONE]))
    assert streams.calls[-1] == "chat.update"
    assert content(streams.platform.asked[-1])["markdown_text"] == TEXT
    assert (await streams.reply()).state == "sent"


async def test_a_stream_that_the_platform_ended_is_edited(streams: Streams) -> None:
    await streams.begun(SHOWN)
    await streams.send(CLOSED, DONE)
    assert content(streams.platform.asked[-1])["markdown_text"] == TEXT
    assert (await streams.reply()).state == "sent"


@pytest.mark.parametrize("failure", [answer(b"", 502), Unavailable("no response"), answer(b"{", 200)])
async def test_an_end_of_unknown_outcome_is_repeated_with_all_of_the_text(streams: Streams, failure: Any) -> None:
    await streams.begun(SHOWN)
    await streams.send(failure)
    assert (await streams.reply()).state == "sending"
    await streams.later(1)
    # Whether the rest was added is unknown: it is not added again.
    await streams.send(CLOSED, DONE)
    assert "markdown_text" not in content(streams.platform.asked[1])
    assert content(streams.platform.asked[2])["markdown_text"] == TEXT
    assert (await streams.reply()).state == "sent"


async def test_a_worker_that_dies_while_it_ends_a_stream_leaves_that_it_is_unknown(streams: Streams) -> None:
    await streams.begun(SHOWN)
    with pytest.raises(RuntimeError):
        await streams.send(RuntimeError("killed"))
    reply = await streams.reply()
    assert reply.state == "sending"
    assert reply.shown
    assert not reply.shown.begins(TEXT)


async def test_a_refused_end_is_repeated(streams: Streams) -> None:
    await streams.begun(SHOWN)
    await streams.send(answer({"ok": False, "error": "not_in_channel"}))
    assert (await streams.reply()).state == "streaming"
    await streams.later(1)
    await streams.send(DONE)
    assert (await streams.reply()).state == "sent"


async def test_a_rate_limit_leaves_what_is_known(streams: Streams) -> None:
    await streams.begun(SHOWN)
    await streams.send(LIMITED)
    reply = await streams.reply()
    assert (reply.state, reply.shown) == ("streaming", SHOWN)


async def test_an_end_is_repeated_while_an_earlier_edit_may_undo_it(streams: Streams) -> None:
    now = await streams.threads.database.now()
    await streams.begun(msgspec.structs.replace(SHOWN.unsure(), open=False, doubt=now))
    await streams.send(DONE)
    reply = await streams.reply()
    assert reply.state == "sending"
    assert reply.shown
    await streams.later(0)
    aged = msgspec.structs.replace(reply, shown=msgspec.structs.replace(reply.shown, doubt=1))
    await streams.threads.database.call(
        "HSET", f"ab:{{0}}:outbox:{streams.thread}", "r.0", msgspec.msgpack.encode(aged)
    )
    await streams.send(DONE)
    assert streams.calls == ["chat.update", "chat.update"]
    assert (await streams.reply()).state == "sent"


async def test_a_message_that_somebody_deleted_is_posted_anew(streams: Streams) -> None:
    await streams.begun(SHOWN, refusals=9)
    await streams.send(CLOSED, GONE, DONE)
    assert streams.calls == ["chat.stopStream", "chat.update", "chat.postMessage"]
    assert (await streams.reply()).state == "sent"


async def test_a_message_without_a_text_is_deleted(streams: Streams) -> None:
    await streams.begun(SHOWN, text="")
    await streams.send(DONE, DONE)
    assert streams.calls == ["chat.stopStream", "chat.delete"]
    assert (await streams.reply()).state == "sent"


UNKNOWN = ShownMessage(key="r.0", begun=1, since=1)


def ours(ts: str, key: str = "", bot: str = "B1") -> dict[str, Any]:
    """A message of a thread."""
    told = {"event_type": "answerback_reply", "event_payload": {"key": key}} if key else None
    return {"ts": ts, "bot_id": bot, "text": "It is", **({"metadata": told} if told else {})}


@pytest.mark.parametrize("key", ["", "r.0"])
async def test_a_message_of_which_it_is_unknown_whether_it_exists_is_looked_for(streams: Streams, key: str) -> None:
    await streams.begun(UNKNOWN, unknown=1)
    there = answer({"ok": True, "messages": [ours("3.3", "q.0"), ours("4.4", "", "B2"), ours("5.5", key)]})
    await streams.send(there, CLOSED, DONE)
    assert streams.calls == ["conversations.replies", "chat.stopStream", "chat.update"]
    told = content(streams.platform.asked[-1])
    assert (told["ts"], told["markdown_text"]) == ("5.5", TEXT)
    assert (await streams.reply()).state == "sent"


async def test_a_message_that_was_not_begun_is_posted(streams: Streams) -> None:
    await streams.begun(UNKNOWN, unknown=1)
    await streams.send(streams.nothing(), streams.nothing(), DONE)
    assert streams.calls == ["conversations.replies", "conversations.replies", "chat.postMessage"]
    assert (await streams.reply()).state == "sent"


async def test_a_message_that_was_not_begun_need_not_be_deleted(streams: Streams) -> None:
    await streams.begun(UNKNOWN, text="", unknown=1)
    await streams.send(streams.nothing(), streams.nothing())
    assert (await streams.reply()).state == "sent"


async def test_a_text_that_is_too_long_for_an_edit_is_divided(streams: Streams) -> None:
    text = "All of it. " * 200
    await streams.begun(SHOWN.unsure(), text=text)
    refused = answer({"ok": False, "error": "msg_too_long"})
    await streams.send(CLOSED, refused, refused, CLOSED, DONE, DONE)
    replies = await streams.outbox.replies(streams.thread)
    assert {one.state for one in replies.values()} == {"sent"}
    told = [content(request) for request in streams.platform.asked[-2:]]
    assert told[0]["ts"] == "9.9"
    assert "ts" not in told[1]
    assert (told[0]["markdown_text"] + " " + told[1]["markdown_text"]).split() == text.split()
