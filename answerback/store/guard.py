"""Keeps a process from using Redis servers that cannot guarantee durability, and logs outages."""

from __future__ import annotations

import time
from collections.abc import Collection
from uuid import uuid4

import msgspec

from answerback.errors import ConfigurationError, StoreFull, StoreUnavailable, StoreUnfit
from answerback.log import get_logger
from answerback.redis_address import Kind
from answerback.store import keys
from answerback.store.server import Ask, Server, inspect

log = get_logger(__name__)

STEADY = 1.0
"""Seconds without a failure after which an outage is over: some calls may succeed before."""
REMIND = 60.0
"""Seconds between log lines about a continuing outage."""
REASON = 10.0
"""Seconds between log lines about an outage whose error changes: calls may fail in several ways at once."""
FRESH = 1.0
"""Seconds for which an inspection of the server is valid for other connections opened at the same time."""


class _Inspection(msgspec.Struct):
    """The last inspection of one server: when (s, monotonic), and why it cannot be used ("" if it can)."""

    server: Server
    at: float
    unfit: str = ""


class Guard:
    """One process's view of its Redis servers. A `Database` with a guard inspects the server of every new connection.

    If a server is not usable, every call raises `StoreUnfit` until a later inspection finds it usable again.

    Args:
        partitions: The number of partitions that the store must have when this process first uses it, or gets if it has
            none yet; None: any.

    Attributes:
        kind: How REDIS_URL addresses the servers.
        replicas: How many replicas must confirm a write; see `Database`.
    """

    def __init__(self, partitions: int | None = None) -> None:
        self._partitions = partitions
        self.kind: Kind = "standalone"
        self.replicas = 0
        self._inspections: dict[str, _Inspection] = {}
        self._doubt = ""
        self._store = ""
        self._warned: set[str] = set()
        self._away = 0.0
        self._failed = 0.0
        self._told = 0.0
        self._reason = ""
        self._full = 0.0

    @property
    def unfit(self) -> str:
        """Why the servers cannot be used, for an operator; "" if they can or that is not known yet."""
        return next((each.unfit for each in self._inspections.values() if each.unfit), self._doubt)

    @property
    def servers(self) -> list[Server]:
        """What the last inspections found."""
        return [each.server for each in self._inspections.values()]

    @property
    def syncs(self) -> bool:
        """Whether replicas are to confirm that a write is on disk, as it is on the server when it responds."""
        return bool(self._inspections) and all(
            server.waitaof and server.append_only and server.fsync == "always" for server in self.servers
        )

    @property
    def away(self) -> float:
        """Seconds since Redis became unavailable; 0 while it is available."""
        return time.monotonic() - self._away if self._away else 0.0

    @property
    def fresh(self) -> bool:
        """Whether the last inspections are still valid."""
        return bool(self._inspections) and all(map(self._is_fresh, self._inspections))

    def _is_fresh(self, name: str) -> bool:
        return name in self._inspections and time.monotonic() - self._inspections[name].at < FRESH

    async def meet(self, name: str, ask: Ask) -> None:
        """Inspect the server of a new connection, unless that was just done. Raises `StoreUnfit`."""
        if not self._is_fresh(name):
            await self.inspect(name, ask)
        elif unfit := self._inspections[name].unfit:
            raise StoreUnfit(unfit)

    async def inspect(self, name: str, ask: Ask) -> None:
        """Inspect a server. Raises `StoreUnfit` if it cannot be used."""
        server = await inspect(ask, self.kind, name=name, replicas=self.replicas)
        problems = [*server.errors(), *server.refused()] or await self._other_partitions(ask)
        which = f"the Redis server {name}" if self.kind != "standalone" else "the Redis server at REDIS_URL"
        unfit = f"{which} is not usable: {'; '.join(problems)}" if problems else ""
        before, earlier = self.unfit, self._inspections.get(name)
        if self.kind != "cluster":
            self._inspections.clear()  # there is one, even if it is another one than before
        self._inspections[name] = _Inspection(server, time.monotonic(), unfit)
        self._doubt = ""
        if unfit and unfit != before:
            log.error("Redis server not usable", reason=unfit)
        elif before and not self.unfit:
            log.info("Redis server usable again")
        if unfit:
            raise StoreUnfit(unfit)
        for warning in server.warnings():
            if warning not in self._warned:
                log.warning("Redis durability warning", warning=warning)
        self._warned = {warning for each in self.servers for warning in each.warnings()}
        await self._compare(name, ask, server, earlier.server if earlier else None)

    async def _compare(self, name: str, ask: Ask, server: Server, earlier: Server | None) -> None:
        """Log that a server came back without its data, which nothing else would tell."""
        if self.kind == "cluster":
            restarted = earlier is not None and earlier.run_id != server.run_id
            lost = restarted and earlier is not None and earlier.keys > 0 and server.keys == 0
        else:
            mine = self._store or uuid4().hex
            [former] = await ask([("SET", keys.store_id(), mine, "NX", "GET")])
            if isinstance(former, Exception):
                return  # full, or without its replicas: a later inspection compares
            store = former.decode() if isinstance(former, bytes) else mine
            # A key of ours that is gone was written again: the store is empty, or the key was not replicated in time.
            lost = bool(self._store) and (store != self._store or (former is None and server.keys == 0))
            self._store = store
        if lost:
            log.error(
                "Redis came back without its data",
                server=name,
                advice="if it should have any, stop it and restore its append-only file or a backup; "
                "if REDIS_URL leads to another server by mistake, correct it",
            )

    async def _other_partitions(self, ask: Ask) -> list[str]:
        """Return why the store has another number of partitions than was asked for; once it agrees, any will do."""
        if self._partitions is None:
            return []
        # The first one decides, before there are threads. Of a Cluster, one node has the layout.
        _, recorded = await ask(
            [
                ("HSETNX", keys.layout(), "count", self._partitions),
                ("HMGET", keys.layout(), "count", "former_count"),
            ]
        )
        counts = [int(count) for count in recorded if count is not None] if isinstance(recorded, list) else []
        if not counts:
            return []
        if self._partitions in counts:
            self._partitions = None
            return []
        advice = f"run `answerback partitions set {self._partitions}`, or remove the variable"
        return [f"it has {counts[0]} partitions, and ANSWERBACK_PARTITIONS is {self._partitions}: {advice}"]

    def keep(self, names: Collection[str]) -> None:
        """Forget servers that are not in the Cluster any more, or accept no writes."""
        if self.kind == "cluster":
            for name in self._inspections.keys() - set(names):
                del self._inspections[name]

    def refuse_at_start(self) -> None:
        """Raise `ConfigurationError` if other settings or another server are needed; permissions may be added later."""
        errors = dict.fromkeys(error for server in self.servers for error in server.errors())
        if errors:
            raise ConfigurationError(
                "the Redis server at REDIS_URL is not usable:\n" + "\n".join(f"  {error}" for error in errors)
            )

    def failed(self, error: StoreUnavailable, *, doubtful: bool = False) -> None:
        """Record a failed call. The first failure of an outage is logged, and each new error.

        Args:
            doubtful: The server rejected a call it should have accepted: inspect it before the next call.
        """
        if not self.unfit:
            for each in self._inspections.values():
                each.at = 0.0  # the next connection may reach another server
        if doubtful and not self.unfit:
            self._doubt = str(error)
        now = self._failed = time.monotonic()
        self._away = self._away or now
        reason = str(error)
        if isinstance(error, StoreUnfit):
            return  # logged by `inspect`
        if not self._told or now - self._told > (REMIND if reason == self._reason else REASON):
            log.warning("Redis unavailable", error=reason, seconds=round(now - self._away, 1))
            self._reason, self._told = reason, now

    def full(self, error: StoreFull) -> None:
        """Record a call rejected because Redis is full, logged once a minute."""
        now = time.monotonic()
        if not self._full or now - self._full > REMIND:
            log.error("Redis is full and rejects writes", error=str(error))
            self._full = now

    def answered(self) -> None:
        """Record a successful call."""
        if self._away and time.monotonic() - self._failed > STEADY:
            if self._told:
                log.info("Redis available again", seconds=round(self._failed - self._away, 1))
            self._away = self._told = 0.0
            self._reason = ""
