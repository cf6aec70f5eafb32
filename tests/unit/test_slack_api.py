from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from answerback.errors import NotYet, RateLimited, Rejected, TooLong, Unavailable
from answerback.events import Address
from answerback.messages import Identity
from answerback.platforms import NextPage, Response, Sent, slack
from answerback.platforms.slack.api import LIMIT, Slack
from answerback.platforms.slack.metadata import client_message_id
from answerback.replies import Reply
from answerback.settings import Settings
from tests.fixtures.exchanges import answer, run

API = "https://slack.com/api"
NOW = 1_740_823_200.0
PLACE: Address = {"team": "T061EG9R6", "channel": "C0LAN2Q65", "thread_ts": "1740823201.000200"}
OURS = {"event_type": "answerback_reply", "event_payload": {"key": "turn.0"}}
US = Identity(name="@answerbot", marks=("user:U0ANSWERBT", "bot:B08ANSWER1"))


def reply(
    text: str = "**Hello**",
    address: Address = PLACE,
    first: int = 0,
    cursor: str = "",
    *,
    at: int = 0,
    refusals: int = 0,
    waits: int = 0,
) -> Reply:
    return Reply(
        key="turn.0", thread="slack:T:C:1.2", text=text, address=address,
        first=first, cursor=cursor, at=at, refusals=refusals, waits=waits,
    )  # fmt: skip


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
        "client_msg_id": client_message_id("turn.0"),
    }
    assert done.value == Sent("1740823210.900100")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<!channel> and <@U1>", "@channel and <@U1>"),
        ("<!here|here> <!everyone>", "@here @everyone"),
        ("Ask <!subteam^S012ABC|@oncall> or <!subteam^S012ABC>", "Ask @oncall or @S012ABC"),
        ("<!<!x|>channel> <!subteam^S1|<!here>>", "<!@xchannel> <!subteam^S1|@here>"),
        ("<!date^1392734382^{date}|Feb 18>", "<!date^1392734382^{date}|Feb 18>"),
    ],
)
def test_a_reply_pages_no_group(client: Slack, text: str, shown: str) -> None:
    assert client.split(text) == [shown]
    (request, plain) = run(client.post(reply(text)), refused("no_text"), answer({"ok": True, "ts": "1"})).requests
    assert json.loads(request.body)["markdown_text"] == shown
    assert "<!" not in json.loads(plain.body)["text"]


def test_a_reply_pages_a_group_where_the_operator_allows_it() -> None:
    allowed = Slack("xoxb-1", API, groups=True)
    assert allowed.split("<!subteam^S012|@oncall>") == ["<!subteam^S012|@oncall>"]


def steps(count: int) -> str:
    return "\n\n".join(f"## Step {number}\n\nDo it." for number in range(count))


def test_a_text_of_more_blocks_than_slack_takes_is_split(client: Slack) -> None:
    parts = client.split(steps(60))
    assert [part.count("##") for part in parts] == [20, 20, 20]
    assert "\n\n".join(parts) == steps(60)
    assert client.split(steps(20)) == [steps(20)]


def test_parts_are_cut_between_blocks_only(client: Slack) -> None:
    code = "```py\n" + "a = 1\n\n" * 60 + "```"
    items = "\n".join(f"- item {number}" for number in range(60))
    rows = "\n".join("| a | b |" for _ in range(60))
    quote = "\n".join("> said" for _ in range(60))
    for whole in (code, items, rows, quote, "word\n" * 60):
        assert client.split(whole) == [whole]
    assert len(client.split("\n\n".join([code] * 41))) == 2
    nested = "10. Step\n\n" + "\n\n".join(f"    ```sh\n    run {number}\n    ```" for number in range(50))
    assert all(part.count("```") % 2 == 0 and "\n    run" not in part for part in client.split(nested)[1:])
    assert len(client.split("---\n" * 41)) == len(client.split("![a](b)\n" * 41)) == 2


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
        run(client.post(reply(address={"team": "T1"})))


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
        ("team_access_not_granted", "organization"),
        ("restricted_action", "admin"),
        ("something_new", "something_new"),
    ],
)
def test_a_refusal_inside_a_good_answer_says_what_to_do(client: Slack, error: str, words: str) -> None:
    with pytest.raises(Rejected, match=words):
        run(client.post(reply(refusals=99)), refused(error))


def refused(error: str) -> Response:
    return answer({"ok": False, "error": error})


def patience(client: Slack, response: Response, *, at: int) -> int:
    """How many refusals are put up with before one is final."""
    for refusals in range(20):
        try:
            run(client.post(reply(at=at, refusals=refusals)), response)
        except NotYet:
            pass
        except Rejected:
            return refusals
    raise AssertionError("it is never final")


YOUNG, OLD = int(NOW * 1000) - 2_000, int(NOW * 1000) - 3_600_000


@pytest.mark.parametrize(
    "error", ["channel_not_found", "not_in_channel", "thread_not_found", "team_access_not_granted"]
)
def test_a_place_that_the_app_was_just_invited_to_may_not_be_there_yet(client: Slack, error: str) -> None:
    young, old = [patience(client, refused(error), at=at) for at in (YOUNG, OLD)]
    assert young > old > 0


@pytest.mark.parametrize("error", ["invalid_auth", "token_expired", "org_login_required", "external_channel_migrating"])
def test_what_outages_and_migrations_say_is_not_believed_at_the_first_word(client: Slack, error: str) -> None:
    assert patience(client, refused(error), at=OLD) > 1


@pytest.mark.parametrize("error", ["token_revoked", "account_inactive", "is_archived", "missing_scope", "new_error"])
def test_a_refusal_that_waiting_does_not_change_is_final_at_once(client: Slack, error: str) -> None:
    assert patience(client, refused(error), at=YOUNG) == 0


def test_a_workspace_that_sent_more_than_its_plan_allows_waits_longer_each_time(client: Slack) -> None:
    for waits, seconds in [(0, 30), (1, 60), (5, 960), (99, 3600)]:
        with pytest.raises(RateLimited) as caught:
            run(client.post(reply(waits=waits)), refused("message_limit_exceeded"))
        assert (caught.value.seconds, caught.value.scope) == (seconds, "")


def test_a_failing_platform_says_for_how_long(client: Slack) -> None:
    with pytest.raises(Unavailable) as caught:
        run(client.post(reply()), answer(b"", 503, retry_after="7"))
    assert caught.value.after == 7


# Forms

FORMS = [
    "invalid_blocks",
    "invalid_blocks_format",
    "msg_blocks_too_long",
    "msg_too_long",
    "no_text",
    "invalid_arguments",
]


@pytest.mark.parametrize("error", FORMS)
def test_a_reply_refused_for_its_form_is_posted_as_plain_text_with_the_same_key(client: Slack, error: str) -> None:
    text = "## Steps\n\n1 < 2 & <@U1> <#C1|general>"
    done = run(client.post(reply(text)), refused(error), answer({"ok": True, "ts": "1.5"}))
    assert json.loads(done.requests[1].body) == {
        "channel": "C0LAN2Q65",
        "thread_ts": "1740823201.000200",
        "text": "## Steps\n\n1 &lt; 2 &amp; <@U1> <#C1|general>",
        "metadata": OURS,
    }
    assert done.value == Sent("1.5")
    with pytest.raises(Rejected, match=error) as caught:
        run(client.post(reply()), refused(error), refused(error))
    assert isinstance(caught.value, TooLong) == error.endswith("too_long")


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
    assert patience(client, answer(b"", 400), at=OLD) > 1
    with pytest.raises(Rejected, match="400"):
        run(client.post(reply(refusals=9)), answer(b"", 400))


# Finding


def page(*messages: dict[str, Any], cursor: str = "") -> Response:
    return answer({"ok": True, "messages": messages, "response_metadata": {"next_cursor": cursor}})


def test_a_reply_is_found_by_its_key_from_before_its_first_try(client: Slack) -> None:
    parent = {"type": "message", "user": "U1", "text": "why?", "ts": "1740823201.000200"}
    other = {"ts": "1.1", "metadata": {"event_type": "task_created", "event_payload": {"key": "turn.0"}}}
    odd = {"ts": "1.2", "metadata": {"event_type": "answerback_reply", "event_payload": None}}
    done = run(client.find(reply(first=int(NOW * 1000)), US), page(parent, other, odd, cursor="c1"))
    assert done.value == NextPage("c1")
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


def test_what_other_apps_put_into_their_messages_hides_no_reply(client: Slack) -> None:
    ours = {"ts": "2.0", "user": "U0ANSWERBT", "bot_id": "B08ANSWER1", "metadata": OURS}
    others = [
        {"ts": "1.0", "metadata": {"event_type": 5, "event_payload": []}},
        {"ts": "1.1", "metadata": "none", "user": {"id": "U1"}},
    ]
    page = {"ok": True, "messages": [*others, ours]}
    assert run(client.find(reply(), US), answer(page)).value == Sent("2.0")


@pytest.mark.parametrize("error", ["invalid_block_type", "markdown_block_too_long", "too_many_blocks"])
def test_a_refusal_of_blocks_by_a_new_name_is_one_of_form(client: Slack, error: str) -> None:
    refused, posted = answer({"ok": False, "error": error}), answer({"ok": True, "ts": "1.2"})
    assert run(client.post(reply()), refused, posted).value == Sent("1.2")


def test_a_null_beside_a_good_answer_is_no_failure(client: Slack) -> None:
    posted = answer({"ok": True, "ts": "1.2", "error": None, "needed": ["chat:write"]})
    assert run(client.post(reply()), posted).value == Sent("1.2")
