"""Slack's events as ours: messages, mentions, threads, direct messages."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import msgspec
import pytest

from answerback.errors import MalformedBody
from answerback.events import Event
from answerback.messages import Author
from answerback.platforms import Answer, Ignored, slack
from answerback.platforms.registry import PLATFORMS
from answerback.platforms.slack.mrkdwn import calm, plain
from tests.fixtures.deliveries import content, load, parsed

parse = partial(parsed, slack)
ROOM = "slack:T061EG9R6:C0LAN2Q65"


def test_slack_is_in_the_registry() -> None:
    assert PLATFORMS["slack"].parse is slack.parse
    assert (slack.NAME, slack.SECRET) == ("slack", "SLACK_SIGNING_SECRET")


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
        account="T061EG9R6",
        gesture=f"slack:C0LAN2Q65:{content('slack', 'message')['event']['client_msg_id']}",
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


def test_an_app_of_a_whole_organization_has_one_thread_in_channels_of_several_workspaces() -> None:
    org = [{"enterprise_id": "E0HOME", "team_id": None, "user_id": "U0BOT", "is_bot": True}]
    mention = parse("shared_channel.app_mention", authorizations=org)
    assert mention == parse("shared_channel.message", authorizations=org)
    assert mention.thread.startswith("slack:E0HOME:C0SHAREDB:")
    assert mention.account == "E0HOME"
    # Its token is the organization's, also where Slack names the workspace.
    named = [{**org[0], "team_id": "T0HOME", "is_enterprise_install": True}]
    assert parse("shared_channel.message", authorizations=named).account == "E0HOME"


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


def test_the_handshake_echoes_the_challenge() -> None:
    challenge = json.loads(load("slack", "url_verification").body)["challenge"]
    assert parse("url_verification") == Answer(challenge.encode(), "text/plain")


@pytest.mark.parametrize("name", ["message.channel_join", "channel_created"])
def test_what_nobody_said_is_ignored(name: str) -> None:
    assert isinstance(parse(name), Ignored)


def test_slack_says_that_it_drops_events_and_so_do_we() -> None:
    found = parse("app_rate_limited")
    assert isinstance(found, Ignored)
    assert found.warning == "events dropped"


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


@pytest.mark.parametrize(
    ("text", "mentioned"),
    [("<@U0OTHER> hi", True), ("hi", True), ("&gt; <@U0ANSWERBT> hi\n<@U0OTHER> what?", False)],
)
def test_an_app_mention_may_name_the_bot_user_of_another_installation(text: str, mentioned: bool) -> None:
    assert parse("app_mention", event__text=text).mentioned is mentioned
    assert not parse("message", event__text=text).mentioned


def test_a_group_without_a_label_is_shown_by_its_id() -> None:
    assert plain("<!subteam^S012> and <!here>") == "@S012 and @here"
