"""What is left of a former layout when all of its threads have been moved: records of deliveries, and counters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from answerback.store import keys
from answerback.store.keys import Partition
from answerback.store.partitions import Layout
from answerback.store.redis import Database, Value
from answerback.store.scripts import Scripts

PAGE = 500
"""Records of deliveries that are copied at a time."""


class Leftovers:
    """Each method may be repeated, also by another process."""

    def __init__(self, database: Database, scripts: Scripts) -> None:
        self._database = database
        self._scripts = scripts

    async def copy_deliveries(self, former: Layout, current: Layout) -> None:
        """Copy what the former partitions record about deliveries, and delete it there."""
        tags = {f"ab:{{{p}}}:seen": p for p in former.partitions}
        batches: defaultdict[Partition, list[str]] = defaultdict(list)
        async for name in self._database.scan("ab:{*}:seen:*"):
            prefix, _, delivery = name.partition(":seen:")
            if (p := tags.get(f"{prefix}:seen")) is None:
                continue
            batches[p].append(delivery)
            if len(batches[p]) == PAGE:
                await self._copy_some_deliveries(p, batches.pop(p), current)
        for p, deliveries in batches.items():
            await self._copy_some_deliveries(p, deliveries, current)

    async def _copy_some_deliveries(self, p: Partition, deliveries: Sequence[str], current: Layout) -> None:
        names = [keys.seen(p, delivery) for delivery in deliveries]
        values = await self._database.together(*(("GET", name) for name in names), *(("PTTL", name) for name in names))
        copies: defaultdict[Partition, list[tuple[Value, ...]]] = defaultdict(list)
        for delivery, state, left in zip(deliveries, values[: len(names)], values[len(names) :], strict=True):
            # Older versions did not record the thread.
            thread = (state or b"").partition(b" ")[2].partition(b"\n")[0].decode(errors="surrogatepass")
            for target in (current.of(thread),) if thread else current.partitions:
                if state is not None and left > 0:
                    copies[target].append(("SET", keys.seen(target, delivery), state, "PX", left, "NX"))
        for target, commands in copies.items():
            await self._database.together(*commands)
            # The originals may be on another server: only delete them when replicas have the copies, too.
            await self._scripts.copied([keys.seen(target, "")])
        await self._database.call("DEL", *names)

    async def give_up(self, p: Partition, current: Layout) -> None:
        """Add up the counters of a former partition, and delete what is left of it."""
        counters = await self._database.call("HGETALL", keys.counters(p))
        counted: list[Value] = []
        for name, value in counters.items():
            if name != b"fence" and not name.startswith(b"from "):
                counted += (name, value)
        first = current.partitions[0]
        await self._scripts.add_counters([keys.counters(first)], origin=str(p), counted=counted)
        await self._database.call(
            "DEL",
            *(keys.counters(p), keys.own_identities(p), keys.moved(p), keys.file_sizes(p)),
            *(keys.wake(p, "ready"), keys.wake(p, "due"), keys.versions(p), keys.parked(p)),
            *(keys.paused(p, "ready"), keys.paused(p, "due")),
        )
