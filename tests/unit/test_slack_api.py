from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from answerback.errors import RateLimited, Rejected, Unavailable
from answerback.messages import Address, Identity, Reply
from answerback.platforms import More, Response, Sent, slack
from answerback.platforms.slack.api import LIMIT, Slack
from answerback.settings import Settings
from tests.fixtures.exchanges import answer, run

API = "https://slack.com/api"
NOW = 1_740_823_200.0
PLACE: Address = {"team": "T061EG9R6", "channel": "C0LAN2Q65", "thread_ts": "1740823201.000200"}
OURS = {"event_type": "answerback_reply", "event_payload": {"key": "turn.0"}}
US = Identity(name="@answerbot", marks=("user:U0ANSWERBT", "bot:B08ANSWER1"))


def reply(text: str = "**Hello**", address: Address = PLACE, first: int = 0, cursor: str = "") -> Reply:
    return Reply(key="turn.0", thread="slack:T:C:1.2", text=text, address=address, first=first, cursor=cursor)


@pytest.fixture
def client() -> Slack:
    return Slack("xoxb-secret", API, lambda: NOW)


def test_a_token_tells_whose_it_is(client: Slack) -> None:
    who = {"ok": True, "url": "https://acme.slack.com/", "team": "Acme", "user": "answerbot", "team_id": "T061EG9R6"}
    done = run(client.whoami(), answer({**who, "user_id": "U0ANSWERBT", "bot_id": "B08ANSWER1", "app_id": "A0PNCHHK2"}))
    assert done.requests[0].url == f"{API}/auth.test"
    assert done.requests[0].headers["authorization"] == "Bearer xoxb-secret"
    assert done.value == Identity(
        name="@answerbot (Acme)",
        mentions=("u0answerbt",),
        marks=("user:U0ANSWERBT", "bot:B08ANSWER1", "app:A0PNCHHK2"),
    )
    assert run(client.whoami(), answer({**who, "user_id": "U1"})).value.marks == ("user:U1",)


def test_a_reply_is_markdown_in_its_thread_with_its_key_as_metadata(client: Slack) -> None:
    done = run(client.post(reply()), answer({"ok": True, "channel": "C0LAN2Q65", "ts": "1740823210.900100"}))
    (request,) = done.requests
    assert (request.method, request.url) == ("POST", f"{API}/chat.postMessage")
    assert json.loads(request.body) == {
        "channel": "C0LAN2Q65",
        "thread_ts": "1740823201.000200",
        "markdown_text": "**Hello**",
        "metadata": OURS,
    }
    assert done.value == Sent("1740823210.900100")


def test_a_reply_wakes_nobody(client: Slack) -> None:
    request = next(client.post(reply("<!channel> and <@U1>")))
    assert json.loads(request.body)["markdown_text"] == "@channel and <@U1>"
    assert client.split("<!here>") == ["@here"]


def test_parts_fit_slacks_limit(client: Slack) -> None:
    parts = client.split("word " * 10_000)
    assert len(parts) == 5
    assert all(len(part) <= LIMIT for part in parts)


def test_what_shows_a_client_shows_no_secret(client: Slack) -> None:
    assert "xoxb" not in repr(client) + repr(next(client.post(reply())))


def test_the_settings_decide_whether_there_is_a_client() -> None:
    assert slack.client(Settings.load({})) is None
    assert slack.client(Settings.load({"SLACK_BOT_TOKEN": "xoxb-1"})) is not None


def test_a_reply_without_a_place_is_rejected(client: Slack) -> None:
    with pytest.raises(Rejected, match="address"):
        run(client.post(reply(address={"channel": "C1"})))


# Refusals


@pytest.mark.parametrize(
    ("response", "seconds"),
    [
        (answer(b"", 429, retry_after="12"), 12),
        (answer({"ok": False, "error": "ratelimited"}, 429), 30),
        (answer({"ok": False, "error": "rate_limited"}, retry_after="3"), 3),
    ],
)
def test_a_rate_limit_of_posting_is_its_channels(client: Slack, response: Response, seconds: float) -> None:
    with pytest.raises(RateLimited) as caught:
        run(client.post(reply()), response)
    assert (caught.value.seconds, caught.value.scope) == (seconds, "C0LAN2Q65")
    with pytest.raises(RateLimited) as caught:
        run(client.whoami(), response)
    assert caught.value.scope == ""


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("not_in_channel", "/invite"),
        ("channel_not_found", "/invite"),
        ("is_archived", "unarchive"),
        ("invalid_auth", "SLACK_BOT_TOKEN"),
        ("token_revoked", "SLACK_BOT_TOKEN"),
        ("msg_too_long", "longer than Slack takes"),
        ("restricted_action", "admin"),
        ("something_new", "something_new"),
    ],
)
def test_a_refusal_inside_a_good_answer_says_what_to_do(client: Slack, error: str, words: str) -> None:
    with pytest.raises(Rejected, match=words):
        run(client.post(reply()), answer({"ok": False, "error": error}))


def test_a_missing_scope_is_named(client: Slack) -> None:
    refusal = answer({"ok": False, "error": "missing_scope", "needed": "channels:history", "provided": "chat:write"})
    with pytest.raises(Rejected, match="channels:history"):
        run(client.find(reply(), US), refusal)


@pytest.mark.parametrize(
    "response",
    [answer({"ok": False, "error": error}) for error in ("internal_error", "fatal_error", "service_unavailable")]
    + [answer(b"<html>", 200), answer(b"", 503), answer({"ok": False}), answer([]), answer({"ok": True})],
)
def test_an_outage_leaves_the_replys_fate_unknown(client: Slack, response: Response) -> None:
    with pytest.raises(Unavailable) as caught:
        run(client.post(reply()), response)
    assert caught.value.unknown
    with pytest.raises(Unavailable) as caught:
        run(client.whoami(), response)
    assert not caught.value.unknown


def test_a_status_without_words_is_a_refusal_all_the_same(client: Slack) -> None:
    with pytest.raises(Rejected, match="400"):
        run(client.post(reply()), answer(b"", 400))


# Finding


def page(*messages: dict[str, Any], cursor: str = "") -> Response:
    return answer({"ok": True, "messages": messages, "response_metadata": {"next_cursor": cursor}})


def test_a_reply_is_found_by_its_key_from_before_its_first_try(client: Slack) -> None:
    parent = {"type": "message", "user": "U1", "text": "why?", "ts": "1740823201.000200"}
    other = {"ts": "1.1", "metadata": {"event_type": "task_created", "event_payload": {"key": "turn.0"}}}
    odd = {"ts": "1.2", "metadata": {"event_type": "answerback_reply", "event_payload": None}}
    done = run(client.find(reply(first=int(NOW * 1000)), US), page(parent, other, odd, cursor="c1"))
    assert done.value == More("c1")
    ours = {"ts": "1740823210.900100", "bot_id": "B08ANSWER1", "metadata": OURS}
    following = run(client.find(reply(first=int(NOW * 1000), cursor="c1"), US), page(ours))
    assert following.value == Sent("1740823210.900100")
    first, second = [parse_qs(urlsplit(each.url).query) for each in (*done.requests, *following.requests)]
    assert first == {
        "channel": ["C0LAN2Q65"],
        "ts": ["1740823201.000200"],
        "include_all_metadata": ["true"],
        "limit": ["200"],
        "oldest": ["1740822900.000000"],
    }
    assert second["cursor"] == ["c1"]
    assert done.requests[0].method == "GET"


def test_a_reply_that_is_not_there_is_not_found(client: Slack) -> None:
    assert run(client.find(reply(), US), page()).value is None
    assert run(client.find(reply(), US), answer({"ok": True, "messages": []})).value is None


def test_what_another_app_wrote_is_not_ours_whatever_it_carries(client: Slack) -> None:
    for stranger in ({}, {"user": "U1"}, {"user": "U2", "bot_id": "B1", "app_id": "A1"}):
        assert run(client.find(reply(), US), page({"ts": "1.3", "metadata": OURS, **stranger})).value is None


def test_looking_and_posting_wait_for_limits_of_their_own(client: Slack) -> None:
    limit = answer({"ok": False, "error": "ratelimited"}, 429, retry_after="60")
    for exchange, looking in ((client.find(reply(), US), True), (client.post(reply()), False)):
        with pytest.raises(RateLimited) as caught:
            run(exchange, limit)
        assert caught.value.scope in client.limits(reply(), looking=looking)
        assert caught.value.scope not in client.limits(reply(), looking=not looking)
