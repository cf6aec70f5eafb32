"""Inspecting a Redis server: what it is, and whether it can store events durably."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from importlib import resources

import msgspec
from redis.exceptions import NoPermissionError, ResponseError

from answerback.redis_address import Kind
from answerback.store import permissions
from answerback.store.redis import Database

OLDEST = {"redis": (7, 0), "valkey": (8, 0)}
"""The oldest versions the store is tested with."""

Ask = Callable[[Sequence[tuple[str | bytes | int, ...]]], Awaitable[list[object]]]
"""Sends commands on one connection and returns their responses in order, with errors as values (`ResponseError`)."""

_SLOW = 10
"""Seconds without a sign of life after which a replica counts as lagging."""


class Replica(msgspec.Struct, frozen=True):
    """A replica, as its master sees it.

    Attributes:
        state: "online", or what it still waits for.
        behind: Bytes of the replication stream that it has not confirmed.
        silent: Seconds since it last confirmed any.
    """

    name: str
    state: str
    behind: int
    silent: int


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """What a server reports about itself. A restricted user may see little: unknown values are "", None or -1.

    Attributes:
        kind: How REDIS_URL addresses it.
        name: Its host and port, or its socket.
        mode: "standalone", "cluster" or "sentinel".
        role: "master" or "replica".
        policy: Its `maxmemory-policy`.
        append_only: Whether it has an append-only file.
        fsync: When that file is written to disk: "always", "everysec", "no".
        user: The name of our user.
        missing: The permissions this user lacks, as `ACL SETUSER` takes them.
        unknown: Required commands that the server does not know.
        run_id: Another one after each start.
        keys: How many keys it holds.
        used, limit: Bytes of memory in use, and the most it may use (0: no limit).
        time: Its clock, ms.
        waitaof: Whether we may use WAITAOF.
        confirming: How many replicas must confirm a write.
        replicas: Its replicas; None if they are not known.
    """

    kind: Kind = "standalone"
    name: str = ""
    product: str = "redis"
    version: str = ""
    mode: str = ""
    role: str = ""
    policy: str = ""
    append_only: bool | None = None
    fsync: str = ""
    user: str = ""
    missing: str = ""
    unknown: tuple[str, ...] = ()
    run_id: str = ""
    keys: int = -1
    used: int = -1
    limit: int = -1
    time: int = 0
    waitaof: bool = False
    confirming: int = 0
    replicas: tuple[Replica, ...] | None = None

    def unusable(self) -> list[str]:
        """Return why this server cannot be used at all, each with what to do."""
        if self.mode == "sentinel":
            return ["it is a Sentinel, which stores no data: use redis+sentinel://host:26379/mymaster in REDIS_URL"]
        problems = []
        if self.mode == "cluster" and self.kind != "cluster":
            problems.append("it is a node of a Redis Cluster: use redis+cluster:// in REDIS_URL")
        if self.mode == "standalone" and self.kind == "cluster":
            problems.append("it is not a node of a Redis Cluster: use redis:// in REDIS_URL")
        oldest = OLDEST.get(self.product, (0, 0))
        if self.version and _numbers(self.version) < oldest:
            problems.append(f"{self.product} {self.version} is too old: use {'.'.join(map(str, oldest))} or newer")
        if self.role == "replica" and self.kind == "standalone":
            problems.append("it is a replica, which is read-only: point REDIS_URL at its master")
        return problems

    def errors(self) -> list[str]:
        """Return why events would not be safe here, each with what to do: other settings or another server."""
        problems = self.unusable()
        if self.policy not in ("noeviction", ""):
            problems.append(
                f"its maxmemory-policy is {self.policy}: it may evict events. Set it to noeviction, "
                "or use a Redis that is not a cache"
            )
        return problems

    def refused(self) -> list[str]:
        """Return which commands the user lacks, with the command that grants them, and which the server lacks."""
        problems = []
        if self.unknown:
            names = ", ".join(self.unknown)
            problems.append(f"it does not know {names}: remove rename-command for these from its configuration")
        if self.missing:
            # A user without permission for ACL WHOAMI does not know its name.
            name, user = (f'user "{self.user}"', self.user) if self.user else ("user", "<user>")
            problems.append(f"its {name} lacks required permissions: run ACL SETUSER {user} {self.missing}")
        return problems

    def warnings(self) -> list[str]:
        """Return durability risks, and what could not be checked, each with what to do."""
        warnings = []
        if not self.policy or self.append_only is None:
            advice = "grant +info and +config|get, or make sure of maxmemory-policy noeviction and appendonly yes"
            return [f"its user may not run INFO, so its configuration was not checked: {advice}"]
        if not self.append_only:
            warnings.append(
                "it has no append-only file: a restart loses everything since its last snapshot. Set appendonly yes"
            )
        elif self.fsync not in ("always", ""):
            warnings.append(f"its appendfsync is {self.fsync}: a crash may lose acknowledged events. Set it to always")
        online = [each for each in self.replicas or () if each.state == "online"]
        if self.replicas is not None and len(online) < self.confirming:
            warnings.append(
                f"REDIS_REPLICAS is {self.confirming}, but {len(online)} replicas are connected: events are refused "
                "until there are enough. Start the missing replicas"
            )
        if 0 < self.confirming < len(online):
            warnings.append(
                f"REDIS_REPLICAS is {self.confirming}, but {len(online)} replicas are connected: one that has not "
                f"confirmed an event could become the master. Set it to {len(online)}"
            )
        return warnings

    def lagging(self) -> list[Replica]:
        """Return the replicas that could not take over without a loss."""
        return [each for each in self.replicas or () if each.state != "online" or each.silent > _SLOW]


async def inspected(database: Database, *, replicas: int = 0) -> list[Server]:
    """Inspect the servers of a database that accept writes. Raises `StoreUnavailable`.

    Args:
        replicas: How many replicas must confirm a write.
    """
    servers = []
    for node in await database.nodes():
        async with database.connection(node) as connection:
            servers.append(await inspect(connection.ask, database.kind, name=connection.name, replicas=replicas))
    return servers


async def inspect(ask: Ask, kind: Kind = "standalone", *, name: str = "", replicas: int = 0) -> Server:
    """Inspect the server of a connection. Raises `RedisError` if it cannot respond now.

    Args:
        replicas: How many replicas must confirm a write.
    """
    calls = permissions.calls(kind, replicas)
    words = [str(word) for call in (*calls, permissions.WAITAOF) for word in (len(call), *call)]
    hello, general, memory, persistence, replication, keyspace, fsync, user, time, allowed = await ask(
        [
            # Permitted for every authenticated user, unlike INFO.
            ("HELLO",),
            # Section by section: Redis accepts several at once only since 7.0, and older ones must be detected.
            ("INFO", "server"),
            ("INFO", "memory"),
            ("INFO", "persistence"),
            ("INFO", "replication"),
            ("INFO", "keyspace"),
            ("CONFIG", "GET", "appendfsync"),  # not permitted on hosted servers
            ("ACL", "WHOAMI"),
            ("TIME",),
            ("EVAL", _probe(), 0, *words),
        ]
    )
    greeting = _greeting(hello)
    facts = _facts(general) | _facts(memory) | _facts(persistence) | _facts(replication)
    product = "valkey" if greeting.get("server") == "valkey" or "valkey_version" in facts else "redis"
    role = greeting.get("role") or facts.get("role", "")
    server = Server(
        kind=kind,
        name=name,
        product=product,
        # A Valkey may be configured to identify itself as the Redis version it is compatible with.
        version=facts.get(f"{product}_version") or greeting.get("version", ""),
        mode=greeting.get("mode") or facts.get("redis_mode", ""),
        role="replica" if role == "slave" else role,
        policy=facts.get("maxmemory_policy", ""),
        append_only=facts["aof_enabled"] == "1" if "aof_enabled" in facts else None,
        fsync=fsync[1].decode() if isinstance(fsync, list) and len(fsync) == 2 else "",
        user=user.decode() if isinstance(user, bytes) else "",
        run_id=facts.get("run_id", ""),
        keys=sum(_keys(line) for line in _facts(keyspace).values()) if isinstance(keyspace, bytes) else -1,
        used=int(facts.get("used_memory", -1)),
        limit=int(facts.get("maxmemory", -1)),
        time=int(time[0]) * 1000 + int(time[1]) // 1000 if isinstance(time, list) else 0,
        confirming=replicas,
        replicas=_replicas(facts) if "role" in facts else None,
    )
    if server.unusable():
        return server  # it may not support this kind of script
    return _with_permissions(server, calls, allowed)


def _with_permissions(server: Server, calls: list[tuple[str, ...]], allowed: object) -> Server:
    if isinstance(allowed, list):
        *permitted, waitaof = allowed
        return msgspec.structs.replace(
            server,
            missing=permissions.missing(calls, [may != 0 for may in permitted]),
            unknown=tuple(dict.fromkeys(call[0] for call, may in zip(calls, permitted, strict=True) if may == 2)),
            waitaof=waitaof == 1,
        )
    if isinstance(allowed, NoPermissionError):
        return msgspec.structs.replace(server, missing=permissions.rule())  # nothing else can be checked
    assert isinstance(allowed, ResponseError)
    if "unknown command" in str(allowed):
        return msgspec.structs.replace(server, unknown=("EVAL",))
    raise allowed


def _replicas(facts: dict[str, str]) -> tuple[Replica, ...]:
    """Return the replicas in INFO replication: slave0:ip=…,port=…,state=online,offset=…,lag=…"""
    replicas = []
    for number in range(int(facts.get("connected_slaves", 0))):
        fields = dict(pair.split("=", 1) for pair in facts.get(f"slave{number}", "").split(",") if "=" in pair)
        replicas.append(
            Replica(
                f"{fields.get('ip', '?')}:{fields.get('port', '?')}",
                fields.get("state", ""),
                max(0, int(facts.get("master_repl_offset", 0)) - int(fields.get("offset", 0))),
                int(fields.get("lag", 0)),
            )
        )
    return tuple(replicas)


def _keys(line: str) -> int:
    # keys=3,expires=1,avg_ttl=0
    return int(line.partition("keys=")[2].partition(",")[0] or 0)


@cache
def _probe() -> bytes:
    return resources.files("answerback.store").joinpath("lua", "probe.lua").read_bytes()


def _greeting(reply: object) -> dict[str, str]:
    if not isinstance(reply, list | dict):
        return {}
    pairs = reply.items() if isinstance(reply, dict) else zip(reply[::2], reply[1::2], strict=False)
    return {name.decode(): value.decode() for name, value in pairs if isinstance(value, bytes)}


def _facts(reply: object) -> dict[str, str]:
    if not isinstance(reply, bytes):
        return {}
    return dict(line.split(":", 1) for line in reply.decode(errors="replace").splitlines() if ":" in line)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
