"""The sender, on a platform that answers as it is told: whatever it answers, a reply appears there once."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from answerback.errors import Unavailable
from answerback.platforms import UNKNOWN, Repeat, Response
from answerback.platforms.slack.api import Slack
from answerback.platforms.standard.api import Standard
from answerback.replies import Reply
from answerback.store import keys
from answerback.store.threads.dead_letters import DeadLetters
from answerback.store.threads.outbox import Outbox, Outgoing
from answerback.store.threads.threads import Threads
from tests.fixtures.exchanges import answer
from tests.redis.given import accept, claim, courier, lapse, turn
from tests.redis.sending import CLIENTS, LATE, LIMITED, Scene

pytestmark = pytest.mark.one_server


@pytest.fixture(params=["github", "slack"])
async def scene(request: pytest.FixtureRequest, threads: Threads, outbox: Outbox) -> Scene:
    """A reply on a platform where it can be found."""
    found = Scene(threads, outbox, request.param)
    await found.given()
    return found


@pytest.fixture
async def slack(threads: Threads, outbox: Outbox) -> Scene:
    """A reply on Slack."""
    found = Scene(threads, outbox, "slack")
    await found.given()
    return found


FAILURES = [answer(b"", 502), Unavailable("did not answer in time"), answer(b"{", 200)]


@pytest.mark.parametrize("failure", FAILURES, ids=["502", "no response", "half a response"])
async def test_a_post_that_fails_is_not_looked_for_at_once(scene: Scene, failure: Response | Exception) -> None:
    await scene.send(failure)
    assert (await scene.reply()).state == "sending"
    await scene.later(1)
    await scene.send()
    await scene.later(1)
    await scene.send()
    assert scene.platform.posted == len(scene.platform.asked) == 1


@pytest.mark.parametrize("appears", ["before the first look", "after the first look"])
async def test_a_reply_that_appears_late_is_found_and_not_posted_again(scene: Scene, appears: str) -> None:
    await scene.send(answer(b"", 502))
    if appears == "after the first look":
        await scene.later(LATE / 2)
        await scene.send(scene.nothing())
        assert (await scene.reply()).looks == 1
    await scene.later(2 * LATE)
    await scene.send(scene.there())
    assert (await scene.reply()).state == "sent"
    assert scene.platform.posted == 1


async def test_a_reply_that_never_appears_is_posted_once_more_after_two_looks(scene: Scene) -> None:
    await scene.send(answer(b"", 502))
    await scene.later(LATE / 2)
    await scene.send(scene.nothing())
    await scene.later(LATE / 4)
    await scene.send()
    await scene.later(2 * LATE)
    posted = answer({"id": 6}, 201) if scene.name == "github" else answer({"ok": True, "ts": "9.9"})
    await scene.send(scene.nothing(), posted)
    assert (await scene.reply()).state == "sent"
    assert [request.method for request in scene.platform.asked] == ["POST", "GET", "GET", "POST"]


async def test_every_sender_may_die_and_the_next_goes_on(scene: Scene) -> None:
    (first,) = await courier(scene.threads, scene.outbox)
    await scene.outbox.mark_sending(
        Outgoing(
            first.thread,
            first.fence,
            first.owner,
            msgspec.structs.replace(first.reply, state="sending", attempts=1, first=1),
        )
    )
    await lapse(scene.threads, "due", scene.thread)
    for seconds, answers in ((0, ()), (LATE / 2, (scene.nothing(),)), (2 * LATE, (scene.there(),))):
        # Each is taken from one that dies before it does anything with it.
        await scene.later(float(seconds))
        await courier(scene.threads, scene.outbox)
        await lapse(scene.threads, "due", scene.thread)
        scene.sender = scene.another()
        await scene.send(*answers)
    assert (await scene.reply()).state == "sent"
    assert scene.platform.posted == 0


async def test_a_reply_waits_from_the_time_that_redis_has_now(scene: Scene) -> None:
    """A clock that was set back by a day must not let it wait for a day."""
    await scene.send(answer(b"", 502))
    await scene.later(-86_400)
    await scene.send()
    # The sender's idea of that time is extrapolated: a few ms may be missing.
    assert (await scene.reply()).unknown <= await scene.threads.database.now() + 1000


async def test_the_last_try_is_looked_for_too(scene: Scene, letters: DeadLetters) -> None:
    scene.sender = scene.another(max_attempts=1)
    await scene.send(answer(b"", 502))
    await scene.later(LATE / 2)
    await scene.send(scene.nothing())
    await scene.later(2 * LATE)
    await scene.send(scene.nothing())
    (letter,) = [letter async for letter in letters.list()]
    assert "gave up after 1 attempts" in letter.reason
    assert scene.platform.posted == 1


def refusal(scene: Scene) -> Response:
    """What passes, where the event is young."""
    if scene.name == "github":
        return answer({"message": "Not Found"}, 404)
    return answer({"ok": False, "error": "channel_not_found"})


async def test_what_a_platform_takes_a_moment_later_is_posted_a_moment_later(scene: Scene) -> None:
    for refused in range(3):
        assert (await scene.reply()).refusals == refused
        await scene.send(refusal(scene))
        await scene.later(0)
    assert (await scene.reply()).state == "pending"
    await scene.send(answer({"id": 6}, 201) if scene.name == "github" else answer({"ok": True, "ts": "9.9"}))
    assert (await scene.reply()).state == "sent"
    assert scene.platform.posted == len(scene.platform.asked) == 4


async def test_a_reply_that_its_platform_finds_too_long_is_posted_in_parts(
    threads: Threads, outbox: Outbox, letters: DeadLetters
) -> None:
    scene = Scene(threads, outbox, "standard")
    await scene.given("word " * 300)
    await scene.send(answer(b"", 413), answer(b"", 200), answer(b"", 200))
    texts = [json.loads(request.body)["data"]["text"] for request in scene.platform.asked]
    assert (" ".join(texts[1:]).split(), len(texts)) == (texts[0].split(), 3)
    assert [letter async for letter in letters.list()] == []
    short = Scene(threads, outbox, "standard")
    await short.given("word", number=2)
    await short.send(answer(b"", 413))
    assert [letter.id async for letter in letters.list()] == ["r2.0"]


async def test_a_refusal_that_does_not_pass_ends_in_a_letter(scene: Scene, letters: DeadLetters) -> None:
    for _ in range(7):
        await scene.send(refusal(scene))
        await scene.later(0)
    (letter,) = [letter async for letter in letters.list()]
    assert ("gone" in letter.reason, letter.attempts) == (True, 7)
    assert await letters.replay(letter.id)
    assert (await scene.reply()).refusals == 0


async def test_a_platform_that_says_wait_for_a_day_is_given_up(slack: Scene, letters: DeadLetters) -> None:
    for waits in range(24):
        assert (await slack.reply()).waits == waits
        await slack.send(LIMITED)
        await slack.later(0)
    first = (await slack.reply()).first
    long_ago = msgspec.msgpack.encode(msgspec.structs.replace(await slack.reply(), first=first - 86_500_000))
    await slack.threads.database.call("HSET", keys.outbox(0, slack.thread), "r.0", long_ago)
    await slack.send(LIMITED)
    (letter,) = [letter async for letter in letters.list()]
    assert "asked to wait" in letter.reason


async def test_a_failing_platform_is_left_alone_as_long_as_it_asks(threads: Threads, outbox: Outbox) -> None:
    scene = Scene(threads, outbox, "standard")
    await scene.given()
    await scene.send(answer(b"", 503, retry_after="1800"))
    due = await threads.database.call("ZSCORE", keys.queue(0, "due"), scene.thread)
    assert float(due) - await threads.database.now() > 1_000_000


async def test_where_a_repeat_is_dropped_it_is_posted_again_at_once(threads: Threads, outbox: Outbox) -> None:
    scene = Scene(threads, outbox, "standard")
    await scene.given()
    await scene.send(answer(b"", 502))
    await lapse(threads, "due", scene.thread)
    await scene.send(answer(b"", 200))
    assert (await scene.reply()).state == "sent"
    assert [request.headers["webhook-id"] for request in scene.platform.asked] == ["r.0", "r.0"]


class Blind(Standard):
    """A platform that neither drops a repeat nor can be searched."""

    def repeat(self, reply: Reply) -> Repeat:
        return UNKNOWN


async def test_where_nothing_can_be_found_it_is_posted_again_once(
    threads: Threads, outbox: Outbox, letters: DeadLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CLIENTS, "standard", Blind("whsec_c3RhbmRpbi1zdGFuZGFyZC1zZWNyZXQ=", "https://s.test"))
    scene = Scene(threads, outbox, "standard")
    await scene.given()
    await scene.send(answer(b"", 502))
    await scene.later(LATE / 2)
    await scene.send()
    assert scene.platform.posted == 1
    # A refusal is no second request of unknown outcome.
    for refused in (answer(b"", 429, retry_after="1"), answer(b"", 502)):
        await scene.later(2 * LATE)
        await scene.send(refused)
    assert ((await scene.reply()).repeats, [letter async for letter in letters.list()]) == (1, [])
    await scene.later(2 * LATE)
    await scene.send()
    (letter,) = [letter async for letter in letters.list()]
    assert "may have been posted" in letter.reason
    assert scene.platform.posted == 3
    assert await letters.replay(letter.id)
    assert (await scene.reply()).state == "sending"
    await scene.later(2 * LATE)
    await scene.send(answer(b"", 200))
    assert (await scene.reply()).state == "sent"


class FoundByText(Slack):
    """A platform on which a reply is known by its text alone."""

    finds_texts = True


async def test_what_is_looked_for_by_its_text_is_posted_again_once_and_that_is_said(
    threads: Threads, outbox: Outbox, letters: DeadLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CLIENTS, "slack", FoundByText("t", "https://slack.test"))
    for second, state in ((answer({"ok": True, "ts": "9.9"}), "sent"), (answer(b"", 502), "failed")):
        scene = Scene(threads, outbox, "slack")
        number = 1 if state == "sent" else 2
        await scene.given(number=number)
        key = "r.0" if number == 1 else "r2.0"
        await scene.send(answer(b"", 502))
        await scene.later(2 * LATE, key)
        await scene.send(scene.nothing(), scene.nothing(), second)
        if state == "failed":
            await scene.later(2 * LATE, key)
            await scene.send(scene.nothing(), scene.nothing())
        reply = await scene.reply(key)
        assert (reply.state, scene.platform.posted) == (state, 2)
        assert ("it may appear twice" in reply.error) == (state == "sent")
    (letter,) = [letter async for letter in letters.list()]
    assert "two requests had an unknown outcome" in letter.reason


def cursors(scene: Scene) -> list[str]:
    queries = [parse_qs(urlsplit(request.url).query) for request in scene.platform.asked if request.method == "GET"]
    return [query.get("cursor", ["first"])[0] for query in queries]


def page(cursor: str) -> Response:
    strangers: list[dict[str, Any]] = [{"ts": "1.3", "user": "U1"}]
    return answer({"ok": True, "messages": strangers, "response_metadata": {"next_cursor": cursor}})


async def test_a_search_that_a_limit_interrupts_goes_on_where_it_stopped(slack: Scene) -> None:
    await slack.send(answer(b"", 503))
    await slack.later(LATE)
    await slack.send(page("15"), LIMITED)
    await slack.later(60)
    slack.sender = slack.another()
    await slack.send(page("30"), LIMITED)
    await slack.later(60)
    await slack.send(slack.there())
    assert cursors(slack) == ["first", "15", "15", "30", "30"]
    assert ((await slack.reply()).state, slack.platform.posted) == ("sent", 1)


async def test_a_search_that_is_interrupted_for_an_hour_is_given_up(slack: Scene, letters: DeadLetters) -> None:
    await slack.send(answer(b"", 503))
    await slack.later(LATE)
    await slack.send(LIMITED)
    await slack.later(3601)
    await slack.send(LIMITED)
    (letter,) = [letter async for letter in letters.list()]
    assert "may have been posted" in letter.reason


async def test_a_long_search_gives_its_slot_back_now_and_then(slack: Scene) -> None:
    await slack.send(answer(b"", 503))
    await slack.later(LATE)
    await slack.send(*[page(str(number)) for number in range(10)])
    await slack.send(slack.there())
    assert cursors(slack) == ["first", *map(str, range(10))]


async def test_a_limit_on_looking_stops_no_post_of_another_channel(slack: Scene) -> None:
    await slack.send(answer(b"", 503))
    await slack.later(LATE)
    await slack.send(LIMITED)
    assert await slack.outbox.paused(["slack/conversations.replies:T1"]) > 0
    other = "slack:T1:C2:1.2"
    await accept(slack.threads, 2, thread=other)
    address: dict[str, str | int] = {"team": "T1", "channel": "C2", "thread_ts": "1.2"}
    reply = Reply(key="q.0", thread=other, text="no", address=address)
    await slack.threads.commit(turn(await claim(slack.threads), reply))
    await slack.send(answer({"ok": True, "ts": "9.9"}))
    assert (await slack.outbox.replies(other))["q.0"].state == "sent"
    assert json.loads(slack.platform.asked[-1].body)["channel"] == "C2"
