"""Stores messages that no webhook brought while ingress was away. What a person has answered meanwhile is not answered.

One round reads each channel from where the last one ended. Two rounds at once do no harm: a message that is stored
twice is a duplicate.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from answerback.accepting.acceptor import Acceptor
from answerback.errors import RateLimited, SealBroken
from answerback.events import Event
from answerback.http.platform import PlatformHttp
from answerback.platforms import Exchange, Platform, scope
from answerback.platforms.catchup import Channel, ChannelPage, MessageLog, MessagePage
from answerback.settings import Settings
from answerback.store import keys
from answerback.store.fleet.accounts import Accounts
from answerback.store.fleet.redeliveries import Redeliveries
from answerback.store.threads.outbox import Outbox
from answerback.store.threads.threads import Threads

T = TypeVar("T")

MARGIN = 90_000
"""ms for which a message may be on its way by webhook: it is left to the next round."""
MOST_A_ROUND = 100
"""Requests after which a round of a worker reads no further channel: those that waited longest come first."""
KNOWN_THREADS = 30
"""Threads of a channel, changed lately, that are read although their first message is older: the newest ones."""


async def message_logs(platform: Platform, settings: Settings, accounts: Accounts) -> list[MessageLog]:
    """Return what our accounts on a platform can read: the configured one, and those that others have installed."""
    support, install = platform.CATCHUP, platform.INSTALL
    clients = [platform.client(settings)]
    held = await accounts.held(platform.NAME) if install and install.client and settings.secret_key else {}
    for each in held.values():
        try:
            account = accounts.opened(platform.NAME, each)
        except SealBroken:
            continue  # reported where it is used
        if install and install.client and account.token and not account.removed:
            clients.append(install.client(settings, account))
    return [log for client in clients if client and support and (log := support.log(client))]


class CatchupReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a round found in one channel.

    Attributes:
        since: From when on it was read, ms.
        seen: Number of messages.
        missed: Those that were not stored before, by their delivery ids.
        answered: Those of them that a person has answered.
        lost: Whether older messages may have been missed, which are too old now.
    """

    channel: str
    since: int
    seen: int = 0
    missed: tuple[str, ...] = ()
    answered: tuple[str, ...] = ()
    lost: bool = False


class Catchup:
    """Reads the channels of one platform. A round remembers up to when each channel is complete."""

    def __init__(
        self,
        platform: Platform,
        log: MessageLog,
        http: PlatformHttp,
        threads: Threads,
        acceptor: Acceptor,
        redeliveries: Redeliveries,
    ) -> None:
        self._platform = platform
        self._log = log
        self._http = http
        self._threads = threads
        self._outbox = Outbox(threads)
        self._acceptor = acceptor
        self._redeliveries = redeliveries
        self._asked = 0

    async def round(self, since: int | None = None) -> list[CatchupReport]:
        """Read all channels, and store what was missed.

        Args:
            since: From when on (ms); by default from where the last round ended. A channel that was never read before
                is complete as of now.

        Raises:
            RateLimited, Rejected, Unavailable: The channels that were not read are read by the next round.
        """
        now = await self._redeliveries.now()
        channels: list[tuple[int, Channel]] = []
        cursor, more = "", True
        while more:
            page: ChannelPage = await self._perform(None, self._log.channels(cursor))
            for channel in page.channels:
                complete = await self._redeliveries.healthy(channel.prefix)
                channels.append((now if complete is None else complete, channel))
            cursor = page.cursor
            more = bool(cursor)
        reports: list[CatchupReport] = []
        self._asked = 0
        for _, channel in sorted(channels):
            if since is not None or self._asked < MOST_A_ROUND:
                reports.append(await self._channel(channel, since, now))
        return reports

    async def _channel(self, channel: Channel, since: int | None, now: int) -> CatchupReport:
        complete = await self._redeliveries.healthy(channel.prefix)
        start = since if since is not None else complete
        oldest = now - self._log.retention
        report = CatchupReport(channel=channel.prefix.rstrip(":"), since=max(start or now, oldest))
        if start is not None:
            events = await self._read(channel, report.since)
            # The next round begins earlier than this one ended, so that nothing on its way is passed over.
            report = await self._store(report, events, now - MARGIN)
            report = msgspec.structs.replace(report, lost=start < oldest)
        await self._redeliveries.heal(channel.prefix, max(complete or 0, now - MARGIN))
        return report

    async def _read(self, channel: Channel, since: int) -> list[Event]:
        """Return all that was written in a channel and its threads, each once, oldest first."""
        events: dict[str, Event] = {}
        threads = dict.fromkeys(await self._known(channel))

        async def pages(page_of: Callable[[str], Exchange[MessagePage]]) -> None:
            cursor, more = "", True
            while more:
                page = await self._perform(channel, page_of(cursor))
                events.update((event.delivery, event) for event in page.events)
                threads.update(dict.fromkeys(page.threads))
                cursor = page.cursor
                more = bool(cursor)

        await pages(lambda cursor: self._log.messages(channel, since, cursor))
        for thread in list(threads):
            await pages(lambda cursor, thread=thread: self._log.replies(channel, thread, since, cursor))  # type: ignore[misc]
        return sorted(events.values(), key=lambda event: (event.at, event.message))

    async def _known(self, channel: Channel) -> list[str]:
        """Return the threads of a channel that have changed lately, the newest first."""
        changed: list[tuple[float, str]] = []
        oldest = await self._redeliveries.now() - self._log.retention
        for p in await self._threads.partitions.all():
            reply = await self._threads.database.call(
                "ZREVRANGEBYSCORE", keys.threads(p), "+inf", oldest, "WITHSCORES", "LIMIT", 0, 1000
            )
            pairs = reply if reply and isinstance(reply[0], list) else zip(reply[::2], reply[1::2], strict=True)
            changed += [(float(at), id.decode()) for id, at in pairs]
        named = [id for _, id in sorted(changed, reverse=True) if id.startswith(channel.prefix)]
        return named[:KNOWN_THREADS]

    async def _store(self, report: CatchupReport, events: Sequence[Event], until: int) -> CatchupReport:
        missed, answered = [], []
        due = [event for event in events if event.at <= until]
        for event in due:
            by_person = _answered(event, events)
            receipt = await self._acceptor.put(self._platform.NAME, msgspec.structs.replace(event, answered=by_person))
            if receipt.status == "accepted":
                missed.append(event.delivery)
                answered += [event.delivery] if by_person else []
        return msgspec.structs.replace(report, seen=len(due), missed=tuple(missed), answered=tuple(answered))

    async def _perform(self, channel: Channel | None, exchange: Exchange[T]) -> T:
        """Call the platform at its pace, unless it asked one of our processes to wait."""
        name = self._platform.NAME
        if wait := await self._outbox.paused([scope(name, limit) for limit in self._log.limits(channel)]):
            raise RateLimited(wait, "", f"{self._platform.TITLE} asked for a pause; {wait:.0f} s left")
        if self._asked:
            await asyncio.sleep(self._log.pace)
        self._asked += 1
        try:
            return await self._http.perform(exchange)
        except RateLimited as limit:
            await self._outbox.pause(scope(name, limit.scope), limit.seconds)
            raise


def _answered(event: Event, events: Sequence[Event]) -> bool:
    """Return whether a person other than the author has written in the event's thread after it."""
    return any(
        other.thread == event.thread
        and (other.at, other.message) > (event.at, event.message)
        and other.author.kind == "person"
        and other.author.id != event.author.id
        for other in events
    )
