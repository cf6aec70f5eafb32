"""Chats as a list: by recency, filtered, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence

from answerback.store import keys
from answerback.store.chat import PREFIX, Chat, Page
from answerback.store.index import looked_up
from answerback.store.recency import Recency
from answerback.store.threads import Threads

LOOK = 1000
"""Threads that one page looks at, at most."""
MORE = 200
"""How many at a time, once most of what was looked at is not what was asked for."""


async def page_of(
    threads: Threads,
    workspace: str,
    *,
    user: str | None,
    archived: bool | None,
    pinned: bool | None,
    platforms: bool,
    cursor: str,
    limit: int,
) -> Page:
    """One page. With `platforms`, the threads of the platforms stand between its own. Raises `BadCursor`."""
    names = [keys.threads(p) if platforms else keys.chats(p, workspace, user) for p in range(threads.partitions)]
    recency = Recency(threads.database, names, cursor)
    found: list[Chat] = []
    looked = 0
    while looked < LOOK:
        ids = await recency.next(min(MORE if looked else limit + 1, LOOK - looked))
        if not ids:
            return Page(found, None)
        looked += len(ids)
        chats = await _read(threads, workspace, ids)
        for id in ids:
            chat = chats.get(id)
            if chat and archived in (None, chat.archived) and pinned in (None, chat.pinned):
                if len(found) == limit:
                    return Page(found, recency.cursor)
                found.append(chat)
            recency.past(id)
    return Page(found, recency.cursor)


async def _read(threads: Threads, workspace: str, ids: Sequence[str]) -> dict[str, Chat]:
    """Those of `ids` that a list may show."""
    found: dict[str, Chat] = {}
    own = f"{PREFIX}{workspace}:"
    shown = [id for id in ids if id.startswith(own) or not id.startswith(PREFIX)]
    for p in range(threads.partitions):
        here = [id for id in shown if threads.partition(id) == p]
        for chat in await looked_up(threads, p, here) if here else ():
            if chat and not chat[1].get("ephemeral"):
                found[chat[0].id] = Chat.read(*chat, workspace)
    return found
