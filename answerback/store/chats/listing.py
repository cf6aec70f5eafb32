"""Lists of chats: by recency, filtered, in pages."""

from __future__ import annotations

from collections.abc import Sequence

from answerback.store import keys
from answerback.store.chats.chat import Chat, ChatPage
from answerback.store.thread_ids import is_chat, workspace_of
from answerback.store.threads.recency import Recency
from answerback.store.threads.search import PAGE, Filter, matching
from answerback.store.threads.threads import Threads
from answerback.store.threads.views import thread_summaries

LOOK = 100_000
"""Maximum number of threads to search for one page, which may then have fewer chats than requested, or none."""


async def page_of(
    threads: Threads,
    workspace: str,
    *,
    user: str | None,
    wanted: Filter,
    platforms: bool,
    cursor: str,
    limit: int,
) -> ChatPage:
    """Return one page. With `platforms`, the platforms' threads are included. Raises `BadCursor`."""
    partitions = await threads.partitions.all()
    names = [keys.threads(p) if platforms else keys.chats(p, workspace, user) for p in partitions]
    recency = Recency(threads.database, names, cursor)
    listed: list[Chat] = []
    looked = 0
    while looked < LOOK:
        # First read only as many as are shown: usually nearly all match.
        ids = await recency.next(min(PAGE if looked else limit + 1, LOOK - looked))
        if not ids:
            return ChatPage(listed, None)
        looked += len(ids)
        matches = await matching(threads, [id for id in ids if _listed(id, workspace)], wanted)
        while matches and len(listed) <= limit:
            next_ids, matches = matches[: limit + 1 - len(listed)], matches[limit + 1 - len(listed) :]
            chats = await _read(threads, workspace, next_ids)
            for id in next_ids:
                chat = chats.get(id)
                if chat and len(listed) == limit:
                    return ChatPage(listed, recency.cursor)
                if chat:
                    listed.append(chat)
                recency.past(id)
        recency.past(ids[-1])
    return ChatPage(listed, recency.cursor)


def _listed(id: str, workspace: str) -> bool:
    return not is_chat(id) or workspace_of(id) == workspace


async def _read(threads: Threads, workspace: str, ids: Sequence[str]) -> dict[str, Chat]:
    """Return those of `ids` that may be listed."""
    chats: dict[str, Chat] = {}
    for p, ids_of_partition in (await threads.partitions.group(ids)).items():
        for chat in await thread_summaries(threads, p, ids_of_partition):
            if chat and not chat[1].get("ephemeral"):
                chats[chat[0].id] = Chat.read(*chat, workspace)
    return chats
