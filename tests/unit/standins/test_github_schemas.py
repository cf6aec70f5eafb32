"""The webhooks of GitHub's stand-in, judged by GitHub's own schemas. `bench` judges each answer in the other tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import pytest

from answerback.testing.standins import sender
from answerback.testing.standins.github import changes
from answerback.testing.standins.signatures import Delivery
from tests.standins import schemas
from tests.standins.bench import Bench, Receiver

PERSON = sender.GitHub()
APP = sender.GitHub(installation=77, app_id=1234, login="answerbot-app[bot]", user_id=90002, user_type="Bot")


def deliveries(hook: sender.GitHub) -> Iterator[Delivery]:
    """Every webhook that the stand-in can make."""
    for action in ("opened", "edited"):
        yield hook.issue(action=action)
        yield hook.pull_request(action=action)
    for action in ("created", "edited", "deleted"):
        yield hook.issue_comment(action=action)
        yield hook.issue_comment(action=action, pull_request=True)
        yield hook.review_comment(action=action)
        yield hook.review_comment(action=action, reply_to=5, start=2)
        yield hook.discussion_comment(action=action)
        yield hook.discussion_comment(action=action, parent=3)
    for state in ("commented", "approved", "changes_requested"):
        yield hook.review(state=state)
    yield from hook.review_with_comments([(4, "Why?"), (5, "And this?")])
    for action in ("resolved", "unresolved"):
        yield hook.review_thread(action)
    for action in ("created", "edited"):
        yield hook.discussion(action=action)
    yield from (hook.issue_changed(action) for action in get_args(changes.IssueChange))
    yield from (hook.pull_request_changed(action) for action in get_args(changes.PullChange))
    for what in ("locked", "unlocked", "labeled", "unlabeled"):
        yield hook.discussion_changed(what)
    for run in ("created", "completed", "requested_action", "rerequested"):
        yield hook.check_run(run, identifier="fix", number=8)
    for done in ("created", "deleted", "suspend", "unsuspend"):
        yield hook.installed(done)


@schemas.needed
@pytest.mark.parametrize("hook", [PERSON, APP], ids=["repository", "app"])
def test_every_webhook_is_as_githubs_schema_says(hook: sender.GitHub) -> None:
    problems = {}
    for delivery in deliveries(hook):
        event = delivery.headers["X-GitHub-Event"]
        if found := schemas.webhook_problems(event, delivery.body):
            problems[event, delivery.body[:60]] = found
    assert problems == {}


@schemas.needed
def test_a_webhook_without_a_required_field_is_found_out() -> None:
    body = PERSON.issue().body.replace(b'"node_id"', b'"nodeid"')
    assert schemas.webhook_problems("issues", body)


async def test_what_people_do_is_reported_by_webhooks(bench: Bench, receiver: Receiver) -> None:
    do = bench.standins.change_subject
    await do("assigned", who=("answerbot", 90001, "User"))
    await do("labeled", label="bug")
    await do("closed")
    await do("reopened")
    await do("locked")
    await do("transferred", to=("acme/gadgets", 3))
    await do("review_requested", subject="pull_request", number=8, who=("answerbot", 90001, "User"))
    await do("review_requested", subject="pull_request", number=8, team="oilers")
    await do("closed", subject="pull_request", number=8, merged=True)
    await do("locked", subject="discussion", number=9)
    for state in ("suspended", "active", "deleted"):
        await bench.standins.change_installation(state)
    await bench.standins.wait_for_deliveries(13)
    told = [(headers["x-github-event"], body) for _, headers, body in receiver.got]
    names = [event for event, _ in told]
    assert (names.count("issues"), names.count("pull_request"), names.count("installation")) == (6, 3, 3)
    assert any(b'"action":"assigned"' in body and b'"assignee":{"login":"answerbot"' in body for _, body in told)
    assert any(b'"merged":true' in body for _, body in told)
    if schemas.installed():
        assert [problem for event, body in told for problem in schemas.webhook_problems(event, body)] == []
