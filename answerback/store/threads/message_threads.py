"""The threads of messages, by their delivery ids: a reaction names its message, and not the thread."""

from __future__ import annotations

from answerback.store import keys
from answerback.store.threads.threads import Threads


class MessageThreads:
    """Finds threads for as long as delivery ids are kept."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._database = threads.database

    async def record(self, delivery: str, thread: str) -> None:
        """Record the thread of a message of our own. All others are found by the ids that recognise duplicates."""
        await self._database.confirmed(("SET", keys.message_thread(delivery), thread, "PX", self._threads.seen))

    async def find(self, delivery: str, otherwise: str) -> str:
        """Return the thread of a message; `otherwise` if it is unknown.

        Looked for first as one that began the thread `otherwise`.
        """
        first = await self._threads.locate(otherwise)
        stored = await self._database.call("GET", keys.seen(first, delivery))
        if stored is None and (ours := await self._database.call("GET", keys.message_thread(delivery))) is not None:
            return str(ours.decode(errors="surrogatepass"))
        for p in await self._threads.partitions.all():
            if stored is None and p != first:
                stored = await self._database.call("GET", keys.seen(p, delivery))
        # "stored <thread>", or "dead <thread>"
        return (stored or b"").partition(b"\n")[0].decode(errors="surrogatepass").partition(" ")[2] or otherwise
