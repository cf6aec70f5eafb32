"""The server behind the store: what it is, and whether events are safe in it."""

from __future__ import annotations

import msgspec
from redis.exceptions import ResponseError

from answerback.errors import ConfigurationError
from answerback.store.connection import Database

OLDEST = {"redis": (7, 0), "valkey": (8, 0)}
"""The oldest versions that the store is tested on."""


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """What a server says of itself.

    policy       what it does when its memory is full (`maxmemory-policy`)
    append_only  whether it keeps an append-only file
    fsync        when that file reaches the disk: "always", "everysec", "no"; "" when it does not tell
    role         "master", or "slave" for a replica
    """

    product: str
    version: str
    policy: str
    append_only: bool
    fsync: str
    role: str

    def errors(self) -> list[str]:
        """Why events would not be safe here, each with what to do."""
        found = []
        oldest = OLDEST.get(self.product, (0, 0))
        if self.version and _numbers(self.version) < oldest:
            found.append(f"{self.product} {self.version} is too old: use {'.'.join(map(str, oldest))} or newer")
        if self.policy != "noeviction":
            found.append(
                f"its maxmemory-policy is {self.policy}: it may throw events away. Set it to noeviction, "
                "or use a Redis that is not a cache"
            )
        if self.role != "master":
            found.append("it is a replica, which cannot store: point REDIS_URL at its master")
        return found

    def warnings(self) -> list[str]:
        """What could be safer here, each with what to do."""
        if not self.append_only:
            return [
                "it keeps no append-only file: a restart loses what came since its last snapshot. Set appendonly yes"
            ]
        if self.fsync not in ("always", ""):
            return [f"its appendfsync is {self.fsync}: a crash may lose acknowledged events. Set it to always"]
        return []


async def server(database: Database) -> Server:
    """Ask it. Raises `StoreUnavailable`."""
    facts: dict[str, str] = {}
    # Section by section: Redis takes several at once only since 7.0, and this is to tell an older one.
    for section in ("server", "memory", "persistence", "replication"):
        found = await _ask(database, "INFO", section)
        facts |= {name: str(value) for name, value in found.items()} if isinstance(found, dict) else {}
    # Hosted servers keep this to themselves.
    fsync = await _ask(database, "CONFIG", "GET", "appendfsync")
    product = "valkey" if "valkey_version" in facts else "redis"
    return Server(
        product=product,
        version=facts.get(f"{product}_version", ""),
        policy=facts.get("maxmemory_policy", "noeviction"),
        append_only=facts.get("aof_enabled", "0") == "1",
        fsync=fsync[1].decode() if isinstance(fsync, list) and len(fsync) == 2 else "",
        role=facts.get("role", "master"),
    )


async def refuse_unsafe(database: Database) -> list[str]:
    """What could be safer in this server. Raises `ConfigurationError` where events would not be safe at all."""
    found = await server(database)
    if errors := found.errors():
        raise ConfigurationError(
            "the Redis at REDIS_URL cannot be used:\n" + "\n".join(f"  {error}" for error in errors)
        )
    return found.warnings()


async def _ask(database: Database, *words: str) -> object:
    try:
        answer: object = await database.call(*words)
    except ResponseError:
        return None
    return answer


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
