"""Slack's status of an agent at work: which of its methods is called, and what is learned from a refusal."""

from __future__ import annotations

import json

import pytest

from answerback.errors import RateLimited, Rejected
from answerback.platforms import Place, Request, Response
from answerback.platforms.slack.api import Slack
from answerback.platforms.slack.presence import SETTLED, SlackPresence
from tests.fixtures.exchanges import Done, answer, run

PLACE = Place(
    thread="slack:T1:C1:1.2", address={"team": "T1", "channel": "C1", "thread_ts": "1.2"}, message="1.3", author="U1"
)
OK = answer({"ok": True})


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def presence(clock: Clock) -> SlackPresence:
    return Slack("xoxb-secret", "https://slack.com/api", clock).presence


def refused(error: str) -> Response:
    return answer({"ok": False, "error": error})


def said(done: Done[None]) -> list[tuple[str, str]]:
    return [_said(request) for request in done.requests]


def _said(request: Request) -> tuple[str, str]:
    content = json.loads(request.body)
    assert (content["channel_id"], content["thread_ts"]) == ("C1", "1.2")
    return request.url.rpartition("/")[2], content["status"]


SESSION, LINE = "agents.sessions.setStatus", "assistant.threads.setStatus"


def test_an_app_that_is_an_agent_has_a_session_and_words_in_the_status_line(presence: SlackPresence) -> None:
    assert said(run(presence.working(PLACE, ""), OK)) == [(SESSION, "processing")]
    assert said(run(presence.working(PLACE, "Searching…"), OK, OK)) == [(SESSION, "processing"), (LINE, "Searching…")]
    assert said(run(presence.idle(PLACE, "completed"), OK, OK)) == [(SESSION, "active"), (LINE, "")]


def test_any_other_app_has_a_status_line_and_its_session_is_not_tried_again_for_an_hour(
    presence: SlackPresence, clock: Clock
) -> None:
    done = run(presence.working(PLACE, ""), refused("not_allowed"), OK)
    assert said(done) == [(SESSION, "processing"), (LINE, "is thinking…")]
    assert said(run(presence.working(PLACE, "Searching…"), OK)) == [(LINE, "Searching…")]
    assert said(run(presence.idle(PLACE, "failed"), OK)) == [(LINE, "")]
    clock.now += SETTLED
    assert said(run(presence.working(PLACE, ""), OK)) == [(SESSION, "processing")]


def test_an_app_that_may_show_nothing_asks_once_an_hour(presence: SlackPresence, clock: Clock) -> None:
    with pytest.raises(Rejected, match="missing_scope"):
        run(presence.working(PLACE, ""), refused("unknown_method"), refused("missing_scope"))
    for _ in range(3):
        with pytest.raises(Rejected, match="does not accept a status"):
            run(presence.working(PLACE, ""))
    clock.now += SETTLED
    assert said(run(presence.working(PLACE, ""), refused("unknown_method"), OK))[1] == (LINE, "is thinking…")


@pytest.mark.parametrize("error", ["channel_not_found", "is_archived", "not_in_channel", "invalid_thread_ts"])
def test_a_refusal_about_one_thread_says_nothing_about_others(presence: SlackPresence, error: str) -> None:
    with pytest.raises(Rejected, match=error):
        run(presence.working(PLACE, ""), refused(error))
    assert said(run(presence.working(PLACE, ""), OK)) == [(SESSION, "processing")]


def test_an_agent_that_may_write_no_status_line_still_has_its_session(presence: SlackPresence) -> None:
    run(presence.working(PLACE, ""), OK)
    assert len(run(presence.working(PLACE, "Searching…"), OK, refused("unknown_method")).requests) == 2
    assert said(run(presence.working(PLACE, "Reading…"), OK)) == [(SESSION, "processing")]
    assert said(run(presence.idle(PLACE, "completed"), OK)) == [(SESSION, "active")]


def test_its_rate_limit_is_not_that_of_posts(presence: SlackPresence) -> None:
    limited = answer({"ok": False, "error": "ratelimited"}, 429, retry_after="7")
    with pytest.raises(RateLimited) as caught:
        run(presence.working(PLACE, ""), limited)
    assert (caught.value.seconds, caught.value.scope) == (7, SESSION)


def test_arguments_that_slack_refuses_say_nothing_about_the_method(presence: SlackPresence) -> None:
    done = run(presence.working(PLACE, ""), refused("invalid_arguments"), OK)
    assert said(done) == [(SESSION, "processing"), (LINE, "is thinking…")]
    assert said(run(presence.working(PLACE, ""), OK)) == [(SESSION, "processing")]


def test_what_happens_outside_of_threads_shows_nothing(presence: SlackPresence) -> None:
    command = Place(thread="slack:T1:C1:t", address={"team": "T1", "channel": "C1"})
    for exchange in (presence.working(command, ""), presence.idle(command, "completed")):
        with pytest.raises(Rejected, match="in threads only"):
            run(exchange)


def test_a_message_without_a_thread_gets_a_reaction_while_it_is_answered(presence: SlackPresence) -> None:
    chat = Place(thread="slack:T1:D1", address={"team": "T1", "channel": "D1"}, message="1.3", author="U1")
    assert presence.with_message(chat)
    assert not presence.with_message(PLACE)

    def asked(done: Done[None]) -> list[tuple[str, object]]:
        return [(request.url.rpartition("/")[2], json.loads(request.body)) for request in done.requests]

    eyes = {"channel": "D1", "timestamp": "1.3", "name": "eyes"}
    assert asked(run(presence.working(chat, ""), refused("already_reacted"))) == [("reactions.add", eyes)]
    assert asked(run(presence.working(chat, "Searching…"))) == []
    assert asked(run(presence.idle(chat, "completed"), OK)) == [("reactions.remove", eyes)]
    with pytest.raises(Rejected):
        run(presence.working(chat, ""), refused("missing_scope"))
    for exchange in (presence.working(chat, ""), presence.idle(chat, "failed")):
        with pytest.raises(Rejected):
            run(exchange)
