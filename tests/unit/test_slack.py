from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerback.errors import MalformedBody
from answerback.events import Amendment, Event
from answerback.messages import Author
from answerback.platforms import Handshake, Ignored, slack
from answerback.platforms.registry import PLATFORMS
from answerback.platforms.slack.mrkdwn import calm, plain
from tests.fixtures.deliveries import encode, load, names
from tests.fixtures.hostile import JSON, MALFORMED, mutated, understood

ROOM = "slack:T061EG9R6:C0LAN2Q65"


def parse(name: str, **changes: Any) -> Any:
    """What a fixture means, after some fields of its body were replaced ("event__text" is event.text)."""
    delivery = load("slack", name)
    body = json.loads(delivery.body)
    for path, value in changes.items():
        *parents, last = path.split("__")
        target = body
        for parent in parents:
            target = target[parent]
        target[last] = value
    parsed = slack.parse(delivery.headers, encode(body))
    return parsed[0] if isinstance(parsed, list) else parsed


def test_slack_is_in_the_registry() -> None:
    assert PLATFORMS["slack"] is slack
    assert (slack.NAME, slack.SECRET) == ("slack", "SLACK_SIGNING_SECRET")


# Meaning


def test_a_message_becomes_an_event() -> None:
    event = parse("message")
    assert event == Event(
        delivery=f"{ROOM}:1740823201.000200",
        thread=f"{ROOM}:1740823201.000200",
        kind="message",
        text="<@U0ANSWERBT> why does [the frame page](https://widgets.example.com/frames) say <320 & more? cc #frames",
        author=Author("U2147483697"),
        message="1740823201.000200",
        channel="C0LAN2Q65",
        mentions=("u0answerbt",),
        mentioned=True,
        identities=("user:U2147483697",),
        address={"team": "T061EG9R6", "channel": "C0LAN2Q65", "thread_ts": "1740823201.000200"},
        at=1_740_823_201_000,
    )
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(event), type=Event) == event


def test_the_two_events_of_one_mention_are_one_event() -> None:
    assert parse("app_mention") == parse("message")


def test_a_reply_belongs_to_the_thread_of_its_root() -> None:
    event = parse("message.thread")
    assert event.thread == f"{ROOM}:1740823201.000200"
    assert event.delivery == f"{ROOM}:1740823260.112233"
    assert event.address["thread_ts"] == "1740823201.000200"


def test_a_direct_message_is_direct() -> None:
    event = parse("message.im")
    assert event.direct
    assert event.thread == "slack:T061EG9R6:D0AB12CD3:1740823300.445566"
    assert not parse("message").direct


def test_our_own_message_carries_our_marks_and_an_authors_never_does() -> None:
    assert parse("message.own").identities == ("user:U0ANSWERBT", "bot:B08ANSWER1", "app:A0PNCHHK2")
    assert "app:A0PNCHHK2" not in parse("message").identities  # although the delivery is for this app


def test_a_message_of_ours_names_the_reply_that_it_is() -> None:
    ours = {"event_type": "answerback_reply", "event_payload": {"key": "k2v9.0"}}
    assert parse("message.own", event__metadata=ours).reply == "k2v9.0"
    for other in (
        {**ours, "event_type": "task"},
        {**ours, "event_payload": {"key": 1}},
        {**ours, "event_payload": []},
        7,
    ):
        assert parse("message.own", event__metadata=other).reply == ""


def test_another_bot_is_an_author_like_any() -> None:
    event = parse("message.bot_message")
    assert event.author == Author("B07DEPLOYS", "deploys", "bot")
    assert event.identities == ("bot:B07DEPLOYS", "app:A0DEPLOYS1")


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({}, "person"),
        ({"bot_id": "B1"}, "bot"),
        ({"bot_profile": {"id": "B1", "name": "deploys", "app_id": "A1"}}, "bot"),
        ({"subtype": "bot_message", "user": None, "username": "Workflow"}, "bot"),
        ({"user": "USLACKBOT"}, "bot"),
        ({"app_id": "A1"}, "app"),
    ],
)
def test_an_author_says_whether_it_is_a_program(fields: dict[str, Any], kind: str) -> None:
    event = parse("message", **{f"event__{name}": value for name, value in fields.items()})
    assert event.author.kind == kind


def test_a_message_with_a_file_is_a_message() -> None:
    assert parse("message.file_share").text.startswith("See the picture\n\n[file: ")


def test_an_organizations_app_may_be_told_no_team() -> None:
    assert parse("message.enterprise").thread.startswith(f"{ROOM}:")
    assert parse("message.enterprise", authorizations=None).thread.startswith("slack:E01ACMEORG:")
    assert parse("message.enterprise", authorizations=[], enterprise_id=None).thread.startswith("slack:T0OTHERORG:")
    with pytest.raises(MalformedBody, match="team"):
        parse("message.enterprise", authorizations=[], event__team=None, enterprise_id=None)


def test_a_mention_in_a_shared_channel_is_one_event_whatever_workspace_each_delivery_names() -> None:
    mention, message = parse("shared_channel.app_mention"), parse("shared_channel.message")
    assert mention == message
    assert mention.delivery == mention.thread == "slack:T0HOME:C0SHAREDB:1796019266.000024"


def test_a_guests_reply_in_a_shared_channel_belongs_to_our_thread() -> None:
    root, guest = parse("shared_channel.thread.root"), parse("shared_channel.thread.guest")
    assert guest.thread == root.thread == "slack:T0HOME:C0SHAREDA:1796019263.000019"
    assert guest.address == root.address


@pytest.mark.parametrize("name", ["message_changed", "message_changed.tombstone", "message_deleted"])
def test_an_edit_in_a_shared_channel_finds_its_message(name: str) -> None:
    here, shared = parse(name), parse(name, team_id="T0EXT", context_team_id="T0EXT", enterprise_id="E0EXT")
    assert shared == here


def test_an_app_of_a_whole_organization_has_one_thread_in_channels_of_several_workspaces() -> None:
    org = [{"enterprise_id": "E0HOME", "team_id": None, "user_id": "U0BOT", "is_bot": True}]
    mention = parse("shared_channel.app_mention", authorizations=org)
    assert mention == parse("shared_channel.message", authorizations=org)
    assert mention.thread.startswith("slack:E0HOME:C0SHAREDB:")


def test_an_app_mention_is_a_mention_although_nobody_knows_our_name() -> None:
    event = parse("app_mention.without_token")
    assert event.mentioned
    assert parse("app_mention.without_token", authorizations=None).mentioned
    assert not parse("app_mention.without_token", event__type="message", authorizations=None).mentioned


@pytest.mark.parametrize(
    "text",
    ["&gt; <@U0BOT> please\nWhat did you mean?", "Hm.\n&gt;&gt;&gt; <@U0BOT>\nplease", "so\n &gt;<@U0BOT>"],
)
def test_a_quoted_mention_is_no_new_one(text: str) -> None:
    event = parse("app_mention.without_token", event__text=text)
    assert (event.mentions, event.mentioned) == ((), False)
    assert not parse("app_mention.without_token", event__text=text, authorizations=None).mentioned
    assert parse("app_mention.without_token", event__text=f"<@U0BOT>\n{text}").mentioned


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


def test_the_handshake_echoes_the_challenge() -> None:
    challenge = json.loads(load("slack", "url_verification").body)["challenge"]
    assert parse("url_verification") == Handshake(challenge.encode(), "text/plain")


@pytest.mark.parametrize("name", ["message.channel_join", "reaction_added", "channel_created"])
def test_what_nobody_said_is_ignored(name: str) -> None:
    assert isinstance(parse(name), Ignored)


def test_slack_says_that_it_drops_events_and_so_do_we() -> None:
    found = parse("app_rate_limited")
    assert isinstance(found, Ignored)
    assert found.warning == "events dropped"


@pytest.mark.parametrize("kind", ["app_uninstalled", "tokens_revoked"])
def test_the_end_of_our_access_is_told(kind: str) -> None:
    found = parse("channel_created", event={"type": kind, "tokens": {"bot": ["U0ANSWERBT"]}})
    assert (type(found), found.warning) == (Ignored, "access lost")


@pytest.mark.parametrize(
    ("fields", "changed"),
    [
        ({"event__user": None}, "author"),
        ({"event__user": {"id": "U1"}}, "author"),
        ({"event__username": 5, "event__bot_profile": "x", "event__bot_id": None, "event__app_id": []}, ""),
        ({"event__bot_profile": {"name": None, "app_id": 7}}, "author"),
        ({"event__channel_type": 3, "event__team": "not a team!", "event__blocks": {}, "event__files": 0}, ""),
        ({"event__attachments": [None, 5, {"text": None, "fields": [None]}], "event__blocks": [None, 5, [], {}]}, ""),
        ({"event__previous_message": [], "event__message": {"ts": 5}, "event__deleted_ts": 1}, ""),
        ({"event__subtype": None, "event__event_ts": 5, "event_id": 7, "challenge": ""}, ""),
        ({"team_id": 5, "context_team_id": {}, "enterprise_id": "E 1", "event_time": "now"}, ""),
        (
            {"authorizations": [{"team_id": "T061EG9R6", "user_id": 5, "is_bot": "yes", "enterprise_id": 0}]},
            "mentioned",
        ),
    ],
)
def test_a_field_that_nobody_needs_refuses_no_message(fields: dict[str, Any], changed: str) -> None:
    event, usual = parse("message", **fields), parse("message")
    assert isinstance(event, Event)
    different = {name for name in Event.__struct_fields__ if getattr(event, name) != getattr(usual, name)}
    assert different <= {changed, "identities"} if changed else not different


def test_slash_commands_and_interactions_are_ignored() -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    for form in (b"command=%2Fask&text=hi", b"team_id=T1&command=%2Fask", b"payload=%7B%7D"):
        found = slack.parse(headers, form)
        assert isinstance(found, Ignored)
        assert (found.quiet, found.warning) == (True, "not handled")
    assert slack.parse(headers, b"ssl_check=1&token=x") == Ignored("Slack checks our certificate", quiet=True)


@pytest.mark.parametrize(
    ("arrived", "read"),
    [
        ("&lt;@U1&gt; &amp;lt;", "<@U1> &lt;"),
        ("<http://example.com|example.com> <https://example.com>", "example.com https://example.com"),
        ("<mailto:a@example.com|a@example.com> <tel:+491|+491>", "a@example.com +491"),
        ("<!here> <!subteam^S01|@ops> <!date^1^{date}|Monday>", "@here @ops Monday"),
        ("<#C01|general> <#C02> <#C03|> <@U1|ada>", "#general <#C02> <#C03> <@U1>"),
        ("1 < 2 <unclosed", "1 < 2 <unclosed"),
        ("<>", ""),
    ],
)
def test_markup_is_read_as_a_person_would(arrived: str, read: str) -> None:
    assert plain(arrived) == read


def test_a_text_of_ours_wakes_nobody() -> None:
    assert calm("<!channel> <!here|here> <!everyone> <@U1>") == "@channel @here @everyone <@U1>"


# Malformed bodies


@pytest.mark.parametrize(
    "changes",
    [
        {"event": None},
        {"event": []},
        {"event__channel": None},
        {"event__channel": "C1:C2"},
        {"event__channel": {"id": "C1"}},
        {"event__ts": None},
        {"event__ts": "1740823201"},
        {"event__ts": "١.٢"},
        {"event__thread_ts": "x"},
        {"event__text": 1},
    ],
)
def test_a_body_that_is_not_as_documented_is_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedBody):
        parse("message", **changes)


@pytest.mark.parametrize("body", [*MALFORMED, b'{"type":"event_callback","event":' + b'{"message":' * 50_000])
def test_hostile_json_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        slack.parse({}, body)


@pytest.mark.parametrize("name", ["message_changed", "message_deleted"])
def test_an_amendment_must_say_of_what(name: str) -> None:
    with pytest.raises(MalformedBody):
        parse(name, event__message=None, event__previous_message=None, event__deleted_ts=None)


BODIES = {name: (load("slack", name).headers, json.loads(load("slack", name).body)) for name in names("slack")}


@given(st.sampled_from(sorted(BODIES)), st.integers(0, 2**32))
def test_a_mutated_delivery_is_understood_or_malformed(name: str, seed: int) -> None:
    headers, body = BODIES[name]
    understood(slack, headers, mutated(body, seed))


@given(st.binary() | JSON)
def test_arbitrary_events_are_understood_or_malformed(event: Any) -> None:
    understood(slack, {}, event)
    if not isinstance(event, bytes):
        understood(slack, {}, {"type": "event_callback", "team_id": "T1", "event": event})


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


@pytest.mark.parametrize(
    ("text", "mentioned"),
    [("<@U0OTHER> hi", True), ("hi", True), ("&gt; <@U0ANSWERBT> hi\n<@U0OTHER> what?", False)],
)
def test_an_app_mention_may_name_the_bot_user_of_another_installation(text: str, mentioned: bool) -> None:
    assert parse("app_mention", event__text=text).mentioned is mentioned
    assert not parse("message", event__text=text).mentioned


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


def test_a_group_without_a_label_is_shown_by_its_id() -> None:
    assert plain("<!subteam^S012> and <!here>") == "@S012 and @here"
