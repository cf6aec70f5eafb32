"""A reply to send, and a platform that answers as it is told."""

from __future__ import annotations

from typing import TypeVar

import msgspec

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
from answerback.store.threads.outbox import Outbox
from answerback.store.threads.threads import Threads
from tests.fixtures.exchanges import answer
from tests.redis.given import accept, claim, courier, lapse, turn
from worker.backoff import Backoff
from worker.orders import Pauses
from worker.replies.clients import Clients
from worker.replies.identities import Identities
from worker.replies.sender import Sender

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

    def another(self, late: float = LATE, max_attempts: int = 10, pacing: bool = True) -> Sender:
        """A sender that knows nothing but what lies in Redis."""
        clients = Clients(CLIENTS)
        identities = Identities(clients, self.platform, WorkerRegistry(self.threads.database), self.threads)
        identities.resolved.update(dict.fromkeys(CLIENTS, US))
        return Sender(
            self.outbox, clients, identities, self.platform, Pauses(),
            owner="worker", lease=5, backoff=Backoff(60, 60), late=late, max_attempts=max_attempts, pacing=pacing,
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

    async def later(self, seconds: float, key: str = "r.0") -> None:
        """So many seconds pass. Whoever waits for a time may be claimed, and judges by the record."""
        reply = await self.reply(key)
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
