"""Inspecting the Redis server: what it is, and whether it can store events durably."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from importlib import resources

import msgspec
from redis.exceptions import NoPermissionError, ResponseError

from answerback.store import permissions
from answerback.store.redis import Database

OLDEST = {"redis": (7, 0), "valkey": (8, 0)}
"""The oldest versions the store is tested with."""

Ask = Callable[[Sequence[tuple[str | bytes | int, ...]]], Awaitable[list[object]]]
"""Sends commands on one connection and returns their responses in order, with errors as values (`ResponseError`)."""


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """What a server reports about itself. A restricted user may see little: unknown values are "" or None.

    Attributes:
        mode: "standalone", "cluster" or "sentinel".
        role: "master" or "replica".
        policy: Its `maxmemory-policy`.
        append_only: Whether it has an append-only file.
        fsync: When that file is written to disk: "always", "everysec", "no".
        user: The name of our user.
        missing: The permissions this user lacks, as `ACL SETUSER` takes them.
    """

    product: str = "redis"
    version: str = ""
    mode: str = ""
    role: str = ""
    policy: str = ""
    append_only: bool | None = None
    fsync: str = ""
    user: str = ""
    missing: str = ""

    def unusable(self) -> list[str]:
        """Return why this server cannot be used at all, each with what to do."""
        if self.mode == "sentinel":
            return ["it is a Sentinel, which stores no data: point REDIS_URL at the master it monitors"]
        problems = []
        if self.mode == "cluster":
            problems.append("it is a Redis Cluster, which is not supported yet: use a server with cluster-enabled no")
        oldest = OLDEST.get(self.product, (0, 0))
        if self.version and _numbers(self.version) < oldest:
            problems.append(f"{self.product} {self.version} is too old: use {'.'.join(map(str, oldest))} or newer")
        if self.role == "replica":
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
        """Return which permissions the user lacks, with the command that grants them."""
        if not self.missing:
            return []
        # A user without permission for ACL WHOAMI does not know its name.
        name, user = (f'user "{self.user}"', self.user) if self.user else ("user", "<user>")
        return [f"its {name} lacks required permissions: run ACL SETUSER {user} {self.missing}"]

    def warnings(self) -> list[str]:
        """Return durability risks, and what could not be checked, each with what to do."""
        if not self.policy or self.append_only is None:
            advice = "grant +info and +config|get, or make sure of maxmemory-policy noeviction and appendonly yes"
            return [f"its user may not run INFO, so its configuration was not checked: {advice}"]
        if not self.append_only:
            return [
                "it has no append-only file: a restart loses everything since its last snapshot. Set appendonly yes"
            ]
        if self.fsync not in ("always", ""):
            return [f"its appendfsync is {self.fsync}: a crash may lose acknowledged events. Set it to always"]
        return []


async def server(database: Database) -> Server:
    """Inspect a database's server. Raises `StoreUnavailable`."""
    async with database.asking() as ask:
        return await inspect(ask)


async def inspect(ask: Ask) -> Server:
    """Inspect the server of a connection. Raises `RedisError` if it cannot respond now."""
    calls = permissions.calls()
    words = [str(word) for call in calls for word in (len(call), *call)]
    hello, general, memory, persistence, replication, fsync, user, allowed = await ask(
        [
            # Permitted for every authenticated user, unlike INFO.
            ("HELLO",),
            # Section by section: Redis accepts several at once only since 7.0, and older ones must be detected.
            ("INFO", "server"),
            ("INFO", "memory"),
            ("INFO", "persistence"),
            ("INFO", "replication"),
            ("CONFIG", "GET", "appendfsync"),  # not permitted on hosted servers
            ("ACL", "WHOAMI"),
            ("EVAL", _probe(), 0, *words),
        ]
    )
    greeting = _greeting(hello)
    facts = _facts(general) | _facts(memory) | _facts(persistence) | _facts(replication)
    product = "valkey" if greeting.get("server") == "valkey" or "valkey_version" in facts else "redis"
    role = greeting.get("role") or facts.get("role", "")
    server = Server(
        product=product,
        # A Valkey may be configured to identify itself as the Redis version it is compatible with.
        version=facts.get(f"{product}_version") or greeting.get("version", ""),
        mode=greeting.get("mode") or facts.get("redis_mode", ""),
        role="replica" if role == "slave" else role,
        policy=facts.get("maxmemory_policy", ""),
        append_only=facts["aof_enabled"] == "1" if "aof_enabled" in facts else None,
        fsync=fsync[1].decode() if isinstance(fsync, list) and len(fsync) == 2 else "",
        user=user.decode() if isinstance(user, bytes) else "",
    )
    if server.unusable():
        return server  # it may not support this kind of script
    return msgspec.structs.replace(server, missing=_missing(allowed))


def _missing(allowed: object) -> str:
    if isinstance(allowed, list):
        return permissions.missing([bool(may) for may in allowed])
    if isinstance(allowed, NoPermissionError) or "unknown command" in str(allowed):
        return permissions.rule()  # without scripts, nothing else can be checked
    assert isinstance(allowed, ResponseError)
    raise allowed


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
