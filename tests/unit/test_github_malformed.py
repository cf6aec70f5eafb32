"""GitHub's webhooks that are not as documented are malformed, whatever is in them."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerback.errors import MalformedBody
from answerback.platforms import Delivery, Ignored, github
from answerback.platforms.github.kinds import KINDS
from tests.fixtures.deliveries import encode, load, names, parsed
from tests.fixtures.hostile import JSON, MALFORMED, TEXT, mutated, understood

parse = partial(parsed, github)


@pytest.mark.parametrize(
    "changes",
    [
        {"comment": None},
        {"issue": None},
        {"comment": []},
        {"repository": None},
        {"repository__full_name": "../../etc/passwd"},
        {"repository__full_name": "acme/widgets\n"},
        {"repository__id": 2**64},
        {"repository__id": -1},
        {"issue__number": 0},
        {"comment__id": 1.5},
        {"comment__id": int("9" * 400)},
        {"comment__body": 7},
        {"comment__in_reply_to_id": "1"},
        {"action": None},
    ],
)
def test_a_body_that_is_not_as_documented_is_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedBody):
        parse("issue_comment.created", **changes)


@pytest.mark.parametrize("body", [*MALFORMED, b'{"repository":{}}'])
def test_hostile_json_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        github.parse(Delivery({"x-github-event": "issues", "x-github-delivery": "d"}, body))


def test_of_duplicate_keys_the_last_one_counts() -> None:
    delivery = load("github", "issue_comment.created")
    twice = delivery.body[:-1] + b',"action":"labeled"}'
    assert github.parse(Delivery(delivery.headers, twice)) == Ignored("issue_comment labeled")


def test_an_event_must_be_named() -> None:
    with pytest.raises(MalformedBody, match="X-GitHub-Event"):
        github.parse(Delivery({}, load("github", "issue_comment.created").body))


BODIES = {name: (load("github", name).headers, json.loads(load("github", name).body)) for name in names("github")}


@given(st.sampled_from(sorted(BODIES)), st.integers(0, 2**32))
def test_a_mutated_delivery_is_understood_or_malformed(name: str, seed: int) -> None:
    headers, body = BODIES[name]
    understood(github, headers, mutated(body, seed))


@given(st.sampled_from(sorted(KINDS)), st.binary() | JSON.map(encode))
def test_arbitrary_bodies_are_understood_or_malformed(event: str, body: bytes) -> None:
    understood(github, {"x-github-event": event, "x-github-delivery": "d"}, body)


@given(st.dictionaries(st.sampled_from(["x-github-event", "x-github-delivery", "content-type"]), TEXT))
def test_arbitrary_headers_are_understood_or_malformed(headers: dict[str, str]) -> None:
    understood(github, {"x-github-event": "issues", **headers}, BODIES["issues.opened"][1])
