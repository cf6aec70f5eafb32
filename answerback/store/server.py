"""The server behind the store: what it is, and whether the promise can hold on it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from importlib import resources

import msgspec
from redis.exceptions import NoPermissionError, ResponseError

from answerback.store import permissions
from answerback.store.redis import Database

OLDEST = {"redis": (7, 0), "valkey": (8, 0)}
"""The oldest versions that the store is tested on."""

Ask = Callable[[Sequence[tuple[str | bytes | int, ...]]], Awaitable[list[object]]]
"""Sends commands on one connection; their answers, in order, with errors as values (`ResponseError`)."""


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """What a server says of itself. A user with few permissions is told little: what is not known is "" or None.

    mode         "standalone", "cluster" or "sentinel"
    role         "master" or "replica"
    policy       what it does when its memory is full (`maxmemory-policy`)
    append_only  whether it keeps an append-only file
    fsync        when that file reaches the disk: "always", "everysec", "no"
    user         the name we are logged in by
    missing      what this user's rule lacks, as `ACL SETUSER` takes it
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
        """Why this server cannot be used whatever is stored on it, each with what to do."""
        if self.mode == "sentinel":
            return ["it is a Sentinel, which stores nothing: point REDIS_URL at the master that it watches"]
        found = []
        if self.mode == "cluster":
            found.append("it runs as a Redis Cluster, which is not supported yet: use one with cluster-enabled no")
        oldest = OLDEST.get(self.product, (0, 0))
        if self.version and _numbers(self.version) < oldest:
            found.append(f"{self.product} {self.version} is too old: use {'.'.join(map(str, oldest))} or newer")
        if self.role == "replica":
            found.append("it is a replica, which cannot store: point REDIS_URL at its master")
        return found

    def errors(self) -> list[str]:
        """Why events would not be safe here, each with what to do. Other settings, or another server, are needed."""
        found = self.unusable()
        if self.policy not in ("noeviction", ""):
            found.append(
                f"its maxmemory-policy is {self.policy}: it may throw events away. Set it to noeviction, "
                "or use a Redis that is not a cache"
            )
        return found

    def refused(self) -> list[str]:
        """What its user may not do and must, with the command that allows it."""
        if not self.missing:
            return []
        # Who may not ask for it is not told what it is called.
        name, user = (f'user "{self.user}"', self.user) if self.user else ("user", "<user>")
        return [f"its {name} lacks permissions that we need: run ACL SETUSER {user} {self.missing}"]

    def warnings(self) -> list[str]:
        """What could be safer here, or cannot be seen, each with what to do."""
        if not self.policy or self.append_only is None:
            advice = "allow +info and +config|get, or see to maxmemory-policy noeviction and appendonly yes yourself"
            return [f"its user may not run INFO, so nobody looked at how it is set up: {advice}"]
        if not self.append_only:
            return [
                "it keeps no append-only file: a restart loses what came since its last snapshot. Set appendonly yes"
            ]
        if self.fsync not in ("always", ""):
            return [f"its appendfsync is {self.fsync}: a crash may lose acknowledged events. Set it to always"]
        return []


async def server(database: Database) -> Server:
    """Find out what a database's server is. Raises `StoreUnavailable`."""
    async with database.asking() as ask:
        return await inspect(ask)


async def inspect(ask: Ask) -> Server:
    """Find out what the server at the other end of a connection is. Raises `RedisError` when it cannot tell now."""
    calls = permissions.calls()
    words = [str(word) for call in calls for word in (len(call), *call)]
    hello, general, memory, persistence, replication, fsync, user, allowed = await ask(
        [
            # Allowed to everyone who has logged in, unlike INFO.
            ("HELLO",),
            # Section by section: Redis takes several at once only since 7.0, and this is to tell an older one.
            ("INFO", "server"),
            ("INFO", "memory"),
            ("INFO", "persistence"),
            ("INFO", "replication"),
            ("CONFIG", "GET", "appendfsync"),  # hosted servers keep this to themselves
            ("ACL", "WHOAMI"),
            ("EVAL", _probe(), 0, *words),
        ]
    )
    greeting = _greeting(hello)
    facts = _facts(general) | _facts(memory) | _facts(persistence) | _facts(replication)
    product = "valkey" if greeting.get("server") == "valkey" or "valkey_version" in facts else "redis"
    role = greeting.get("role") or facts.get("role", "")
    found = Server(
        product=product,
        # A Valkey may be set to introduce itself as the Redis that it is compatible with.
        version=facts.get(f"{product}_version") or greeting.get("version", ""),
        mode=greeting.get("mode") or facts.get("redis_mode", ""),
        role="replica" if role == "slave" else role,
        policy=facts.get("maxmemory_policy", ""),
        append_only=facts["aof_enabled"] == "1" if "aof_enabled" in facts else None,
        fsync=fsync[1].decode() if isinstance(fsync, list) and len(fsync) == 2 else "",
        user=user.decode() if isinstance(user, bytes) else "",
    )
    if found.unusable():
        return found  # it may not even know this kind of script
    return msgspec.structs.replace(found, missing=_missing(allowed))


def _missing(allowed: object) -> str:
    if isinstance(allowed, list):
        return permissions.missing([bool(may) for may in allowed])
    if isinstance(allowed, NoPermissionError) or "unknown command" in str(allowed):
        return permissions.rule()  # without scripts, nothing else can be found out
    assert isinstance(allowed, ResponseError)
    raise allowed


@cache
def _probe() -> bytes:
    return resources.files("answerback.store").joinpath("lua", "probe.lua").read_bytes()


def _greeting(found: object) -> dict[str, str]:
    if not isinstance(found, list | dict):
        return {}
    pairs = found.items() if isinstance(found, dict) else zip(found[::2], found[1::2], strict=False)
    return {name.decode(): value.decode() for name, value in pairs if isinstance(value, bytes)}


def _facts(found: object) -> dict[str, str]:
    if not isinstance(found, bytes):
        return {}
    return dict(line.split(":", 1) for line in found.decode(errors="replace").splitlines() if ":" in line)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
