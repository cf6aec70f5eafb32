"""The sender, on a platform that answers as it is told: whatever it answers, a reply appears there once."""

from __future__ import annotations

import json
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from answerback.errors import Unavailable
from answerback.http.platform import BeforeSend, PlatformHttp
from answerback.messages import Identity
from answerback.platforms import Client, Exchange, Request, Response
from answerback.platforms.github.api import GitHub
from answerback.platforms.github.credential import Token
from answerback.platforms.slack.api import Slack
from answerback.platforms.standard.api import Standard
from answerback.replies import Reply
from answerback.store import keys
from answerback.store.fleet.workers import WorkerRegistry
from answerback.store.threads.dead_letters import DeadLetters
from answerback.store.threads.outbox import Outbox, Outgoing
from answerback.store.threads.threads import Threads
from tests.fixtures.exchanges import answer
from tests.redis.given import accept, claim, courier, lapse, turn
from worker.backoff import Backoff
from worker.replies.identities import Identities
from worker.replies.sender import Sender

pytestmark = pytest.mark.one_server

T = TypeVar("T")

LATE = 600.0
THREADS = {"github": "github:1:7", "slack": "slack:T1:C1:1.2", "standard": "standard:t1"}
ADDRESSES: dict[str, dict[str, str | int]] = {
    "github": {"repo": "acme/widgets", "number": 7},
    "slack": {"team": "T1", "channel": "C1", "thread_ts": "1.2"},
    "standard": {"thread": "t1"},
}
US = Identity(name="us", marks=("user:1", "bot:B1"))
CLIENTS: dict[str, Client] = {
    "github": GitHub(Token("t", "https://github.test"), "https://github.test"),
    "slack": Slack("t", "https://slack.test"),
    "standard": Standard("whsec_c3RhbmRpbi1zdGFuZGFyZC1zZWNyZXQ=", "https://standard.test"),
}
LIMITED = answer({"ok": False, "error": "ratelimited"}, 429, retry_after="60")


class Platform(PlatformHttp):
    """One that performs nothing: it answers from a list, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[Response | Exception] = []
        self.asked: list[Request] = []

    async def perform(self, exchange: Exchange[T], *, before_send: BeforeSend | None = None) -> T:
        """Answer what is asked."""
        try:
            request = next(exchange)
            while True:
                if before_send and request.body:
                    await before_send()
                self.asked.append(request)
                given = self.answers.pop(0)
                request = exchange.throw(given) if isinstance(given, Exception) else exchange.send(given)
        except StopIteration as end:
            found: T = end.value
            return found

    @property
    def posted(self) -> int:
        """How many posts were asked for."""
        return sum(request.method == "POST" for request in self.asked)


class Scene:
    """A thread with one reply to send, and who sends it."""

    def __init__(self, threads: Threads, outbox: Outbox, platform: str) -> None:
        self.threads, self.outbox, self.name = threads, outbox, platform
        self.thread = THREADS[platform]
        self.platform = Platform()
        self.sender = self.another()

    def another(self, late: float = LATE, max_attempts: int = 10) -> Sender:
        """A sender that knows nothing but what lies in Redis."""
        identities = Identities(CLIENTS, self.platform, WorkerRegistry(self.threads.database), self.threads)
        identities.resolved.update(dict.fromkeys(CLIENTS, US))
        return Sender(
            self.outbox, CLIENTS, identities, self.platform,
            owner="worker", lease=5, backoff=Backoff(60, 60), late=late, max_attempts=max_attempts,
        )  # fmt: skip

    async def given(self, text: str = "yes", number: int = 1) -> None:
        """A reply to send."""
        await accept(self.threads, number, thread=self.thread)
        key = "r.0" if number == 1 else f"r{number}.0"
        reply = Reply(key=key, thread=self.thread, text=text, address=ADDRESSES[self.name])
        await self.threads.commit(turn(await claim(self.threads), reply))

    async def send(self, *answers: Response | Exception) -> None:
        """Let the sender do what is due, with exactly these answers."""
        self.platform.answers = list(answers)
        for outgoing in await courier(self.threads, self.outbox):
            await self.sender.run(outgoing)
        assert not self.platform.answers, "it asked for less"

    async def later(self, seconds: float) -> None:
        """So many seconds pass. Whoever waits for a time may be claimed, and judges by the record."""
        reply = await self.reply()
        earlier = {
            name: max(1, getattr(reply, name) - int(seconds * 1000))
            for name in ("unknown", "searching")
            if getattr(reply, name)
        }
        aged = msgspec.msgpack.encode(msgspec.structs.replace(reply, **earlier))
        await self.threads.database.call("HSET", keys.outbox(0, self.thread), reply.key, aged)
        for limit in ("", "/C1", "/conversations.replies:T1"):
            await self.threads.database.call("DEL", keys.pause(f"{self.name}{limit}"))
        await lapse(self.threads, "due", self.thread)

    async def reply(self, key: str = "r.0") -> Reply:
        """The reply as it lies in Redis."""
        return (await self.outbox.replies(self.thread))[key]

    def there(self, platform: str = "") -> Response:
        """The platform shows our reply."""
        if (platform or self.name) == "github":
            mine = {"id": 5, "body": "yes\n\n<!-- answerback:r.0 -->", "user": {"id": 1, "login": "us"}}
            return answer([mine])
        data = {"event_type": "answerback_reply", "event_payload": {"key": "r.0"}}
        return answer({"ok": True, "messages": [{"ts": "9.9", "bot_id": "B1", "metadata": data}]})

    def nothing(self) -> Response:
        """The platform shows nothing of ours."""
        return answer([]) if self.name == "github" else answer({"ok": True, "messages": []})


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
