"""The messages of a chat: in pages, or as a snapshot to follow it from."""

from __future__ import annotations

from answerback.store import decode, keys
from answerback.store.chats.chat import Chat, ChatSnapshot, MessagePage
from answerback.store.cursors import cursor_of, place_of
from answerback.store.stream.stored_events import finished
from answerback.store.threads.threads import Threads
from answerback.store.threads.turn_ends import merged

HISTORY = 2000
"""Maximum number of messages in a snapshot of a chat: the newest ones."""


async def page_of_messages(threads: Threads, chat: Chat, *, cursor: str, limit: int) -> MessagePage:
    """Return a page of messages, oldest first, and with the last page the waiting events. Raises `BadCursor`."""
    start = max(0, place_of(cursor, tuple[int])[0]) if cursor else 0
    p, thread = await threads.locate(chat.thread), chat.thread
    history, inbox = await threads.database.together(
        ("LRANGE", keys.history(p, thread), start, start + limit),
        ("LRANGE", keys.inbox(p, thread), 0, HISTORY - 1),
    )
    more = len(history) > limit
    messages, waiting = merged(
        [decode.message(raw) for raw in history[:limit]], [decode.entry(raw, thread) for raw in inbox]
    )
    return MessagePage(messages, cursor_of(start + limit)) if more else MessagePage(messages, None, waiting)


async def snapshot_of(threads: Threads, chat: Chat) -> ChatSnapshot:
    """Return a chat with its newest messages and its waiting events."""
    p, thread = await threads.locate(chat.thread), chat.thread
    # The stream position is read first: a turn may then be shown twice, but none is left out.
    after = await finished(threads, thread)
    history, length, inbox = await threads.database.together(
        ("LRANGE", keys.history(p, thread), -HISTORY, -1),
        ("LLEN", keys.history(p, thread)),
        ("LRANGE", keys.inbox(p, thread), 0, HISTORY - 1),
    )
    messages, waiting = merged([decode.message(raw) for raw in history], [decode.entry(raw, thread) for raw in inbox])
    return ChatSnapshot(chat=chat, messages=messages, earlier=length - len(history), waiting=waiting, after=after)
