"""The pinned turns: those with steps, which go on with the version of the code that took them."""

from __future__ import annotations

from collections import Counter

from answerback.store import keys
from answerback.store.threads.threads import Threads

PAGE = 500
"""Threads that are read at once."""


async def pinned_turns(threads: Threads) -> Counter[str]:
    """Return the number of turns with steps per version, running or waiting. Reads all threads with waiting events."""
    turns: Counter[str] = Counter()
    for p in await threads.partitions.all():
        cursor = b"0"
        while True:
            cursor, members = await threads.database.call("ZSCAN", keys.queue(p, "ready"), cursor, "COUNT", PAGE)
            ids = [id.decode() for id, _ in members]
            looks = [
                command
                for id in ids
                for command in (("EXISTS", keys.journal(p, id)), ("HGET", keys.thread(p, id), "version"))
            ]
            results = await threads.database.together(*looks) if looks else []
            for steps, version in zip(results[::2], results[1::2], strict=True):
                if steps:
                    turns[(version or b"").decode()] += 1
            if int(cursor) == 0:
                break
    return turns
