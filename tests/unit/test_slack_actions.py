"""What people do in Slack besides writing: buttons, forms, shortcuts, commands, reactions, stop."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
import pytest

from answerback.accepting import conversations
from answerback.events import Action, Conversation, Event
from answerback.messages import Attachment, Author
from answerback.notifications import Stop, Uninstalled
from answerback.platforms import Answer, Answered, Ignored, slack
from answerback.platforms.slack.attachments import Remote
from tests.fixtures.deliveries import changed, content, load, parsed

parse = partial(parsed, slack)
TEAM, CHANNEL, USER = "T061EG9R6", "C0LAN2Q65", "U2147483697"
ROOM = f"slack:{TEAM}:{CHANNEL}"
ROOT, MESSAGE = "1740823201.000200", "1740823210.900100"
TRIGGER = "398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
NOWHERE = {"team": TEAM, "trigger_id": "398738663016.47445629121.903a0bc887a14d10d2c447fce8b6703d"}
EMPTY = Answer(content_type="")
URL = f"https://hooks.slack.com/actions/{TEAM}/397700885554/96rGlfmibIGlgcZRskXaIFfN"


def test_a_pressed_button_is_an_event_of_its_messages_thread() -> None:
    event = parse("block_actions.button")
    assert event == Event(
        delivery=f"{ROOM}:{TRIGGER}",
        thread=f"{ROOM}:{ROOT}",
        reply="8f1c0d2e3b4a59687786.0",
        kind="block_actions",
        text="pressed Approve (value: 42)",
        author=Author(USER, "ada"),
        channel=CHANNEL,
        identities=(f"user:{USER}",),
        address={"team": TEAM, "channel": CHANNEL, "thread_ts": ROOT, "response_url": URL, "trigger_id": TRIGGER},
        at=1_740_823_260_421,
        action=Action(type="button", name="approve", value="42", message=MESSAGE),
        account=TEAM,
    )
    assert event.thread == parse("message").thread


def test_a_message_without_a_thread_is_its_own() -> None:
    where = {"payload__container__thread_ts": None, "payload__message__thread_ts": None}
    assert parse("block_actions.button", **where).thread == f"{ROOM}:{MESSAGE}"


def test_the_value_of_a_button_may_be_structured() -> None:
    event = parse("block_actions.button", payload__actions=[_button(value='{"order": 7, "items": [1]}')])
    assert event.input == {"order": 7, "items": [1]}
    for value in ("42", "{", '"x"', "x" * 2000):
        assert parse("block_actions.button", payload__actions=[_button(value=value)]).input is None


@pytest.mark.parametrize(
    ("element", "value"),
    [
        ({"type": "static_select", "selected_option": {"value": "xl"}}, "xl"),
        ({"type": "multi_static_select", "selected_options": [{"value": "a"}, {"value": "b"}]}, '["a","b"]'),
        ({"type": "users_select", "selected_user": "U1"}, "U1"),
        ({"type": "multi_channels_select", "selected_channels": ["C1"]}, '["C1"]'),
        ({"type": "conversations_select", "selected_conversation": "C1"}, "C1"),
        ({"type": "datepicker", "selected_date": "2026-12-01"}, "2026-12-01"),
        ({"type": "datetimepicker", "selected_date_time": 1_740_823_260}, "1740823260"),
        ({"type": "checkboxes", "selected_options": []}, "[]"),
        ({"type": "overflow", "selected_option": None}, ""),
        ({"type": "plain_text_input", "value": "hello"}, "hello"),
        ({"type": "number_input", "value": "7"}, "7"),
    ],
)
def test_whatever_is_chosen_has_a_value(element: dict[str, Any], value: str) -> None:
    action = parse("block_actions.select", payload__actions=[{"action_id": "size", **element}]).action
    assert (action.type, action.name, action.value) == ("select", "size", value)


def test_a_thumb_below_an_answer_is_a_button() -> None:
    pressed = {"type": "feedback_buttons", "action_id": "feedback", "value": "good", "text": None}
    action = parse("block_actions.button", payload__actions=[pressed]).action
    assert (action.type, action.value) == ("button", "good")


def test_each_of_several_elements_is_an_event() -> None:
    both = [_button(), {"action_id": "size", "type": "static_select", "selected_option": {"value": "xl"}}]
    found = slack.parse(changed("slack", "block_actions.button", payload__actions=both))
    assert isinstance(found, Answered)
    assert [event.delivery for event in found.events] == [f"{ROOM}:{TRIGGER}", f"{ROOM}:{TRIGGER}:1"]


@pytest.mark.parametrize("more", [{}, {"payload__message": None, "payload__actions": [{"action_id": "a", "url": "x"}]}])
def test_a_button_that_opens_a_page_is_no_event(more: dict[str, Any]) -> None:
    found = parse("block_actions.link", **more)
    assert (found.reason, found.answer) == ("a button that opens a page", EMPTY)


def test_a_form_belongs_to_the_thread_for_which_it_was_opened() -> None:
    event = parse("view_submission")
    assert (event.thread, event.address["thread_ts"]) == (f"{ROOM}:{ROOT}", ROOT)
    assert event.text == 'sent Report a problem\ntext: The frame is bent\nplaces: ["shop","warehouse"]'
    values = {"text": "The frame is bent", "places": ["shop", "warehouse"]}
    assert event.action == Action(type="form", name="report", values=values)
    assert event.input == values


def test_fields_of_one_name_are_told_apart_by_their_blocks() -> None:
    entered = {"a": {"x": {"type": "plain_text_input", "value": "1"}}, "b": {"x": {"value": "2"}, "y": {"value": None}}}
    event = parse("view_submission", payload__view__state={"values": entered})
    assert event.action.values == {"x": "1", "b.x": "2", "y": None}


@pytest.mark.parametrize("metadata", ["", "order 7", '{"channel": 7}', "[]", '{"order": 7}'])
def test_a_form_of_no_channel_is_answered_in_a_direct_message(metadata: str) -> None:
    event = parse("view_submission", payload__view__private_metadata=metadata)
    assert (event.channel, event.direct, event.address) == (USER, True, {**NOWHERE, "channel": USER})
    assert event.thread.startswith(f"slack:{TEAM}:{USER}:398738663016.")


def test_a_form_may_let_a_person_choose_the_channel() -> None:
    urls = [{"block_id": "b", "action_id": "a", "channel_id": "C7", "response_url": URL}]
    where = {"payload__view__private_metadata": "", "payload__response_urls": urls}
    assert parse("view_submission", **where).address == {**NOWHERE, "channel": "C7", "response_url": URL}


def test_a_shortcut_of_a_message_belongs_to_its_thread() -> None:
    event = parse("message_action")
    assert event.thread == f"{ROOM}:{ROOT}"
    assert event.text == (
        "used the shortcut summarize on this message:\n\nIt happens [here](https://widgets.example.com/frames) only"
    )
    assert event.action == Action(type="shortcut", name="summarize", message="1740823260.112233")
    assert parse("shortcut").action == Action(type="shortcut", name="new_ticket")
    assert parse("shortcut").direct


def test_a_command_is_an_event_without_a_message() -> None:
    event = parse("command")
    assert event.text == "/deploy frames 2.4 for <@U0EDITH0001>"
    assert event.action == Action(type="command", name="/deploy", value="frames 2.4 for <@U0EDITH0001>")
    trigger = content("slack", "command")["trigger_id"]
    assert (event.thread, event.delivery) == (f"{ROOM}:{trigger}", f"{ROOM}:command:{trigger}")
    assert event.mentions == ("u0edith0001",)
    assert event.author == Author(USER, "ada")
    assert "thread_ts" not in event.address
    assert str(event.address["response_url"]).startswith("https://hooks.slack.com/commands/")


def test_an_organizations_command_and_button_belong_to_its_threads() -> None:
    whole = {"is_enterprise_install": "true", "enterprise_id": "E0HOME"}
    assert parse("command", **whole).account == "E0HOME"
    found = parse("block_actions.button", payload__enterprise={"id": "E0HOME"}, payload__is_enterprise_install=True)
    assert (found.account, found.thread) == ("E0HOME", f"slack:E0HOME:{CHANNEL}:{ROOT}")


@pytest.mark.parametrize("name", ["block_actions.button", "view_submission", "shortcut", "message_action", "command"])
def test_what_slack_shows_to_the_person_is_empty(name: str) -> None:
    found = slack.parse(load("slack", name))
    assert isinstance(found, Answered)
    assert found.answer == EMPTY


def test_what_is_not_handled_is_answered_and_says_why() -> None:
    assert parse("view_closed") == Ignored("a form was closed without being sent", answer=EMPTY)
    assert parse("block_suggestion").answer == Answer(b'{"options":[]}')
    assert parse("command.ssl_check") == Ignored("Slack checks our certificate", answer=EMPTY)
    found = parse("shortcut", payload__type="dialog_submission")
    assert (found.warning, found.answer) == ("not handled", EMPTY)


def test_a_reaction_is_an_event_of_the_thread_of_its_message() -> None:
    event = parse("reaction_added")
    assert event.text == "reacted with :thumbsup:"
    assert event.of == event.thread == f"{ROOM}:{MESSAGE}"
    assert event.of == parse("message.own").delivery
    assert event.action == Action(type="reaction", name="thumbsup", message=MESSAGE)
    assert event.address == {"team": TEAM, "channel": CHANNEL}
    back = parse("reaction_removed")
    assert (back.text, back.action.removed) == ("took back the reaction :thumbsup:", True)
    assert back.delivery != event.delivery
    assert isinstance(parse("reaction_added.file"), Ignored)


def test_the_stop_button_and_the_reaction_stop() -> None:
    found = parse("agent_session_stopped")
    assert isinstance(found, Stop)
    assert (found.thread, found.author, found.at) == (f"{ROOM}:{ROOT}", Author(USER), 1_740_823_530_000)
    found = parse("reaction_added.stop")
    assert isinstance(found, Stop)
    assert (found.thread, found.of) == (f"{ROOM}:{MESSAGE}", f"{ROOM}:{MESSAGE}")
    assert isinstance(parse("reaction_removed", event__reaction="octagonal_sign"), Event)


@pytest.mark.parametrize("name", ["app_uninstalled", "tokens_revoked"])
def test_the_end_of_our_access_is_told(name: str) -> None:
    found = parse(name)
    assert isinstance(found, Uninstalled)
    assert found.account == TEAM


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("tokens_revoked.of_a_person", "tokens of persons"),
        ("assistant_thread_started", "opened the app's pane"),
        ("app_context_changed", "looks at something else"),
        ("channel_created", "channel_created events are not messages"),
    ],
)
def test_what_no_agent_is_asked_is_ignored_with_a_reason(name: str, reason: str) -> None:
    assert reason in parse(name).reason


def test_files_are_attachments_to_be_fetched() -> None:
    event = parse("message.file_share.only")
    assert event.text.startswith("[file: frame.png (image/png)]")
    (file,) = event.attachments
    assert (file.name, file.content_type, file.size, file.problem) == ("frame.png", "image/png", 48211, "")
    assert _remote(file) == Remote(
        "F08GFRAME1", f"https://files.slack.com/files-pri/{TEAM}-F08GFRAME1/download/frame.png"
    )
    (hidden,) = parse("message.file_share.shared_channel").attachments
    assert _remote(hidden) == Remote("F08GFRAME1")


@pytest.mark.parametrize(
    ("file", "problem"),
    [
        ({"mode": "tombstone"}, "it was deleted"),
        ({"mode": "hidden_by_limit"}, "the workspace's plan hides it, since it is old"),
        ({"is_external": True, "url_private": "https://elsewhere.example.com/x"}, "it is kept outside of Slack"),
    ],
)
def test_a_file_that_cannot_be_had_says_why(file: dict[str, Any], problem: str) -> None:
    (found,) = parse("message", event__files=[{"id": "F1", "name": "x.png", **file}]).attachments
    assert (found.problem, found.remote) == (problem, "")


def test_no_more_than_twenty_files_are_fetched() -> None:
    files = [{"id": f"F{number}"} for number in range(30)]
    assert len(parse("message", event__files=files).attachments) == 20
    assert parse("message", event__files=[None, 7, {"id": None}, {"name": "x"}]).attachments == ()


def test_one_gesture_has_one_id_though_it_comes_with_two_ts() -> None:
    first, second = parse("message"), parse("message.twice")
    assert first.gesture == second.gesture != ""
    assert first.delivery != second.delivery
    assert parse("message_changed", event__message__text="<@U0NEW> hi").event.gesture == ""
    assert parse("message.me_message").gesture == ""


def test_a_message_of_a_shared_channel_is_one_for_all_our_installations() -> None:
    there = [{"team_id": "T0OTHER", "enterprise_id": None, "user_id": "U0BOT", "is_bot": True}]
    more = {"event__client_msg_id": None, "is_ext_shared_channel": True}
    here = parse("shared_channel.message", **more)
    assert here.gesture == parse("shared_channel.message", **more, authorizations=there).gesture != ""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("message.thread_broadcast", "It is fixed now"),
        ("message.me_message", "shrugs"),
        (
            "message.blocks_only",
            "Frames are late\n*Queue*\n4,711\n*Since*\n10 minutes\n[Alert 7](https://widgets.example.com/alerts/7)",
        ),
    ],
)
def test_every_kind_of_message_is_read(name: str, text: str) -> None:
    assert parse(name).text == text


def test_a_reply_shown_in_the_channel_belongs_to_its_thread() -> None:
    assert parse("message.thread_broadcast").thread == f"{ROOM}:{ROOT}"


def _button(**more: Any) -> dict[str, Any]:
    text = {"type": "plain_text", "text": "Approve"}
    return {"action_id": "approve", "block_id": "b", "type": "button", "text": text, "value": "42", **more}


def _remote(attachment: Attachment) -> Remote:
    return msgspec.json.decode(attachment.remote, type=Remote)


def test_a_direct_chat_may_be_one_thread() -> None:
    chat = f"slack:{TEAM}:D0AB12CD3"
    message = parse("message.im")
    assert message.conversation == Conversation(chat, {"team": TEAM, "channel": "D0AB12CD3"})
    assert placed(message, chat=False) == msgspec.structs.replace(message, conversation=None)
    whole = placed(message, chat=True)
    assert (whole.thread, whole.address) == (chat, {"team": TEAM, "channel": "D0AB12CD3"})
    assert parse("message.im", event__thread_ts=ROOT).conversation is None
    assert parse("message").conversation is None
    edit = parse("message_changed", event__channel="D0AB12CD3", event__channel_type="im")
    assert (placed(edit, chat=True).thread, placed(edit, chat=False).thread) == (chat, edit.thread)
    assert parse("command", channel_id="D0AB12CD3").conversation.thread == chat
    where = {"payload__container__channel_id": "D0AB12CD3"}
    assert parse("block_actions.button", **where).conversation is None
    alone = {**where, "payload__container__thread_ts": None, "payload__message__thread_ts": None}
    pressed = parse("block_actions.button", **alone).conversation
    assert pressed.address == {"team": TEAM, "channel": "D0AB12CD3", "response_url": URL, "trigger_id": TRIGGER}


def placed(inbound: Any, *, chat: bool) -> Any:
    return conversations.placed(inbound, chat=chat)
