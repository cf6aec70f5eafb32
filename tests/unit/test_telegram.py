"""What Telegram's updates become."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerback.errors import MalformedBody
from answerback.events import Action, Amendment, Event
from answerback.messages import Author
from answerback.notifications import Handover, Moved, Stop
from answerback.platforms import Answer, Answered, Delivery, Ignored, telegram
from answerback.platforms.telegram.emoji import emoji_of, name_of
from tests.fixtures.deliveries import content, load, names, parsed
from tests.fixtures.hostile import JSON, MALFORMED, TEXT, mutated, understood

parse = partial(parsed, telegram)
SECRET, HEADER = "s3cret_Token-of-the-webhook", "x-telegram-bot-api-secret-token"
HQ, FORUM, GROUP = -1002345678901, -1002345678902, -5012345678


def test_a_message_to_the_bot_is_an_event() -> None:
    assert parse("message") == Event(
        delivery="telegram:0:279058397:1365",
        thread="telegram:0:279058397",
        kind="message",
        text="How do I oil a widget?",
        author=Author("279058397", "Ada Lovelace"),
        message="1365",
        channel="279058397",
        direct=True,
        identities=("user:279058397",),
        address={"chat": 279058397},
        at=1740823201000,
    )


def test_the_url_names_one_of_several_bots() -> None:
    def told(query: str) -> Event:
        [event] = telegram.parse(msgspec.structs.replace(load("telegram", "message"), query=query))  # type: ignore[misc]
        assert isinstance(event, Event)
        return event

    second = told("bot=110201544")
    assert (second.account, second.thread) == ("110201544", "telegram:110201544:279058397")
    assert second.delivery == "telegram:110201544:279058397:1365"
    for query in ("", "bot=", "bot=x", "bot=%00", "a&b=c&" * 50, "bot=" + "1" * 30):
        assert (told(query).account, told(query).thread) == ("", "telegram:0:279058397")


@pytest.mark.parametrize(
    ("name", "mentions", "thread"),
    [
        ("message.group", (), f"telegram:0:{GROUP}"),
        ("message.group.mention", ("answerbot",), f"telegram:0:{HQ}"),
        ("message.group.reply_to_bot", ("answerbot",), f"telegram:0:{HQ}"),
        ("message.topic", ("answerbot",), f"telegram:0:{FORUM}:t7"),
        ("message.text_mention", ("answerbot",), f"telegram:0:{HQ}"),
        ("message.group.command", ("answerbot",), f"telegram:0:{HQ}"),
        ("message.anonymous_admin", ("answerbot",), f"telegram:0:{HQ}"),
    ],
)
def test_who_is_addressed_in_which_thread(name: str, mentions: tuple[str, ...], thread: str) -> None:
    event = parse(name)
    assert (event.mentions, event.thread, event.direct) == (mentions, thread, False)
    assert event.address["group"] == 1
    assert event.address["message"] == content("telegram", name)["message"]["message_id"]


def test_a_topic_is_not_an_answer_to_the_bot_that_created_it() -> None:
    message = content("telegram", "message.topic")["message"]
    assert parse("message.topic", message={**message, "entities": [], "text": "hello"}).mentions == ()


def test_what_a_message_answers_is_quoted() -> None:
    answered = content("telegram", "message.group.reply_to_bot")["message"]["reply_to_message"]
    quoted = parse("message.group.reply_to_bot").subject
    assert (quoted.kind, quoted.body, quoted.message) == ("message", answered["text"], str(answered["message_id"]))
    assert parse("message.topic").subject is parse("message").subject is None


def test_authors_are_people_bots_and_those_in_whose_name_is_written() -> None:
    assert parse("message.anonymous_admin").author == Author(str(HQ), "Widgets HQ", "app")
    assert parse("channel_post").author == Author("-1001456789012", "Widget news", "app")
    assert parse("message", message__from={"id": 7, "is_bot": True}).author == Author("7", "", "bot")
    with pytest.raises(MalformedBody):
        parse("message", message__from=None)


def test_commands_are_actions_and_may_be_for_another_bot() -> None:
    command = parse("message.command")
    assert command.action == Action(type="command", name="/deploy", value="widgets 1.2", message="1366")
    assert (command.message, command.text) == ("", "/deploy widgets 1.2")
    assert parse("message.group.command").action.to == "answerbot"
    assert parse("message.group.command_of_another").action.to == "otherbot"


def test_files_have_names_and_ids() -> None:
    photo, document = parse("message.photo"), parse("message.document")
    assert (photo.text, photo.attachments[0].size) == ("What is wrong here?", 98214)
    assert document.text == "sent a document"
    assert (document.attachments[0].name, document.attachments[0].content_type) == ("widget.pdf", "application/pdf")
    assert "BQACAgIAAxkBAAIFaGfCdoc" in document.attachments[0].remote
    assert parse("message.voice").attachments[0].content_type == "audio/ogg"
    assert parse("message.sticker").text == "😀"
    assert parse("message.location").text == "sent a location: 52.52, 13.405"
    albums = [parse(f"message.album.{which}") for which in ("first", "second")]
    assert [(each.arrival, each.text) for each in albums] == [
        ("debounce", "Which of them?"),
        ("debounce", "sent a photo"),
    ]


def test_a_group_that_becomes_a_supergroup_keeps_its_thread() -> None:
    for name in ("message.migrate_to", "message.migrate_from"):
        moved = parse(name)
        assert isinstance(moved, Moved)
        assert (moved.thread, moved.to) == (f"telegram:0:{GROUP}", "telegram:0:-1002345678999")


def test_an_edit_amends_its_message_and_a_new_mention_is_an_event() -> None:
    edit = parse("edited_message")
    assert isinstance(edit, Amendment)
    assert (edit.message, edit.text, edit.at, edit.event) == (
        "1365", "How do I oil a big widget?", 1740823260000, None,
    )  # fmt: skip
    assert edit.delivery == "telegram:0:279058397:1365:e523914021"
    assert edit.edit is not None
    assert edit.edit.edited == "text"
    added = parse("edited_message.mention_added")
    assert added.event.edited == "mention"
    # What already had the mention has this as its gesture: then the edit adds nothing.
    assert added.event.delivery == f"telegram:0:{GROUP}:12:answerbot"
    had = content("telegram", "edited_message.mention_added")["edited_message"]
    assert parse("message.group", message=had).gesture == added.event.delivery
    assert parse("message.group").gesture == ""
    assert isinstance(parse("edited_channel_post"), Amendment)


def test_a_pressed_button_brings_back_what_it_was_given() -> None:
    answered = telegram.parse(load("telegram", "callback_query"))
    assert isinstance(answered, Answered)
    told = msgspec.json.decode(answered.answer.body)
    assert told == {"method": "answerCallbackQuery", "callback_query_id": "1198546699911341234"}
    [press] = answered.events
    assert isinstance(press, Event)
    assert press.action == Action(type="button", name="Approve", value="yes", message="90")
    assert (press.reply, press.text) == ("0123456789abcdef0123.0", "pressed Approve (value: yes)")
    menu = parse("callback_query.menu")
    assert menu.action == Action(type="select", name="size", value="l", message="1380")
    assert menu.text == "chose Large (value: l)"
    old = parse("callback_query.inaccessible")
    assert (old.action.value, old.reply) == ("anything", "")
    inline = parse("callback_query.inline")
    assert isinstance(inline, Ignored)
    assert isinstance(inline.answer, Answer)


def test_reactions_belong_to_the_thread_of_their_message() -> None:
    added = parse("message_reaction")
    assert added.action == Action(type="reaction", name="+1", message="90")
    assert added.of == f"telegram:0:{HQ}:90"
    changes = telegram.parse(load("telegram", "message_reaction.changed"))
    assert isinstance(changes, list)
    found = [(each.action.name, each.action.removed) for each in changes if isinstance(each, Event) and each.action]
    assert found == [("+1", True), ("🐳", False), ("custom:5368324170671202286", False)]
    assert len({each.delivery for each in changes}) == 3
    assert isinstance(parse("message_reaction", message_reaction__new_reaction=[]), Ignored)
    assert (emoji_of("eyes"), emoji_of("❤️"), emoji_of("moyai"), name_of("❤️")) == ("👀", "❤", "", "heart")


def test_what_happens_to_the_bot_itself() -> None:
    assert isinstance(parse("my_chat_member.blocked"), Stop)
    assert isinstance(parse("my_chat_member.added"), Ignored)
    assert parse("business_connection.disabled").warning == "access lost"
    assert parse("business_connection").warning == ""
    assert isinstance(parse("message.new_chat_members"), Ignored)
    assert isinstance(parse("poll_answer"), Ignored)


def test_where_the_owner_of_a_business_account_writes_the_bot_is_silent() -> None:
    asked = parse("business_message")
    assert asked.thread == "telegram:0:bFq2rDkzVWUmGEAAA1gxWkFqT4vM:279058397"
    assert asked.address == {"chat": 279058397, "business": "Fq2rDkzVWUmGEAAA1gxWkFqT4vM"}
    handover = parse("business_message.by_owner")
    assert isinstance(handover, Handover)
    assert (handover.thread, handover.to) == (asked.thread, "people")
    assert parse("business_message.by_owner", business_message__text=" 🤖 ").to == "agents"
    assert isinstance(parse("business_message.by_bot"), Ignored)
    assert parse("edited_business_message").thread == asked.thread
    deleted = telegram.parse(load("telegram", "deleted_business_messages"))
    assert isinstance(deleted, list)
    assert [(each.message, each.text) for each in deleted if isinstance(each, Amendment)] == [
        ("501", None),
        ("504", None),
    ]


# The secret, and what is not as documented ------------------------------------------------------------


def test_one_of_several_secrets_must_be_there() -> None:
    def reason(given: str | None, *secrets: str) -> str:
        headers = {} if given is None else {HEADER: given}
        refusal = telegram.verify(secrets, Delivery(headers, b"{}"), 0)
        return refusal.reason if refusal else ""

    assert reason(SECRET, "another-secret", SECRET) == ""
    assert reason(None, SECRET) == "unsigned"
    assert reason("", SECRET) == "unsigned"
    assert reason(SECRET[:-1], SECRET) == "mismatch"
    assert reason(SECRET, "") == "mismatch"
    assert reason(SECRET) == "unconfigured"
    assert reason("not a token", SECRET) == "malformed"
    with pytest.raises(ValueError, match="letters, digits"):
        telegram.sign("no token!", Delivery({}, b""), 0)


@given(TEXT)
def test_any_header_is_refused(given: str) -> None:
    assert telegram.verify([SECRET], Delivery({HEADER: given}, b""), 0) is not None


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("message", {"update_id": None}),
        ("message", {"update_id": "1"}),
        ("message", {"message": 7}),
        ("message", {"message__chat": None}),
        ("message", {"message__chat": {"id": "x"}}),
        ("message", {"message__chat": {"id": 2**60}}),
        ("message", {"message__message_id": -1}),
        ("callback_query", {"callback_query__id": "a:b"}),
        ("callback_query", {"callback_query__from": None}),
        ("message_reaction", {"message_reaction__user": None}),
        ("my_chat_member.blocked", {"my_chat_member__chat": None}),
        ("deleted_business_messages", {"deleted_business_messages__message_ids": ["x"]}),
    ],
)
def test_a_body_that_is_not_as_documented_is_malformed(name: str, changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedBody):
        parse(name, **changes)


@pytest.mark.parametrize("body", [*MALFORMED, b'{"update_id":1,"message":' + b'{"reply_to_message":' * 50_000])
def test_hostile_json_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        telegram.parse(Delivery({}, body))


BODIES = {name: content("telegram", name) for name in names("telegram")}


@given(st.sampled_from(sorted(BODIES)), st.integers(0, 2**32))
def test_a_mutated_delivery_is_understood_or_malformed(name: str, seed: int) -> None:
    understood(telegram, {}, mutated(BODIES[name], seed))


@given(st.sampled_from(["message", "edited_message", "callback_query", "message_reaction", "business_message"]), JSON)
def test_arbitrary_updates_are_understood_or_malformed(kind: str, more: Any) -> None:
    understood(telegram, {}, {"update_id": 1, kind: more})
    message = {"message_id": 1, "chat": {"id": 1, "type": "private"}, "from": {"id": 1}, "text": "x"}
    for name in (
        "text",
        "entities",
        "photo",
        "document",
        "reply_to_message",
        "reply_markup",
        "location",
        "sender_chat",
    ):
        understood(telegram, {}, {"update_id": 1, kind: {**message, name: more}})
