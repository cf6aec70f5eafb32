"""A comment on GitHub that is edited while an agent writes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from answerback.errors import MessageGone, NotYet, Rejected
from answerback.messages import Identity
from answerback.platforms import Begun, Place, Sent
from answerback.platforms.github.api import GitHub
from answerback.platforms.github.credential import Token
from answerback.replies import Reply, ShownMessage
from tests.fixtures.exchanges import answer, run

ADDRESS: dict[str, str | int] = {"repo": "acme/widgets", "number": 7}
PLACE = Place(thread="github:1:7", address=ADDRESS)
CREATED = {"id": 5, "html_url": "https://github.test/5", "user": {"id": 1, "login": "us"}}


def github() -> Any:
    """The streaming half of a client."""
    return GitHub(Token("t", "https://github.test"), "https://github.test").streaming


def reply(text: str = "It is so", message: str = "issue_comment:5", **fields: Any) -> Reply:
    """A reply that is being shown."""
    shown = ShownMessage(key="t.0", message=message)
    return Reply(
        key="t.0.0", thread="github:1:7", text=text, message=message, shown=shown, **{"address": ADDRESS, **fields}
    )


def test_a_comment_is_created_and_edited() -> None:
    begun = run(github().begin(reply(), PLACE), answer(CREATED, 201))
    assert begun.value == Begun("issue_comment:5", "https://github.test/5")
    done = run(github().end(reply()), answer(CREATED))
    assert (done.requests[0].method, done.requests[0].url) == (
        "PATCH",
        "https://github.test/repos/acme/widgets/issues/comments/5",
    )
    assert json.loads(done.requests[0].body) == {"body": "It is so\n\n<!-- answerback:t.0.0 -->"}
    assert done.value.message == "issue_comment:5"


def test_a_comment_of_a_review_is_edited_where_it_is() -> None:
    done = run(github().end(reply(message="pull_request_review_comment:6")), answer(CREATED))
    assert done.requests[0].url.endswith("/repos/acme/widgets/pulls/comments/6")


def test_comments_of_discussions_are_not_shown() -> None:
    with pytest.raises(Rejected):
        run(github().begin(reply(address={**ADDRESS, "discussion": "D_1"}), PLACE))


@pytest.mark.parametrize("status", [404, 410])
def test_a_comment_that_is_gone_is_so_after_some_refusals(status: int) -> None:
    gone = answer({"message": "Not Found"}, status)
    with pytest.raises(NotYet):
        run(github().end(reply()), gone)
    with pytest.raises(MessageGone):
        run(github().end(reply(refusals=3)), gone)


@pytest.mark.parametrize("status", [204, 404])
def test_a_reply_without_a_text_is_deleted(status: int) -> None:
    done = run(github().end(reply("")), answer(b"", status))
    assert done.requests[0].method == "DELETE"


def test_a_comment_is_found_by_the_key_with_which_it_was_begun() -> None:
    there = {**CREATED, "body": "It is\n\n<!-- answerback:t.0 -->"}
    us = Identity(name="us", marks=("user:1", "login:us"))
    assert run(github().find(reply(), us), answer([there])).value == Sent("issue_comment:5", "https://github.test/5")
