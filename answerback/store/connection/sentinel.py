"""Sentinels: which server is the master now, and connections that follow it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.sentinel import MasterNotFoundError, Sentinel, SentinelConnectionPool
from redis.exceptions import AuthenticationError, RedisError

from answerback.redis_address import Address
from answerback.store.connection.topology import Monitor

PATIENCE = 1.0
"""Seconds that a Sentinel may take to respond."""


class Sentinels(Sentinel):
    """The Sentinels that REDIS_URL names."""

    def __init__(self, address: Address, options: dict[str, Any]) -> None:
        # A call that has to find the master first must have time left for itself.
        self._limit = limit = min(PATIENCE, options["socket_connect_timeout"] / 2)
        asked: dict[str, Any] = {"socket_timeout": limit, "socket_connect_timeout": limit, **address.sentinel}
        if address.tls:
            asked["ssl"] = True
        super().__init__(address.hosts, sentinel_kwargs=asked)  # type: ignore[no-untyped-call]

    async def discover_master(self, service_name: str) -> tuple[str, int]:
        """Return the address of the master. Raises `MasterNotFoundError`, with the reason and what to do.

        The answers of a majority decide, since one that was cut off may still name a former master; if fewer respond in
        time, theirs do.
        """
        names: set[str] = set()
        errors: list[BaseException] = []
        states: list[dict[str, Any]] = []
        majority = len(self.sentinels) // 2 + 1
        asking = [asyncio.ensure_future(self._masters(sentinel)) for sentinel in self.sentinels]
        try:
            for answer in asyncio.as_completed(asking):
                try:
                    masters = await answer
                except (RedisError, OSError, TimeoutError) as error:
                    errors.append(error)
                    continue
                names.update(masters)
                if service_name in masters:
                    states.append(masters[service_name])
                if len(states) == majority:
                    break
        finally:
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
        good = [state for state in states if self.check_master_state(state, service_name)]
        if good:
            newest = max(good, key=lambda state: int(state.get("config-epoch", 0)))
            return newest["ip"], newest["port"]
        raise MasterNotFoundError(self._reason(service_name, sorted(names), bool(states), errors))

    async def _masters(self, sentinel: Redis) -> dict[str, dict[str, Any]]:
        async with asyncio.timeout(self._limit):
            masters: dict[str, dict[str, Any]] = await sentinel.sentinel_masters()  # type: ignore[no-untyped-call]
            return masters

    def _reason(self, name: str, known: list[str], found: bool, errors: list[BaseException]) -> str:
        places = [sentinel.connection_pool.connection_kwargs for sentinel in self.sentinels]
        hosts = ", ".join(f"{place['host']}:{place['port']}" for place in places)
        if found:
            return (
                f'the Sentinels say that the master "{name}" is down: a failover is under way, or too few of them '
                f"agree to begin one (run SENTINEL CKQUORUM {name} on one of them)"
            )
        if known:
            return f'the Sentinels monitor no master "{name}", but {", ".join(known)}: correct the name in REDIS_URL'
        if refused := next((error for error in errors if isinstance(error, AuthenticationError)), None):
            return (
                f"the Sentinels at {hosts} reject the user or password ({refused}): "
                "set sentinel_username= and sentinel_password= in REDIS_URL"
            )
        if not errors:
            return f"the Sentinels at {hosts} monitor no master: configure them with sentinel monitor {name}"
        reason = str(errors[-1]).rstrip(".") or "no response in time"
        return f"none of the Sentinels at {hosts} responds ({reason}): start them, or correct REDIS_URL"

    async def monitors(self, name: str) -> list[Monitor]:
        """Return what each Sentinel reports about a master."""
        return [await self._monitor(sentinel, name) for sentinel in self.sentinels]

    async def _monitor(self, sentinel: Redis, name: str) -> Monitor:
        place = "{host}:{port}".format(**sentinel.connection_pool.connection_kwargs)
        try:
            state = (await self._masters(sentinel)).get(name)
        except (RedisError, OSError, TimeoutError) as error:
            return Monitor(place, problem=f"it does not respond ({error})", advice="start it, or correct REDIS_URL")
        if state is None:
            problem, advice = f'it monitors no master "{name}"', f"run SENTINEL MONITOR {name} on it"
            return Monitor(place, problem=problem, advice=advice)
        if not self.check_master_state(state, name):
            problem, advice = f'it considers the master "{name}" down', "start it, or wait for the failover"
            return Monitor(place, problem=problem, advice=advice)
        others, quorum = state["num-other-sentinels"], state["quorum"]
        if others + 1 < max(quorum, others // 2 + 1):
            problem = f"it knows {others} others, and {quorum} must agree for a failover"
            return Monitor(place, problem=problem, advice="start more Sentinels")
        description = f"master {state['ip']}:{state['port']}, {state['num-slaves']} replicas, {others} other Sentinels"
        return Monitor(place, found=description)

    async def close(self) -> None:
        """Close the connections to the Sentinels."""
        for sentinel in self.sentinels:
            await sentinel.aclose(close_connection_pool=True)


class MasterPool(SentinelConnectionPool):
    """Connections to the current master. `on_move(address)` is awaited when it is another one than before."""

    def __init__(
        self, name: str, sentinels: Sentinels, on_move: Callable[[tuple[str, int]], Awaitable[None]], **options: Any
    ) -> None:
        super().__init__(name, sentinels, **options)  # type: ignore[no-untyped-call]
        self._on_move = on_move

    async def get_master_address(self) -> tuple[str, int]:
        """Ask the Sentinels, and leave a former master."""
        before = self.master_address
        address: tuple[str, int] = await self.sentinel_manager.discover_master(self.service_name)
        self.master_address = address
        if before is not None and before != address:
            await self._on_move(address)
        return address

    async def leave_all_but(self, address: tuple[str, int]) -> None:
        """Close all connections to other servers."""
        self.master_address = address
        connections: list[Any] = [*self._available_connections, *self._in_use_connections]
        for connection in connections:
            if connection.is_connected and (connection.host, int(connection.port)) != address:
                await connection.disconnect(nowait=True)
