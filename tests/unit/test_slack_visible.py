"""What an agent is given of a Slack message: what people see of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from answerback.events import Amendment, Event
from answerback.platforms import Delivery, Ignored, slack
from tests.fixtures.deliveries import encode, load
from tests.fixtures.hostile import JSON


def section(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}, **more}


def rich(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text", "elements": list(elements)}


def line(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text_section", "elements": list(elements)}


def word(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def said(**fields: Any) -> Event:
    body = json.loads(load("slack", "message").body)
    body["event"].update({"text": "", "blocks": [], **fields})
    parsed = slack.parse(Delivery({}, encode(body)))
    assert isinstance(parsed, list), parsed
    assert isinstance(parsed[0], Event)
    return parsed[0]


def test_an_alert_that_says_everything_in_its_attachment_is_a_message() -> None:
    delivery = load("slack", "message.alert_in_attachments")
    parsed = slack.parse(delivery)
    assert isinstance(parsed, list)
    assert isinstance(parsed[0], Event)
    assert parsed[0].text == "[FIRING:1] HighLatency\np99 of api is 2.3 s\nSeverity: critical"
    assert (parsed[0].author.name, parsed[0].author.kind) == ("Alertmanager", "bot")


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"blocks": [section("*Deploy* of &lt;api&gt; by <@U1>")]}, "*Deploy* of <api> by <@U1>"),
        (
            {
                "blocks": [
                    {"type": "header", "text": {"type": "plain_text", "text": "Build"}},
                    {"type": "divider"},
                    {"type": "section", "fields": [{"type": "mrkdwn", "text": "a"}, {"type": "mrkdwn", "text": "b"}]},
                    {"type": "context", "elements": [{"type": "mrkdwn", "text": "c"}, word("d")]},
                    {"type": "image", "alt_text": "a graph", "image_url": "https://example.com/g.png"},
                    {
                        "type": "actions",
                        "elements": [
                            {"type": "button", "text": {"type": "plain_text", "text": "Open"}, "url": "https://e.com"}
                        ],
                    },
                ]
            },
            "Build\na\nb\nc d\n[image: a graph]\n[Open](https://e.com)",
        ),
        ({"blocks": [rich(line(word("why "), {"type": "user", "user_id": "U1"}, word("?")))]}, "why <@U1>?"),
        (
            {
                "blocks": [
                    rich(
                        {"type": "rich_text_list", "style": "ordered", "elements": [line(word("a")), line(word("b"))]},
                        {"type": "rich_text_preformatted", "elements": [word("x = 1")]},
                        {"type": "rich_text_quote", "elements": [word("said\nbefore")]},
                        line({"type": "link", "url": "https://e.com", "text": "e"}, {"type": "emoji", "name": "tada"}),
                    )
                ]
            },
            "1. a\n2. b\n```\nx = 1\n```\n> said\n> before\n[e](https://e.com):tada:",
        ),
        ({"blocks": [{"type": "markdown", "text": "**hi**"}]}, "**hi**"),
        ({"blocks": [{"type": "table", "rows": [[{"type": "raw_text", "text": "a"}, word("b")]]}]}, "a | b"),
        ({"blocks": [{"type": "card", "title": {"type": "plain_text", "text": "New"}, "body": "kind"}]}, "New\nkind"),
        # In full, what `text` says in short for notifications; and not twice, what both say.
        ({"text": "Deploy failed", "blocks": [section("*Deploy failed*: exit 1")]}, "*Deploy failed*: exit 1"),
        ({"text": "Deploy failed", "blocks": [section("exit 1")]}, "Deploy failed\n\nexit 1"),
        ({"text": "hi", "blocks": [rich(line(word("hi there")))]}, "hi"),
        ({"text": "This content can't be displayed.", "blocks": [section("exit 1")]}, "exit 1"),
        ({"text": "see", "attachments": [{"text": "details", "fallback": "f"}]}, "see\n\ndetails"),
        ({"attachments": [{"fallback": "only this"}]}, "only this"),
        ({"attachments": [{"blocks": [section("in a block")], "fallback": "[no preview]"}]}, "in a block"),
        ({"attachments": [{"title": "T", "title_link": "https://e.com", "pretext": "P"}]}, "P\n[T](https://e.com)"),
        ({"attachments": [{"is_share": True, "from_url": "https://s", "text": "theirs"}]}, "> theirs"),
        (
            {"text": "see https://e.com", "attachments": [{"from_url": "https://e.com", "text": "p"}]},
            "see https://e.com",
        ),
        ({"files": [{"title": "Q3", "name": "q3.pdf", "mimetype": "application/pdf"}]}, "[file: Q3 (application/pdf)]"),
        ({"files": [{"name": "a.py", "mimetype": "text/plain", "preview": "x"}]}, "[file: a.py (text/plain)]\nx"),
        (
            {"files": [{"name": "v.m4a", "transcription": {"preview": {"content": "call me"}}}]},
            "[file: v.m4a]\ncall me",
        ),
        ({"files": [{}]}, "[file]"),
    ],
)
def test_words_beside_the_text_are_read_as_people_see_them(fields: dict[str, Any], text: str) -> None:
    assert said(**fields).text == text


def test_blocks_mention_and_what_is_repeated_from_elsewhere_does_not() -> None:
    bot = {"type": "user", "user_id": "U0ANSWERBT"}
    assert said(blocks=[section("<@U0ANSWERBT> look")]).mentioned
    assert said(blocks=[rich(line(bot, word(" look")))]).mentioned
    quoted = said(blocks=[rich({"type": "rich_text_quote", "elements": [bot]}, line(word("no")))])
    shared = said(text="no", attachments=[{"is_share": True, "text": "<@U0ANSWERBT> look"}])
    escaped = said(blocks=[section("&lt;@U0ANSWERBT&gt;")])
    for event in (quoted, shared, escaped):
        assert (event.mentions, event.mentioned) == ((), False)


def test_an_alert_that_is_updated_is_an_edit() -> None:
    body = json.loads(load("slack", "message_changed.unfurl").body)
    text = body["event"]["message"]["text"]
    for message, words in (("previous_message", "FIRING"), ("message", "RESOLVED")):
        body["event"][message]["attachments"] = [{"text": words}]
    parsed = slack.parse(Delivery({}, encode(body)))
    assert isinstance(parsed, list)
    assert isinstance(parsed[0], Amendment)
    assert parsed[0].text is not None
    assert parsed[0].text.endswith("RESOLVED")
    assert text


def test_what_stands_beside_the_text_is_bounded() -> None:
    event = said(text="hi", attachments=[{"text": f"{number} " + "x" * 5_000} for number in range(50)])
    assert len(event.text) < 21_000


def test_a_message_of_nothing_that_can_be_read_is_ignored() -> None:
    body = json.loads(load("slack", "message").body)
    body["event"].update({"text": " ", "blocks": [{"type": "divider"}], "attachments": [{"color": "red"}]})
    assert isinstance(slack.parse(Delivery({}, encode(body))), Ignored)


@example(["H"], [])
@given(st.lists(JSON, max_size=3), st.lists(JSON, max_size=3))
def test_hostile_parts_refuse_no_message(blocks: Any, others: Any) -> None:
    assume(b"Infinity" not in encode([blocks, others]))  # which is no JSON
    kinds = ["section", "rich_text", "rich_text_list", "text", "table", "image", "link", "mrkdwn", "button", "date"]
    nested = [{"type": kind, "text": part, "elements": [part], "rows": [part]} for kind in kinds for part in blocks]
    assert said(text="hi", blocks=nested + blocks, attachments=others, files=others).text.startswith("hi")
    deep: Any = word("x")
    for _ in range(200):
        deep = {"type": "section", "elements": [deep]}
    assert said(text="hi", blocks=[deep]).text == "hi"


@pytest.mark.parametrize("shown", ["history", "a big hill", "hihi"])
def test_a_text_is_kept_beside_blocks_that_contain_it_only_within_a_word(shown: str) -> None:
    assert said(text="hi", blocks=[rich(line(word(shown))), {"type": "divider"}]).text == f"hi\n\n{shown}"


def test_a_list_goes_on_with_its_number_and_a_value_for_an_app_is_not_shown() -> None:
    ordered = {"type": "rich_text_list", "style": "ordered", "offset": 3, "elements": [line(word("four"))]}
    choice = {"text": {"type": "plain_text", "text": "One"}, "value": "secret-1"}
    menu = {"type": "static_select", "initial_option": choice}
    assert said(blocks=[rich(ordered), {"type": "actions", "elements": [menu]}]).text == "4. four\nOne"
