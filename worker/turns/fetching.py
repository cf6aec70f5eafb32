"""Fetches the files of events from their platforms, as steps of the turn: they become files of the thread."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from hashlib import blake2b

import msgspec

from answerback.agents import Turn
from answerback.errors import DeliveryError, FilesFull, RateLimited, Rejected
from answerback.events import Event
from answerback.files import allowed_type, detected_type, is_text
from answerback.http.platform import PlatformHttp
from answerback.log import get_logger
from answerback.messages import Attachment
from answerback.outgoing import File
from answerback.platforms import Client, scope
from answerback.store.thread_ids import public_id
from answerback.store.threads.files import FileLimits, Files
from answerback.store.threads.outbox import Outbox
from answerback.store.threads.threads import Threads

from ..metrics import FETCHES
from ..replies.clients import Clients
from ..retry import retry_while_unavailable

log = get_logger(__name__)

STEP = "fetch"
ATTEMPTS = 3
WAIT = 1.0
"""Seconds before the second attempt; twice as many before the third."""
DEADLINE = 20.0
"""Seconds for one file: `Attachment.problem` then says that it could not be fetched."""
MOST = 20
"""The most files of one turn."""
INLINE = 16_384
"""Up to this size, in bytes, a text is part of the event, and needs no file."""


class Fetches:
    """Fetches what events refer to. What cannot be fetched never fails a turn: the attachment gets a `problem`."""

    def __init__(
        self,
        threads: Threads,
        clients: Clients,
        http: PlatformHttp,
        outbox: Outbox,
        limits: FileLimits,
        *,
        largest: int,
        types: Sequence[str],
    ) -> None:
        self._files = Files(threads)
        self._clients = clients
        self._http = http
        self._outbox = outbox
        self._limits = limits
        self._largest = largest
        self._types = types

    def wanted(self, turn: Turn) -> Callable[[], Awaitable[None]] | None:
        """Return what is to be done before the agent runs, if its events have files that a platform keeps."""
        if turn.command or not any(one.remote for one in turn.attachments):
            return None

        async def fetch() -> None:
            room = MOST
            events: list[Event] = []
            for event in turn.events:
                files = [one for one in event.attachments if one.remote]
                fetched = await self._fetch_all(turn, event, files[:room])
                fetched += [msgspec.structs.replace(one, problem="too many files") for one in files[room:]]
                room = max(0, room - len(files))
                events.append(_with_files(event, fetched))
            turn.events = events

        return fetch

    async def _fetch_all(self, turn: Turn, event: Event, files: Sequence[Attachment]) -> list[Attachment]:
        fetched: list[Attachment] = []
        for number, attachment in enumerate(files):

            async def one(attachment: Attachment = attachment, number: int = number) -> Attachment:
                return await self._fetch(turn, event, attachment, number)

            # A repeat stores the same file under the same id.
            fetched.append(await turn.journal.step(STEP, one, idempotent=True, kind=Attachment))
        return fetched

    async def _fetch(self, turn: Turn, event: Event, attachment: Attachment, number: int) -> Attachment:
        client = await self._clients.of(event.platform, event.account)
        if client is None:
            return _missing(attachment, "there is no credential of the platform here")
        if attachment.size > self._largest:
            return _missing(attachment, f"it has more than {self._largest} bytes")
        try:
            async with asyncio.timeout(DEADLINE):
                data = await self._download(client, event.platform, attachment)
        except (DeliveryError, TimeoutError) as trouble:
            reason = str(trouble) or "it did not arrive in time"
            FETCHES.labels(event.platform, "refused" if isinstance(trouble, Rejected) else "failed").inc()
            log.warning("file not fetched", file=attachment.name, reason=reason)
            return _missing(attachment, reason)
        if len(data) > self._largest:
            return _missing(attachment, f"it has more than {self._largest} bytes")
        stored = await self._store(turn, event, attachment, data, number)
        FETCHES.labels(event.platform, "refused" if stored.problem else "done").inc()
        return stored

    async def _download(self, client: Client, platform: str, attachment: Attachment) -> bytes:
        """Make a few attempts: the turn waits meanwhile, so it does not wait for a rate limit."""
        for attempt in range(ATTEMPTS):
            try:
                return await self._http.perform(client.fetch(attachment))
            except RateLimited as refusal:
                await retry_while_unavailable(self._outbox.pause, scope(platform, refusal.scope), refusal.seconds)
                raise
            except Rejected:
                raise
            except DeliveryError:
                if attempt == ATTEMPTS - 1:
                    raise
            await asyncio.sleep(WAIT * 2**attempt)
        raise AssertionError

    async def _store(self, turn: Turn, event: Event, attachment: Attachment, data: bytes, number: int) -> Attachment:
        kind = detected_type(attachment.content_type, attachment.name, data)
        if data and not allowed_type(kind, self._types):
            return _missing(attachment, f"files of the type {kind} are not taken (FILE_TYPES)")
        changed = msgspec.structs.replace(attachment, content_type=kind, size=len(data), remote="")
        if not data:
            return changed
        if is_text(kind) and len(data) <= INLINE:
            return msgspec.structs.replace(changed, text=data.decode(errors="replace"))
        digest = blake2b(f"{event.id}.{number}".encode(), digest_size=10).hexdigest()
        file = File(attachment.name, data, kind, file=f"{public_id(turn.thread)}.{digest}", size=len(data))
        try:
            await retry_while_unavailable(self._files.put, turn.thread, file, limits=self._limits)
        except FilesFull as full:
            return _missing(attachment, str(full))
        return msgspec.structs.replace(changed, file=file.file)


def _missing(attachment: Attachment, reason: str) -> Attachment:
    return msgspec.structs.replace(attachment, remote="", problem=reason)


def _with_files(event: Event, fetched: Sequence[Attachment]) -> Event:
    """Return an event with its fetched files in the places of what referred to them; empty ones are left out."""
    if not any(one.remote for one in event.attachments):
        return event
    rest = iter(fetched)
    attachments = [next(rest) if one.remote else one for one in event.attachments]
    # The comments of a review that has none, for example. The places in an order stay what they are.
    kept = tuple(
        one for one in attachments if one.size or one.problem or one.text or one.data or one.file or event.order
    )
    return msgspec.structs.replace(event, attachments=kept)
