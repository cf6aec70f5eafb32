"""Dead letters: events and replies that failed permanently, for an operator to view, replay or delete."""

from __future__ import annotations

import builtins
from collections.abc import AsyncIterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from answerback.codec import encode
from answerback.events import Entry
from answerback.replies import DeadLetter, Reply
from answerback.steps import settle
from answerback.store import decode, keys
from answerback.store.cursors import cursor_of
from answerback.store.decode import Unreadable, UnreadableReply
from answerback.store.threads.recency import Recency
from answerback.store.threads.records import encoded_replies
from answerback.store.threads.threads import Threads

PAGE = 500
"""Dead letters that are read at once."""


class DeadLetters:
    """The dead letters of all partitions."""

    def __init__(self, threads: Threads, *, seen_days: float = 7.0) -> None:
        self._threads = threads
        self._database = threads.database
        self._seen = int(seen_days * 86_400_000)

    async def list(self) -> AsyncIterator[DeadLetter]:
        """Yield all dead letters, newest first. `at`: when each was dead-lettered."""
        async for letter, _ in self.scan():
            yield letter

    async def scan(self, cursor: str = "", *, oldest_first: bool = False) -> AsyncIterator[tuple[DeadLetter, str]]:
        """Yield the dead letters after a cursor, each with the cursor of its own position. Raises `BadCursor`.

        The caller may replay and delete what is yielded.
        """
        names = [keys.dead_letter_times(p) for p in await self._threads.partitions.all()]
        recency = Recency(self._database, names, cursor, oldest_first=oldest_first)
        while ids := await recency.next(PAGE):
            for letter in await self.read(ids):
                yield letter, cursor_of(letter.at, letter.id)
            recency.past(ids[-1])

    async def read(self, ids: Sequence[str]) -> builtins.list[DeadLetter]:
        """Return those dead letters of `ids` that exist, in this order."""
        letters: dict[str, DeadLetter] = {}
        for p in await self._threads.partitions.all() if ids else ():
            encoded, times = await self._database.together(
                ("HMGET", keys.dead_letters(p), *ids), ("ZMSCORE", keys.dead_letter_times(p), *ids)
            )
            for id, letter, at in zip(ids, encoded, times, strict=True):
                if letter is not None and at is not None:
                    letters[id] = msgspec.structs.replace(decode.letter(letter, id), at=int(at))
        return [letters[id] for id in ids if id in letters]

    async def get(self, id: str) -> tuple[DeadLetter, Entry | Reply] | None:
        """Return a dead letter and its payload, which a replay puts back: the event's entry, or the reply."""
        for p in await self._threads.partitions.all():
            at, encoded, payload = await self._database.together(
                ("ZSCORE", keys.dead_letter_times(p), id),
                ("HGET", keys.dead_letters(p), id),
                ("HGET", keys.dead_letter_payloads(p), id),
            )
            if at is not None and encoded is not None and payload is not None:
                letter = msgspec.structs.replace(decode.letter(encoded, id), at=int(at))
                return letter, _put_back(letter, payload)
        return None

    async def replay(
        self, id: str, *, fresh: bool = False, again: Sequence[str] = (), done: Mapping[str, Any] = MappingProxyType({})
    ) -> bool:
        """Put a dead letter back: an event into its inbox, a reply into its outbox. Return False if it does not exist.

        Args:
            fresh: discard the finished steps of the event's turn.
            again: steps of unknown outcome to run again.
            done: steps of unknown outcome that count as done, with their results (plain data). Any other step of
                unknown outcome raises `OutcomeUnknown` again.

        Raises:
            ValueError: the outcome of a step is not unknown, or this version cannot read the dead letter.
        """
        stored = await self.get(id)
        if stored is None:
            return False
        letter, payload = stored
        if isinstance(payload, Unreadable | UnreadableReply):
            raise ValueError(f"this version of Answerback cannot read the dead letter ({payload.why}): update it first")
        p, thread = await self._threads.locate(letter.thread), letter.thread
        if isinstance(payload, Reply):
            parts = (msgspec.structs.replace(payload, rest=()), *payload.rest)
            return bool(
                await self._threads.scripts.replay_reply(
                    [
                        keys.queue(p, "due"),
                        keys.wake(p, "due"),
                        keys.dead_letter_times(p),
                        keys.dead_letters(p),
                        keys.dead_letter_payloads(p),
                        keys.outbox(p, thread),
                        keys.unsent(p, thread),
                        keys.clock(p),
                    ],
                    id=thread,
                    letter=id,
                    replies=encoded_replies(parts),
                )
            )
        journal = payload.journal
        for step in again:
            journal = settle(journal, step, again=True)
        for step, result in done.items():
            journal = settle(journal, step, result, again=False)
        entry = (
            Entry(payload.event, trace=payload.trace) if fresh else msgspec.structs.replace(payload, journal=journal)
        )
        return bool(
            await self._threads.scripts.replay_event(
                [
                    keys.queue(p, "ready"),
                    keys.wake(p, "ready"),
                    keys.counters(p),
                    keys.threads(p),
                    keys.dead_letter_times(p),
                    keys.dead_letters(p),
                    keys.dead_letter_payloads(p),
                    keys.thread(p, thread),
                    keys.inbox(p, thread),
                    keys.seen(p, payload.event.delivery),
                    keys.clock(p),
                ],
                id=thread,
                letter=id,
                entry=encode(entry),
                seen=self._seen,
            )
        )

    async def delete(self, id: str) -> bool:
        """Delete a dead letter permanently. Return False if it does not exist."""
        stored = await self.get(id)
        if stored is None:
            return False
        letter, payload = stored
        p = await self._threads.locate(letter.thread)
        delivery = payload.key if isinstance(payload, Reply) else payload.event.delivery
        return bool(
            await self._threads.scripts.delete_dead_letter(
                [keys.dead_letter_times(p), keys.dead_letters(p), keys.dead_letter_payloads(p), keys.seen(p, delivery)],
                letter=id,
            )
        )


def payload_of(letter: bytes, payload: bytes, id: str) -> Entry | Reply:
    """Return what a replay of the dead letter `id` puts back."""
    return _put_back(decode.letter(letter, id), payload)


def _put_back(letter: DeadLetter, payload: bytes) -> Entry | Reply:
    if letter.kind == "reply":
        return decode.reply(payload, letter.thread, letter.id)
    try:
        return (
            decode.dead_letter_payload(payload, letter.thread)
            if letter.unreadable
            else decode.entry(payload, letter.thread)
        )
    except msgspec.MsgspecError as error:
        return decode.unreadable([payload], letter.thread, str(error))
