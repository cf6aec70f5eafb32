"""Forms in Slack, and answers where the app is not a member of the channel."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from slack_sdk.models.views import View

from answerback import Field, Form, Select, Turn, UnsupportedReply
from answerback.agents import Agent
from answerback.errors import RateLimited, Rejected, Unavailable
from answerback.events import Event
from answerback.outgoing import ReplyContent, matching
from answerback.platforms import FIND, NATIVE, UNKNOWN, Prepared, Sent, slack
from answerback.platforms.slack.api import Slack
from answerback.platforms.slack.modals import EXPIRED, view
from answerback.platforms.slack.response_urls import OUTSIDE
from answerback.replies import Reply
from answerback.testing import play
from tests.fixtures.deliveries import parsed
from tests.fixtures.exchanges import answer, run

SLACK = Slack("xoxb-secret", "https://slack.com/api", lambda: 1000.0)
URL = "https://hooks.slack.com/commands/T1/1/x"
TRIGGER = "398738663019.47445629121.c03a0bc887a14d10d2c447fce8b67040"
ADDRESS = {"team": "T1", "channel": "C1", "trigger_id": TRIGGER, "response_url": URL}
FIELDS = (
    Field("what", "What?", "long", value="It", hint="In words"),
    Field("count", "How many?", "number", optional=True),
    Field("on", "Since when?", "date", value="2026-11-30"),
    Field("at", "At what time?", "time", value="14:30"),
    Field("size", "Which size?", "choice", (("Small", "s"), ("Large", "l")), value="l"),
    Field("where", "Where?", "choices", (("Here", "h"), ("There", "t")), value="t"),
    Field("who", "Who?", "person"),
    Field("others", "Who else?", "people"),
)
FORM = Form("report", "Report", FIELDS, submit="Send it")
KEY = "8f1c0d2e3b4a59687786.form0"


def reply(kind: Any = "form", text: str = "", form: Form | None = FORM, address: Any = ADDRESS, **more: Any) -> Reply:
    thread = f"slack:T1:C1:{TRIGGER}"
    more = {"content": ReplyContent(form=form) if form else None} | more
    return Reply(key=KEY, thread=thread, text=text, kind=kind, address=address, attempts=1, **more)


def test_a_form_is_a_view_that_slack_accepts_and_comes_back_to_its_thread() -> None:
    opened = run(SLACK.post(reply()), answer({"ok": True, "view": {"id": "V1"}}))
    assert opened.requests[0].url.endswith("/views.open")
    sent = msgspec.json.decode(opened.requests[0].body)
    assert (sent["trigger_id"], opened.value) == (TRIGGER, Sent(""))
    shown = sent["view"]
    official = View(**shown)
    official.validate_json()
    assert len(official.blocks or []) == len(FIELDS)
    elements = {block["element"]["action_id"]: block["element"] for block in shown["blocks"]}
    assert elements["size"]["initial_option"]["value"] == "l"
    assert [one["value"] for one in elements["where"]["initial_options"]] == ["t"]
    changes = {"payload__view__private_metadata": shown["private_metadata"], "payload__view__callback_id": "report"}
    event: Event = parsed(slack, "view_submission", **changes)
    assert event.thread.endswith(f":C1:{TRIGGER}")
    assert (event.reply, event.action and event.action.name, event.channel) == (KEY, "report", "C1")
    below: Any = view(FORM, reply(address={**ADDRESS, "thread_ts": "1.2"}))
    inside = msgspec.json.decode(below["private_metadata"])
    assert inside == {"channel": "C1", "thread_ts": "1.2", "reply": KEY}


def test_of_a_long_menu_slack_asks_for_the_options_as_a_person_types() -> None:
    many = tuple((f"Room {number}", str(number)) for number in range(101))
    menu = Select("room", many)
    sent = run(
        SLACK.post(reply("message", "Where?", None, content=ReplyContent(actions=(menu,)))),
        answer({"ok": True, "ts": "7.8"}),
    )
    (element,) = msgspec.json.decode(sent.requests[0].body)["blocks"][-1]["elements"]
    assert element == {"type": "external_select", "action_id": "room", "min_query_length": 0}
    form = Form("f", "t", (Field("a", "b", "choice", many, "7"), Field("c", "d", "choices", many)))
    first, second = (block["element"] for block in view(form, reply(form=form))["blocks"])  # type: ignore[attr-defined]
    assert (first["type"], first["initial_option"]["value"]) == ("external_select", "7")
    assert second["type"] == "multi_external_select"

    asked: Any = parsed(slack, "block_suggestion", payload__block_id=f"answerback:{KEY}", payload__action_id="room")
    assert asked.search.threads == ("slack:T061EG9R6:C0LAN2Q65:1740823201.000200",)
    assert (asked.search.reply, asked.search.name, asked.search.text) == (KEY, "room", "47")
    shown = msgspec.json.decode(asked.search.answer([("Room 47", "47")]).body)
    assert shown == {"options": [{"text": {"type": "plain_text", "text": "Room 47", "emoji": True}, "value": "47"}]}
    assert parsed(slack, "block_suggestion").search is None
    assert matching((("Ada", "1"), ("Canada", "2"), ("Eve", "3"), ("adalina", "4")), " ada") == [
        ("Ada", "1"), ("adalina", "4"), ("Canada", "2")
    ]  # fmt: skip
    assert len(matching(many, "")) == 100


def test_a_form_that_is_opened_too_late_gets_words() -> None:
    late = answer({"ok": False, "error": "expired_trigger_id"})
    assert run(SLACK.post(reply()), late).value == Prepared(EXPIRED)
    told = run(SLACK.post(reply(prepared=EXPIRED)), answer(b"ok"))
    assert told.requests[0].url == URL
    assert msgspec.json.decode(told.requests[0].body)["response_type"] == "ephemeral"
    assert "could not be opened in time" in msgspec.json.decode(told.requests[0].body)["text"]
    # A shortcut of the whole app has no response URL: the words are a message, which can be found.
    direct = reply(prepared=EXPIRED, address={**ADDRESS, "channel": "U1", "response_url": ""})
    posted = run(SLACK.post(direct), answer({"ok": True, "ts": "7.8"}))
    assert posted.requests[0].url.endswith("/chat.postMessage")
    assert [SLACK.repeat(one) for one in (reply(), reply(prepared=EXPIRED), direct)] == [NATIVE, NATIVE, FIND]


def test_a_repeat_does_not_open_a_form_twice() -> None:
    used = answer({"ok": False, "error": "exchanged_trigger_id"})
    with pytest.raises(Rejected, match="one form"):
        run(SLACK.post(reply()), used)
    assert run(SLACK.post(msgspec.structs.replace(reply(), attempts=2)), used).value == Sent("")


@pytest.mark.parametrize(
    ("form", "words"),
    [
        (Form("f", "t" * 25, FIELDS), "25 characters; Slack accepts 24"),
        (Form("f", "t", tuple(Field(f"n{n}", "l") for n in range(101))), "at most 100 fields"),
        (Form("f", "t", (Field("n", "l", "choice", tuple((str(n), "v") for n in range(2001))),)), "2000 options"),
        (Form("f", "t", (Field("n", "l" * 2001),)), "accepts 2000"),
        (Form("f", "t", ()), "no fields"),
        (Form("f", "t", (Field("n", "l"), Field("n", "m"))), 'named "n"'),
        (Form("f", "t", (Field("n", "l", "choice"),)), "needs options"),
        (Form("f", "t", (Field("n", "l", "colour"),)), "the kind of a field"),  # type: ignore[arg-type]
        (Form("f", "t", (Field("n", "l", "choice", (("a", "b"),), "c"),)), "none of its options"),
    ],
)
async def test_a_form_is_checked_before_it_is_stored(form: Form, words: str) -> None:
    said: list[str] = []

    async def agent(turn: Turn) -> None:
        try:
            await turn.open(form)
        except UnsupportedReply as refusal:
            said.append(str(refusal))

    async with play(Agent("a", agent)) as thread:
        await thread.send(parsed(slack, "command"))
        assert thread.outbox == []
    assert words in said[0]


async def test_a_form_is_opened_and_filled_in_a_test() -> None:
    async def agent(turn: Turn) -> str | None:
        if turn.event.action and turn.event.action.type == "command":
            await turn.open(FORM)
            return None
        if turn.event.action:
            return f"{turn.input['what']} {turn.input['size']} {turn.event.action.name}"
        await turn.open(FORM)
        return None

    async with play(Agent("a", agent)) as thread:
        await thread.send(parsed(slack, "command"))
        assert [(one.kind, one.content and one.content.form) for one in thread.outbox] == [("form", FORM)]
        assert await thread.fill({"what": "bent"}) == "bent l report"
        with pytest.raises(ValueError, match="no field colour"):
            await thread.fill({"colour": "red"})
        with pytest.raises(UnsupportedReply, match="just pressed"):
            await thread.send(parsed(slack, "app_mention"))


def test_where_the_app_is_no_member_the_response_url_is_used() -> None:
    away = answer({"ok": False, "error": "not_in_channel"})
    message = reply("message", "hello", None)
    assert run(SLACK.post(message), away).value == Prepared(OUTSIDE)
    outside = msgspec.structs.replace(message, prepared=OUTSIDE)
    posted = run(SLACK.post(outside), answer(b"ok"))
    assert (posted.requests[0].url, "authorization" in posted.requests[0].headers) == (URL, False)
    assert msgspec.json.decode(posted.requests[0].body)["response_type"] == "in_channel"
    assert (SLACK.repeat(message), SLACK.repeat(outside)) == (FIND, UNKNOWN)
    assert SLACK.limits(outside, looking=False)[1].startswith(OUTSIDE)
    for response, error in (
        (answer({"ok": False, "error": "used_url"}, 404), Rejected),
        (answer({}, 500), Unavailable),
        (answer({}, 429, retry_after="3"), RateLimited),
    ):
        with pytest.raises(error):
            run(SLACK.post(outside), response)
    # A channel that is new to Slack's servers passes: a reply in a thread waits for that first.
    hidden = answer({"ok": False, "error": "channel_not_found"})
    assert run(SLACK.post(message), hidden).value == Prepared(OUTSIDE)
    inside = reply("message", "hello", None, {**ADDRESS, "thread_ts": "1.2"})
    with pytest.raises(Unavailable):
        run(SLACK.post(inside), hidden)
    assert run(SLACK.post(msgspec.structs.replace(inside, refusals=3)), hidden).value == Prepared(OUTSIDE)


def test_a_message_that_begins_a_thread_names_it() -> None:
    done = answer({"ok": True, "ts": "7.8"})
    assert run(SLACK.post(reply("message", "hello", None)), done).value == Sent("7.8", thread="slack:T1:C1:7.8")
    for place in ({"thread_ts": "1.2"}, {"channel": "D1"}):
        assert run(SLACK.post(reply("message", "hello", None, {**ADDRESS, **place})), done).value == Sent("7.8")
