"""Slack's events of edits and deletions: what they amend, and the mentions that an edit adds."""

from __future__ import annotations

from functools import partial

import msgspec
import pytest

from answerback.events import Amendment
from answerback.platforms import Ignored, slack
from tests.fixtures.deliveries import parsed

parse = partial(parsed, slack)
ROOM = "slack:T061EG9R6:C0LAN2Q65"


@pytest.mark.parametrize("name", ["message_changed", "message_changed.tombstone", "message_deleted"])
def test_an_edit_in_a_shared_channel_finds_its_message(name: str) -> None:
    here, shared = parse(name), parse(name, team_id="T0EXT", context_team_id="T0EXT", enterprise_id="E0EXT")
    assert shared == here


def test_an_edit_amends_the_message_it_edits() -> None:
    message, edited = parse("message"), parse("message_changed")
    assert msgspec.structs.replace(edited, event=None) == Amendment(
        delivery=f"{ROOM}:1740823201.000200:1740823290.000400",
        thread=message.thread,
        message=message.message,
        text="<@U0ANSWERBT> why 320, <@U0RAVI0001>?",
        mentions=("u0answerbt", "u0ravi0001"),
        mentioned=True,
        at=1_740_823_290_000,
    )


def test_the_preview_of_a_link_is_no_edit() -> None:
    assert parse("message_changed.unfurl") == Ignored("message_changed, but not its text")


def test_a_deletion_amends_with_nothing() -> None:
    message, deleted = parse("message.thread"), parse("message_deleted")
    assert (deleted.thread, deleted.message, deleted.text) == (message.thread, message.message, None)


def test_a_tombstone_is_a_deletion() -> None:
    message, buried = parse("message"), parse("message_changed.tombstone")
    assert (buried.thread, buried.message, buried.text) == (message.thread, message.message, None)


def test_an_edit_that_adds_a_mention_carries_its_event() -> None:
    def edited(before: str, after: str) -> Amendment:
        found = parse("message_changed", event__previous_message__text=before, event__message__text=after)
        assert isinstance(found, Amendment)
        return found

    amendment = edited("hello", "<@U0ANSWERBT> hello")
    heard = amendment.event
    assert heard is not None
    assert (heard.mentions, heard.edited, heard.direct) == (("u0answerbt",), "mention", False)
    assert (heard.message, heard.thread) == (amendment.message, amendment.thread)
    assert heard.author.id
    assert edited("<@U0ANSWERBT> hello", "<@U0ANSWERBT> hello!").event is None
    assert edited("hello", "hello!").event is None


def test_an_edit_that_does_not_tell_what_stood_there_may_have_added_a_mention() -> None:
    changes = {"event__previous_message": None, "event__message__text": "<@U0ANSWERBT> hi"}
    edited = {"user": "U2147483697", "ts": "1740823290.000000"}
    heard = parse("message_changed", **changes, event__message__edited=edited).event
    assert heard.mentioned
    assert heard.edited == "mention"
    for long_ago in (None, {"user": "U2147483697"}, {**edited, "ts": "1740000000.000000"}):
        assert parse("message_changed", **changes, event__message__edited=long_ago).event is None


def test_a_change_of_what_nobody_said_is_ignored() -> None:
    assert isinstance(parse("message_changed", event__message__subtype="huddle_thread"), Ignored)


def test_an_edit_is_an_event_for_agents_that_are_told_of_edits() -> None:
    amendment = parse("message_changed", event__previous_message__text="<@U0ANSWERBT> <@U0RAVI0001> before")
    assert amendment.event is None
    edit = amendment.edit
    assert (edit.delivery, edit.edited, edit.text, edit.gesture) == (amendment.delivery, "text", amendment.text, "")
    assert parse("message_changed").edit is None
    assert parse("message_deleted").edit is None
