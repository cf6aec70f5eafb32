"""Puts the names of people and channels into a turn, where its platform's events have the ids only."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

import msgspec

from answerback.agents import Turn
from answerback.errors import RateLimited, Rejected, StoreFull, StoreUnavailable
from answerback.http.platform import PlatformHttp
from answerback.log import get_logger
from answerback.messages import Author, Message
from answerback.platforms import Names, Place, scope
from answerback.store.fleet.names import KnownNames
from answerback.store.threads.outbox import Outbox

from ..metrics import NAMES
from ..replies.clients import Clients

log = get_logger(__name__)

STEP = "names"
MOST = 10
"""Requests for one turn: what is nearest to the newest event comes first."""
DEADLINE = 1.5
"""Seconds for all requests of a turn, which goes on with what has come."""
REFUSED, FAILED = 600.0, 30.0
"""Seconds for which nothing is asked after a refusal, such as a missing scope, and after a failure."""
FRESH, REMEMBERED = 60.0, 10_000
"""Seconds for which a name is used without a look at Redis, and how many of them."""

_Id = tuple[str, str, str]


class NameLookups:
    """Looks names up, once a week each. A name that is not known in time is left out: it never fails a turn."""

    def __init__(self, clients: Clients, http: PlatformHttp, known: KnownNames, outbox: Outbox) -> None:
        self._clients = clients
        self._http = http
        self._known = known
        self._outbox = outbox
        self._recent: dict[_Id, tuple[float, str]] = {}

    def wanted(self, turn: Turn) -> Callable[[], Awaitable[None]] | None:
        """Return what is to be done before the agent runs, if its platform may have names to look up."""
        event = turn.event
        configured = self._clients.get(event.platform)
        if turn.command or event.platform not in self._clients.platforms or (configured and configured.names is None):
            return None
        # As an earlier attempt began, so do the others. Who presses a button waits for what it opens.
        ask = turn.journal.has(STEP) or not (turn.journal.begun or event.action)

        async def name() -> None:
            client = await self._clients.of(event.platform, event.account)
            if client is not None and client.names is not None:
                await self._name(turn, client.names, ask=ask)

        return name

    async def _name(self, turn: Turn, names: Names, *, ask: bool) -> None:
        event, ids = turn.event, list(dict.fromkeys(_wanted(turn, names)))
        if not ids:
            return
        platform, place = event.platform, Place.of(event)
        found = dict(await self._remembered(platform, event.account, ids))
        missing = [id for id in ids if id not in found] if ask else []
        asked = await self._allowed(platform, names, place, missing[:MOST])
        if asked or turn.journal.has(STEP):

            async def look_up() -> dict[str, str]:
                return await self._look_up(platform, names, place, asked)

            found |= await turn.journal.step(STEP, look_up, idempotent=True, kind=dict[str, str])
        if found := {id: name for id, name in found.items() if name}:
            _apply(turn, names, found)

    async def _remembered(self, platform: str, account: str, ids: Sequence[str]) -> Mapping[str, str]:
        """Return the names that were looked up before."""
        now, found, rest = time.monotonic(), dict[str, str](), list[str]()
        for id in ids:
            until, name = self._recent.get((platform, account, id), (0.0, ""))
            if until > now:
                found[id] = name
            else:
                rest.append(id)
        if rest:
            try:
                known = await self._known.get(platform, account, rest)
            except (StoreUnavailable, StoreFull):
                known = {}
            self._remember(platform, account, known)
            found |= known
        return found

    def _remember(self, platform: str, account: str, names: Mapping[str, str]) -> None:
        until = time.monotonic() + FRESH
        for id, name in names.items():
            self._recent[platform, account, id] = (until, name)
        while len(self._recent) > REMEMBERED:
            del self._recent[next(iter(self._recent))]

    async def _allowed(self, platform: str, names: Names, place: Place, ids: Sequence[str]) -> list[str]:
        """Return the ids that may be asked for now: nothing is paused that this would need."""
        allowed: list[str] = []
        try:
            for limit, those in _by_limit(names, place, ids).items():
                if not await self._outbox.paused([scope(platform, ""), scope(platform, limit)]):
                    allowed += those
        except (StoreUnavailable, StoreFull):
            return []
        return allowed

    async def _look_up(self, platform: str, names: Names, place: Place, ids: Sequence[str]) -> dict[str, str]:
        """Ask for names, all at once. Never raises for what the platform does."""
        found: dict[str, str] = {}

        async def ask(id: str) -> None:
            try:
                found[id] = await self._http.perform(names.look_up(id, place))
                NAMES.labels(platform, "done").inc()
            except Exception as trouble:  # noqa: BLE001 (whatever a platform's package does wrong, the turn goes on)
                await self._failed(platform, names.limit(id, place), trouble)

        try:
            async with asyncio.timeout(DEADLINE), asyncio.TaskGroup() as group:
                for id in ids:
                    group.create_task(ask(id))
        except TimeoutError as trouble:
            for limit in _by_limit(names, place, [id for id in ids if id not in found]):
                await self._failed(platform, limit, trouble)
        self._remember(platform, place.account, found)
        if found:
            try:
                await self._known.put(platform, place.account, found)
            except (StoreUnavailable, StoreFull):
                pass  # they are asked for again
        return found

    async def _failed(self, platform: str, limit: str, trouble: Exception) -> None:
        """Leave the platform alone for a while: other turns would wait for the same."""
        refused = isinstance(trouble, Rejected)
        NAMES.labels(platform, "refused" if refused else "failed").inc()
        seconds = trouble.seconds if isinstance(trouble, RateLimited) else REFUSED if refused else FAILED
        log.warning("names not looked up", platform=platform, reason=str(trouble) or "too slow", next_try=seconds)
        try:
            await self._outbox.pause(scope(platform, limit), seconds)
        except (StoreUnavailable, StoreFull):
            pass


def _wanted(turn: Turn, names: Names) -> Iterable[str]:
    """Yield the ids that are named in a turn, the newest first."""
    for event in reversed(turn.events):
        yield from names.wanted(event.author, event.text, event.channel)
    for message in reversed(turn.history):
        # A message that an agent answered became history with the names that were known then.
        if message.role == "user":
            yield from names.wanted(message.author if _nameless(message) else None, message.text)


def _apply(turn: Turn, names: Names, found: Mapping[str, str]) -> None:
    turn.events = [
        msgspec.structs.replace(
            event,
            author=_named(event.author, found),
            text=names.named(event.text, found),
            channel_name=found.get(event.channel, event.channel_name),
        )
        for event in turn.events
    ]
    turn.history = [_with_names(message, names, found) for message in turn.history]


def _with_names(message: Message, names: Names, found: Mapping[str, str]) -> Message:
    """Return a message of the history with names. Agents' own texts stay as they wrote them."""
    if message.role != "user":
        return message
    text = names.named(message.text, found)
    author = _named(message.author, found) if message.author and _nameless(message) else message.author
    same = text == message.text and author is message.author
    return message if same else msgspec.structs.replace(message, text=text, author=author)


def _nameless(message: Message) -> bool:
    return message.author is not None and not message.author.name


def _named(author: Author, found: Mapping[str, str]) -> Author:
    name = found.get(author.id)
    return msgspec.structs.replace(author, name=name) if name else author


def _by_limit(names: Names, place: Place, ids: Sequence[str]) -> dict[str, list[str]]:
    """Return the ids by the rate limit that applies to looking them up."""
    grouped: dict[str, list[str]] = {}
    for id in ids:
        grouped.setdefault(names.limit(id, place), []).append(id)
    return grouped
