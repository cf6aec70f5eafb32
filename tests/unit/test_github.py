"""GitHub's webhooks as events: comments, issues, reviews, discussions."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import partial
from typing import Any
from urllib.parse import quote_plus

import msgspec
import pytest

from answerback.errors import MalformedBody
from answerback.events import Event, Subject
from answerback.messages import Author
from answerback.platforms import Answer, Delivery, Ignored, github
from answerback.platforms.registry import PLATFORMS
from tests.fixtures.deliveries import encode, load, parsed

parse = partial(parsed, github)


def test_github_is_in_the_registry() -> None:
    assert PLATFORMS["github"].parse is github.parse
    assert (github.NAME, github.SECRET) == ("github", "GITHUB_WEBHOOK_SECRET")


def test_reading_webhooks_does_not_load_what_only_posting_needs() -> None:
    code = "import sys, answerback.platforms; print(sorted({'jwt', 'cryptography', 'pydantic'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_a_comment_of_ours_names_the_reply_that_it_is() -> None:
    marker = "<!-- answerback:k2v9.0.1 -->"
    assert parse("issue_comment.created", comment__body=f"Hello\n\n{marker}").reply == "k2v9.0.1"
    assert parse("issue_comment.created", comment__body=f"Hello\n\n{marker}\r\n").reply == "k2v9.0.1"
    for body in (f"> {marker}\n\nYes", "Hello", "<!-- answerback: -->", "<!-- answerback:a b -->"):
        assert parse("issue_comment.created", comment__body=body).reply == ""


def test_a_comment_becomes_an_event() -> None:
    event = parse("issue_comment.created")
    assert event == Event(
        delivery="github:681234907:issue_comment.created:2690114508",
        former="github:0f3c0004-f5b7-11ef-8d2a-6a1b2c3d4e5f",
        thread="github:681234907:1347",
        kind="issue_comment.created",
        text="Same here on Firefox 135. cc @Answerbot, @ravi-k",
        author=Author("71002255", "ravi-k"),
        message="issue_comment:2690114508",
        channel="acme/widgets",
        mentions=("answerbot", "ravi-k"),
        identities=("user:71002255", "login:ravi-k"),
        address={"repo": "acme/widgets", "number": 1347, "installation": 48210377},
        account="48210377",
        subject=event.subject,
        title="Frame is cut off on narrow screens",
        url="https://github.com/acme/widgets/issues/1347#issuecomment-2690114508",
        at=1_740_740_527_000,
    )
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(event), type=Event) == event


def test_a_comment_is_one_event_whatever_webhook_tells_of_it() -> None:
    one, other = (parse(f"issue_comment.created.twice.{hook}") for hook in ("repository", "organization"))
    assert one.former != other.former
    assert msgspec.structs.replace(one, former="") == msgspec.structs.replace(other, former="")
    assert one.delivery == "github:101212:issue_comment.created:81001"


@pytest.mark.parametrize("value", ["", "a" * 200, "a\nb", "\udcff", "é", "another"])
def test_a_header_that_is_not_signed_makes_no_other_event(value: str) -> None:
    delivery = load("github", "issue_comment.created")
    [found] = github.parse(Delivery({**delivery.headers, "x-github-delivery": value}, delivery.body))  # type: ignore[misc]
    assert isinstance(found, Event)
    assert found.id == parse("issue_comment.created").id
    assert found.former == ("github:another" if value == "another" else "")


@pytest.mark.parametrize(
    ("fixture", "event"),
    [("issue_comment.deleted", "issues"), ("issue_comment.edited", "issues"),
     ("discussion_comment.created", "discussion"), ("pull_request_review.submitted", "pull_request"),
     ("pull_request_review_comment.created", "pull_request")],
)  # fmt: skip
def test_a_body_never_passes_for_another_kind_of_event(fixture: str, event: str) -> None:
    delivery = load("github", fixture)
    for action in (b"deleted", b"edited", b"opened", b"created"):
        actual = re.sub(rb'"action":"\w+"', b'"action":"' + action + b'"', delivery.body)
        try:
            assert isinstance(github.parse(Delivery({**delivery.headers, "x-github-event": event}, actual)), Ignored)
        except MalformedBody as error:
            assert "comment or a review" in str(error)  # noqa: PT017


def test_a_comment_on_a_line_says_which() -> None:
    event = parse("pull_request_review_comment.created.on_a_line")
    assert event.subject == Subject(
        kind="pull_request",
        title="Frame is cut off",
        body="It is.",
        author="Ada-Marsh",
        path="src/llm.rs",
        line=25,
        diff="@@ -20,3 +20,6 @@\n+fn format_reproduction_command() {",
    )
    name = "pull_request_review_comment.created.on_a_line"
    gone = parse(name, comment__line=None, comment__original_line=20, comment__original_start_line=18)
    assert (gone.subject.start, gone.subject.line) == (18, 20)


def test_a_comment_is_about_its_issue_and_an_issue_about_its_title() -> None:
    comment, issue = parse("issue_comment.created"), parse("issues.opened")
    assert (comment.subject.kind, comment.subject.author) == ("issue", "Ada-Marsh")
    assert comment.subject.body == issue.text
    assert issue.subject == msgspec.structs.replace(comment.subject, body="")
    assert parse("discussion_comment.created").subject.kind == "discussion"


def test_what_an_event_is_about_is_bounded() -> None:
    found = parse(
        "pull_request_review_comment.created.on_a_line",
        pull_request__title="t" * 9_999, pull_request__body="b" * 99_999,
        comment__path="p" * 9_999, comment__diff_hunk="d" * 99_999 + "the line",
    ).subject  # fmt: skip
    assert found.diff.endswith("the line")
    assert len(msgspec.msgpack.encode(found)) < 10_000


@pytest.mark.parametrize(
    "changes",
    [
        {"comment__performed_via_github_app": {"id": None}, "issue__user": None, "issue__id": None},
        {"issue__title": None, "issue__body": 5, "issue__node_id": None, "issue__user": {"id": None}},
        {"comment__html_url": None, "comment__created_at": "yesterday", "comment__updated_at": 5},
        {"comment__created_at": None, "comment__path": [], "comment__line": "25", "comment__diff_hunk": {}},
        {"installation": {"id": "48210377"}, "changes": [], "sender": {"login": None}},
        {"installation": [], "review": None, "discussion": [], "pull_request": 7, "organization": None},
        {"comment__user": {"id": 71002255, "login": None, "type": 5}, "issue": {"number": 1347}},
        {"comment__user": {"id": "x"}, "comment__node_id": 5, "comment__title": {}},
    ],
)
def test_a_field_that_nobody_needs_refuses_no_delivery(changes: dict[str, Any]) -> None:
    event, usual = parse("issue_comment.created", **changes), parse("issue_comment.created")
    for field in ("delivery", "thread", "text", "message", "channel"):
        assert getattr(event, field) == getattr(usual, field)
    assert event.author.id == usual.author.id
    assert event.identities[0] == usual.identities[0]


def test_an_app_without_an_id_refuses_no_comment() -> None:
    assert parse("issue_comment.created.nullable_app").mentions == ("answerbot",)


def test_without_an_app_there_is_no_installation() -> None:
    assert "installation" not in parse("issue_comment.created.repository_hook").address


def test_a_comment_of_our_own_carries_our_marks() -> None:
    event = parse("issue_comment.created.own")
    assert event.identities == ("user:190233411", "login:answerbot[bot]", "app:912345")


def test_a_new_issue_is_an_event_and_code_mentions_nobody() -> None:
    event = parse("issues.opened")
    assert (event.kind, event.message, event.mentions) == ("issues.opened", "issue:2874411440", ("answerbot",))
    assert event.thread == parse("issue_comment.created").thread


def test_an_issue_without_a_body_says_its_title() -> None:
    event = parse("issues.opened", issue__body=None, issue__title="Why, @answerbot?")
    assert (event.text, event.mentions) == ("Why, @answerbot?", ())


def test_a_pull_request_and_its_conversation_are_one_thread() -> None:
    opened, comment = parse("pull_request.opened"), parse("issue_comment.created.pull_request")
    review = parse("pull_request_review.submitted")
    assert opened.thread == comment.thread == review.thread == "github:681234907:1350"
    assert (opened.message, review.message) == ("pull_request:2361890022", "pull_request_review:2648801177")
    assert review.address.items() >= {"repo": "acme/widgets", "number": 1350, "installation": 48210377}.items()
    assert opened.address["pull"] == comment.address["pull"] == review.address["pull"] == 1
    assert review.at == 1_740_754_874_000


@pytest.mark.parametrize("body", [None, "", "  \n"])
def test_a_review_without_words_is_ignored(body: str | None) -> None:
    assert isinstance(parse("pull_request_review.submitted", review__body=body, review__state="commented"), Ignored)


def test_comments_on_the_same_lines_are_a_thread_of_their_own() -> None:
    root, reply = parse("pull_request_review_comment.created"), parse("pull_request_review_comment.created.reply")
    assert root.thread == reply.thread == "github:681234907:1350:review:1974410233"
    assert root.address["root"] == reply.address["root"] == 1974410233


def test_a_discussion_and_its_top_comments_are_one_thread() -> None:
    opened, comment = parse("discussion.created"), parse("discussion_comment.created")
    assert opened.thread == comment.thread == "github:681234907:1352"
    assert opened.address["discussion"] == comment.address["discussion"] == "D_kwDOKJrDm84AegLY"
    assert "comment" not in comment.address


def test_replies_to_a_discussions_comment_are_a_thread_of_their_own() -> None:
    event = parse("discussion_comment.created.reply")
    assert event.thread == "github:681234907:1352:comment:12350011"
    assert event.address["comment"] == "DC_kwDOKJrDm84AvHMe"


def test_a_ping_is_answered() -> None:
    assert isinstance(parse("ping"), Answer)


def test_what_is_not_a_message_is_ignored_with_a_reason() -> None:
    assert parse("star.created") == Ignored("star events are not messages")
    assert parse("issues.labeled", action="pinned") == Ignored("issues pinned")


def test_the_webhooks_other_content_type_means_the_same() -> None:
    delivery = load("github", "issue_comment.created")
    headers = {**delivery.headers, "content-type": "application/x-www-form-urlencoded"}
    form = b"payload=" + quote_plus(delivery.body).encode()
    assert github.parse(Delivery(headers, form)) == github.parse(delivery)
    with pytest.raises(MalformedBody, match="payload"):
        github.parse(Delivery(headers, delivery.body))


def test_a_deleted_account_is_replaced_by_the_sender() -> None:
    assert parse("issue_comment.created", comment__user=None).author == Author("71002255", "ravi-k")
    assert parse("issue_comment.created", comment__user=None, sender=None).author.name == "ghost"


@pytest.mark.parametrize(
    ("user", "sender", "app", "kind"),
    [
        ({"id": 7, "login": "ada", "type": "User"}, None, None, "person"),
        ({"id": 7, "login": "ada"}, {"id": 8, "login": "renovate[bot]", "type": "Bot"}, None, "person"),
        ({"id": 7, "login": "renovate[bot]", "type": "Bot"}, None, None, "bot"),
        ({"id": 7, "login": "renovate[bot]"}, None, None, "bot"),
        ({"id": 7, "login": "renovate", "type": "Bot"}, None, {"id": 1}, "bot"),
        ({"id": 7, "login": "renovate"}, {"id": 7, "login": "renovate", "type": "Bot"}, None, "bot"),
        (None, {"id": 7, "login": "renovate", "type": "Bot"}, None, "bot"),
        ({"id": 7, "login": "ada", "type": "User"}, None, {"id": 1}, "app"),
    ],
)
def test_an_author_says_whether_it_is_a_program(user: Any, sender: Any, app: Any, kind: str) -> None:
    event = parse("issue_comment.created", comment__user=user, sender=sender, comment__performed_via_github_app=app)
    assert event.author.kind == kind


def test_the_end_of_our_access_is_told() -> None:
    found = github.parse(Delivery({"x-github-event": "meta"}, encode({"action": "deleted"})))
    assert isinstance(found, Ignored)
    assert found.warning == "access lost"
