"""What a turn leaves in the history of its thread."""

from __future__ import annotations

import msgspec

from answerback.agents.outcome import failed, user_messages
from answerback.events import Event
from answerback.messages import Attachment, Author


def test_what_a_user_sent_is_kept_whole_whether_its_turn_fails_or_not() -> None:
    event = Event(
        delivery="chat:1",
        thread="chat:default:1",
        kind="message",
        text="look",
        author=Author("u-1", "ada"),
        message="m1",
        attachments=(Attachment(name="a.txt", content_type="text/plain", text="a"),),
        order=(0, "look"),
        visitor=True,
        input_json=b"{}",
    )
    (said,), (lost,) = user_messages([], [event], event.id), failed([event], "agent_failed")
    assert lost == msgspec.structs.replace(said, failed="agent_failed")
    assert (lost.visitor, lost.order, lost.attachments) == (True, event.order, event.attachments)
