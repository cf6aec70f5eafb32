from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from answerback.errors import RateLimited, Rejected, Unavailable
from answerback.events import Address
from answerback.messages import Identity
from answerback.platforms import NextPage, Response, Sent
from answerback.platforms.github.api import LIMIT, GitHub
from answerback.platforms.github.app import App
from answerback.platforms.github.credential import Token
from answerback.replies import Reply
from tests.fixtures.exchanges import answer, run

API = "https://api.github.com"
NOW = 1_740_823_200.0
ISSUE: Address = {"repo": "acme/widgets", "number": 7, "installation": 48210377}
REVIEW: Address = {**ISSUE, "root": 99}
DISCUSSION: Address = {**ISSUE, "discussion": "D_1"}
NESTED: Address = {**DISCUSSION, "comment": "DC_2"}
LINK = "https://github.com/acme/widgets/issues/7#issuecomment-5"
POSTED = {"id": 5, "html_url": LINK, "body": "…"}
MARKER = "<!-- answerback:turn.0 -->"
US = Identity(name="@answer-bot", marks=("user:12", "login:answer-bot", "login:answer-app[bot]"))
OURS = {**POSTED, "body": f"Hello\n\n{MARKER}", "user": {"id": 12, "login": "Answer-Bot"}}


def reply(text: str = "Hello", address: Address = ISSUE, first: int = 0, cursor: str = "") -> Reply:
    return Reply(key="turn.0", thread="github:1:7", text=text, address=address, first=first, cursor=cursor)


def clock() -> float:
    return NOW


@pytest.fixture
def client() -> GitHub:
    return GitHub(Token("ghp_secret", API, clock), API, clock)


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key: rsa.RSAPrivateKey) -> str:
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def graph(**data: Any) -> Response:
    return answer({"data": data})


# Who we are


def test_a_token_tells_whose_it_is(client: GitHub) -> None:
    done = run(client.whoami(), answer({"id": 12, "login": "Answer-Bot"}))
    assert [(each.method, each.url) for each in done.requests] == [("GET", f"{API}/user")]
    assert done.requests[0].headers["authorization"] == "Bearer ghp_secret"
    assert done.value == Identity(name="@Answer-Bot", mentions=("answer-bot",), marks=("user:12", "login:answer-bot"))


@pytest.mark.parametrize(("login", "person"), [("dev", True), ("acme-bot", False), ("AnswerBot", False)])
def test_a_token_of_an_account_like_a_persons_is_told_apart(client: GitHub, login: str, person: bool) -> None:
    assert run(client.whoami(), answer({"id": 12, "login": login, "type": "User"})).value.person is person


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("token", ["ghs_installation", "odd"])
def test_an_installations_token_is_named_with_what_to_set_instead(token: str, status: int) -> None:
    refusal = answer({"message": "Resource not accessible by integration"}, status)
    with pytest.raises(Rejected, match=r"GITHUB_APP_ID.*personal access token"):
        run(GitHub(Token(token, API, clock), API, clock).whoami(), refusal)


@pytest.mark.parametrize("body", [b"", b"<html>", {"id": "x"}, [], None])
def test_an_unreadable_answer_is_no_answer(client: GitHub, body: Any) -> None:
    with pytest.raises(Unavailable) as caught:
        run(client.whoami(), answer(body))
    assert not caught.value.unknown


def test_what_shows_a_client_shows_no_secret(client: GitHub, key: rsa.RSAPrivateKey) -> None:
    app = App("912345", pem(key), API)
    shown = repr(client) + repr(Token("ghp_secret", API)) + repr(app) + repr(next(client.post(reply())))
    assert "ghp_secret" not in shown
    assert "PRIVATE KEY--" not in shown


# Posting


def test_a_reply_is_a_comment_with_a_hidden_marker(client: GitHub) -> None:
    done = run(client.post(reply()), answer(POSTED, 201))
    (request,) = done.requests
    assert (request.method, request.url) == ("POST", f"{API}/repos/acme/widgets/issues/7/comments")
    assert json.loads(request.body) == {"body": f"Hello\n\n{MARKER}"}
    assert done.value == Sent("issue_comment:5", LINK)


def test_a_reply_to_a_line_of_code_goes_to_its_review_thread(client: GitHub) -> None:
    done = run(client.post(reply(address=REVIEW)), answer(POSTED, 201))
    assert done.requests[0].url == f"{API}/repos/acme/widgets/pulls/7/comments/99/replies"
    assert done.value == Sent("pull_request_review_comment:5", LINK)


def test_a_reply_in_a_discussion_goes_through_graphql(client: GitHub) -> None:
    comment = {"id": "DC_9", "databaseId": 9, "url": "https://github.com/c"}
    done = run(client.post(reply(address=DISCUSSION)), graph(addDiscussionComment={"comment": comment}))
    (request,) = done.requests
    assert request.url == f"{API}/graphql"
    assert json.loads(request.body)["variables"] == {"discussion": "D_1", "parent": None, "body": f"Hello\n\n{MARKER}"}
    assert done.value == Sent("discussion_comment:9", "https://github.com/c")


@pytest.mark.parametrize(("reply_to", "parent"), [({"id": "DC_1"}, "DC_1"), (None, "DC_2")])
def test_a_reply_under_a_discussions_comment_asks_for_the_top_one_first(
    client: GitHub, reply_to: dict[str, str] | None, parent: str
) -> None:
    added = graph(addDiscussionComment={"comment": {"id": "DC_9"}})
    done = run(client.post(reply(address=NESTED)), graph(node={"id": "DC_2", "replyTo": reply_to}), added)
    assert json.loads(done.requests[0].body)["variables"] == {"id": "DC_2"}
    assert json.loads(done.requests[1].body)["variables"]["parent"] == parent


def test_enterprise_has_graphql_beside_its_rest_api() -> None:
    client = GitHub(Token("t", "https://ghe.example.com/api/v3"), "https://ghe.example.com/api/v3")
    assert next(client.post(reply())).url == "https://ghe.example.com/api/v3/repos/acme/widgets/issues/7/comments"
    assert next(client.post(reply(address=DISCUSSION))).url == "https://ghe.example.com/api/graphql"


def test_a_text_cannot_forge_the_marker_of_another_reply(client: GitHub) -> None:
    for forged in ("<!-- answerback:other.0 -->", "<!-- answerback:<!-- answerback:other.0 -->"):
        body = json.loads(next(client.post(reply(forged))).body)["body"]
        assert body.count("<!-- answerback:") == 1
        assert body.endswith(MARKER)


def test_a_code_block_left_open_does_not_show_the_marker(client: GitHub) -> None:
    body = json.loads(next(client.post(reply("```py\nx = 1"))).body)["body"]
    assert body == f"```py\nx = 1\n```\n\n{MARKER}"


def test_parts_leave_room_for_the_marker(client: GitHub) -> None:
    parts = client.split("word " * 40_000)
    long_key = Reply(key="a" * 16 + ".123456.1234", thread="github:1:7", text="", address=ISSUE)
    for part in parts:
        request = next(client.post(Reply(key=long_key.key, thread="github:1:7", text=part, address=ISSUE)))
        assert len(json.loads(request.body)["body"]) <= LIMIT
    assert len(parts) == 4


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cc @acme/oncall, @Acme/sub-team", "cc @\u200bacme/oncall, @\u200bAcme/sub-team"),
        ("- a\n  @acme/ops\n> @acme/ops", "- a\n  @\u200bacme/ops\n> @\u200bacme/ops"),
        ("@ada and a@acme/x https://unpkg.com/@types/node", "@ada and a@acme/x https://unpkg.com/@types/node"),
        ("`npm i @types/node` ``@a/b ` c`` @a/b", "`npm i @types/node` ``@a/b ` c`` @\u200ba/b"),
        ("a `open @a/b\n\nb` @a/b", "a `open @\u200ba/b\n\nb` @\u200ba/b"),
        ("```\n@a/b\n```\n@a/b", "```\n@a/b\n```\n@\u200ba/b"),
        ("10. x\n\n    ```\n    @a/b\n    ```\n    @a/b", "10. x\n\n    ```\n    @a/b\n    ```\n    @\u200ba/b"),
        ("x\n\n    @a/b\n    @a/b\n\n    @a/b\nx @a/b", "x\n\n    @a/b\n    @a/b\n\n    @a/b\nx @\u200ba/b"),
        ("x\n    @a/b", "x\n    @\u200ba/b"),
    ],
)
def test_a_reply_pages_no_team(client: GitHub, text: str, shown: str) -> None:
    assert client.split(text) == [shown]
    assert GitHub(Token("t", API), API, teams=True).split(text) == [text]


def test_a_moved_repository_is_followed_but_only_at_home(client: GitHub) -> None:
    moved = answer({}, 307, location=f"{API}/repositories/1/issues/7/comments")
    done = run(client.post(reply()), moved, answer(POSTED, 201))
    assert done.requests[1].url == f"{API}/repositories/1/issues/7/comments"
    assert (done.requests[1].method, done.requests[1].body) == ("POST", done.requests[0].body)
    with pytest.raises(Rejected):
        run(client.post(reply()), answer({"message": "Moved"}, 307, location="https://elsewhere.example.com/"))
    with pytest.raises(Rejected, match="redirects too often"):
        run(client.post(reply()), moved, moved, moved)


@pytest.mark.parametrize("address", [{}, {"repo": "a/b"}, {"repo": "a/b", "number": "x"}])
def test_a_reply_without_a_place_is_rejected(client: GitHub, address: Address) -> None:
    with pytest.raises(Rejected, match="address"):
        run(client.post(reply(address=address)))


# Finding


def test_a_reply_is_found_by_its_marker_from_before_its_first_try(client: GitHub) -> None:
    done = run(client.find(reply(first=int(NOW * 1000)), US), answer([{"id": 4, "body": None}, OURS]))
    since = "since=2025-03-01T09:50:00Z"
    assert done.requests[0].url == f"{API}/repos/acme/widgets/issues/7/comments?per_page=100&page=1&{since}"
    assert done.value == Sent("issue_comment:5", LINK)


def test_a_reply_that_is_not_there_is_not_found(client: GitHub) -> None:
    done = run(client.find(reply(), US), answer([{"id": n, "body": "x"} for n in range(100)]))
    assert done.value == NextPage("2")
    assert "since" not in done.requests[0].url
    done = run(client.find(reply(cursor="2"), US), answer([]))
    assert done.value is None
    assert done.requests[0].url.endswith("&page=2")


@pytest.mark.parametrize(
    "comment",
    [
        {**OURS, "user": {"id": 1, "login": "mallory"}},
        {**OURS, "user": None},
        {**OURS, "body": f"{MARKER}\n\nis what they wrote"},
        {**OURS, "body": f"> Hello\n> {MARKER}\n\nYes.\n\n<!-- answerback:turn.1 -->"},
    ],
)
def test_a_quoted_marker_or_a_strangers_is_not_our_reply(client: GitHub, comment: dict[str, Any]) -> None:
    assert run(client.find(reply(), US), answer([comment])).value is None


@pytest.mark.parametrize("address", [ISSUE, DISCUSSION])
def test_a_spent_limit_holds_up_what_counts_in_it_and_nothing_else(client: GitHub, address: Address) -> None:
    spent = answer({"message": "API rate limit exceeded"}, 403, x_ratelimit_remaining="0", x_ratelimit_reset="9")
    if address is DISCUSSION:
        spent = answer({"errors": [{"type": "RATE_LIMITED", "message": "spent"}]}, 200, x_ratelimit_remaining="0")
    with pytest.raises(RateLimited) as caught:
        run(client.post(reply(address=address)), spent)
    other = DISCUSSION if address is ISSUE else ISSUE
    assert caught.value.scope in client.limits(reply(address=address), looking=False)
    assert caught.value.scope not in client.limits(reply(address=other), looking=False)
    with pytest.raises(RateLimited) as caught:
        run(client.post(reply(address=address)), answer({"message": "secondary rate limit"}, 403, retry_after="60"))
    assert caught.value.scope in client.limits(reply(address=other), looking=False)


def test_a_reply_in_a_review_is_looked_for_among_the_pull_requests_comments(client: GitHub) -> None:
    done = run(client.find(reply(address=REVIEW), US), answer([OURS]))
    assert done.requests[0].url.startswith(f"{API}/repos/acme/widgets/pulls/7/comments?")
    assert done.value == Sent("pull_request_review_comment:5", LINK)


def comments(created: str, body: str = "x", more: bool = True, login: str = "answer-app") -> Response:
    author = {"__typename": "Bot", "login": login}
    node = {"id": "DC_9", "databaseId": 9, "url": "https://github.com/c", "body": body, "author": author}
    node["createdAt"] = created
    return graph(node={"page": {"nodes": [node, None], "pageInfo": {"hasPreviousPage": more, "startCursor": "c1"}}})


def test_a_discussion_is_searched_from_its_end_to_the_first_try(client: GitHub) -> None:
    recent, old = "2025-03-01T10:00:00Z", "2025-03-01T09:00:00Z"
    sought = reply(address=DISCUSSION, first=int(NOW * 1000))
    assert run(client.find(sought, US), comments(recent)).value == NextPage("c1")
    done = run(client.find(reply(address=DISCUSSION, cursor="c1"), US), comments(recent, MARKER))
    assert done.value == Sent("discussion_comment:9", "https://github.com/c")
    assert json.loads(done.requests[0].body)["variables"]["before"] == "c1"
    assert run(client.find(sought, US), comments(recent, MARKER, login="mallory")).value == NextPage("c1")
    assert run(client.find(sought, US), comments(old)).value is None
    assert run(client.find(sought, US), comments(recent, more=False)).value is None


def test_a_comments_replies_are_searched_under_the_top_one(client: GitHub) -> None:
    parent = graph(node={"id": "DC_2", "replyTo": {"id": "DC_1"}})
    done = run(client.find(reply(address=NESTED), US), parent, comments("2025-03-01T10:00:00Z", MARKER))
    assert json.loads(done.requests[1].body)["variables"]["id"] == "DC_1"
    with pytest.raises(Rejected, match="gone"):
        run(client.find(msgspec.structs.replace(reply(address=DISCUSSION), refusals=9), US), graph(node=None))


def test_a_field_that_nobody_needs_hides_no_reply(client: GitHub) -> None:
    odd = {"performed_via_github_app": {"id": None}, "html_url": None}
    others = [{"id": 4, "body": 7, "user": {"id": "x"}}, {"id": 5, "performed_via_github_app": []}]
    found = run(client.find(reply(), US), answer([*others, {**OURS, **odd}])).value
    assert isinstance(found, Sent)
    assert run(client.post(reply()), answer({**OURS, **odd}, 201)).value == found
