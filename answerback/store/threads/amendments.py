"""Amendments: an edit or deletion changes a message's event while it waits or before it arrives, then the history."""

from __future__ import annotations

import msgspec

from answerback import edits
from answerback.codec import decoder, encode
from answerback.events import Amendment, Entry, Event, dispatch_id
from answerback.messages import Author
from answerback.store import decode, keys
from answerback.store.keys import Partition
from answerback.store.redis import Database
from answerback.store.scripts import Scripts
from answerback.store.threads.receipt import Receipt

_decode = decoder(Amendment)

DELETED = b"deleted"
"""Stored for a deleted message; an edit is stored as an encoded Amendment."""
GONE = "an edit of a deleted message"
OLDER = "a later edit arrived first"
HISTORY = 500
"""The newest messages of the history, which may be changed."""
REMEMBERED = 3 * 86_400_000
"""ms for which an amendment waits for its message: GitHub redelivers for three days."""


async def amend(
    database: Database, scripts: Scripts, p: Partition, amendment: Amendment
) -> tuple[Receipt, Event | None] | None:
    """Change or remove the waiting events of the amended message.

    Return the receipt and, if no event is waiting, the event that the amendment itself is; None if the thread is, or
    would be, in another partition.
    """
    thread = amendment.thread
    inbox = keys.inbox(p, thread)
    # Stored first: an event that arrives from now on finds it, and one that arrived earlier is in the inbox.
    stored = (
        DELETED
        if amendment.text is None
        else encode(msgspec.structs.replace(amendment, event=_placeholder(amendment), edit=None))
    )
    message = amendment.message.encode(errors="surrogatepass")
    remembered = await scripts.remember(
        [keys.amendments(p, thread), keys.thread(p, thread), inbox, keys.clock(p)],
        message=message,
        amendment=stored,
        kept=REMEMBERED,
        at=amendment.at,
    )
    if remembered == -1:
        return None
    if not remembered:
        return Receipt(dispatch_id(amendment.delivery), thread, "ignored", GONE), None
    if isinstance(remembered, bytes):
        return Receipt(dispatch_id(amendment.delivery), thread, "ignored", OLDER), _event_of_older_edit(
            amendment.event, remembered
        )
    names = [keys.queue(p, "ready"), keys.retrying(p, "ready"), keys.counters(p), keys.thread(p, thread), inbox]
    reason = None
    again = True
    while again:
        again = False
        for raw in await database.call("LRANGE", inbox, 0, -1):
            entry = decode.entry(raw, thread)
            # An entry replayed from the dead letters with finished steps counts as being answered.
            if isinstance(entry, decode.Unreadable) or entry.event.message != amendment.message or entry.journal:
                continue
            match await scripts.amend(names, id=thread, stored=raw, entry=_amended(entry, amendment)):
                case b"amended":
                    reason = "changed a waiting event"
                case b"removed":
                    reason = "removed a waiting event"
                case b"gone":
                    # Amended by another process, or handled, since we read it.
                    again = True
    reason = reason or await _amend_history(database, scripts, p, amendment)
    receipt = Receipt(
        dispatch_id(amendment.delivery),
        thread,
        "accepted" if reason else "ignored",
        reason or "an edit or deletion of a message that is not waiting",
    )
    return receipt, None if reason else amendment.event or amendment.edit


async def _amend_history(database: Database, scripts: Scripts, p: Partition, amendment: Amendment) -> str | None:
    """Change a message that was answered, or overheard: agents read it as people do. Return the reason; None if none.

    While a turn runs, its history stays as it is.
    """
    name, changed = keys.history(p, amendment.thread), False
    for raw in await database.call("LRANGE", name, -HISTORY, -1):
        if not edits.changes_history(message := decode.message(raw), amendment):
            continue
        new = encode(edits.edited_message(message, amendment))
        thread = keys.thread(p, amendment.thread)
        changed = bool(await scripts.amend_history([thread, name], stored=raw, message=new)) or changed
    return "changed the history" if changed else None


def with_edit(event: Event, raw: bytes) -> Event:
    """Return an event with an edit that arrived before it."""
    try:
        return edits.with_edit(event, _decode(raw))
    except msgspec.MsgspecError:
        return event  # written by a newer version


def _event_of_older_edit(event: Event | None, raw: bytes) -> Event | None:
    try:
        return edits.event_of_older_edit(event, _decode(raw))
    except msgspec.MsgspecError:
        return event  # written by a newer version


def _placeholder(amendment: Amendment) -> Event | None:
    """Return a placeholder that records that the edit was an event."""
    event = amendment.event
    return event and Event(delivery=event.delivery, thread="", kind="", text="", author=Author(""))


def _amended(entry: Entry, amendment: Amendment) -> bytes:
    return b"" if amendment.text is None else encode(edits.edited_entry(entry, amendment))
