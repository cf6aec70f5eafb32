"""What `answerback check` finds out about Redis: each server, those that monitor it, and whether it accepts events."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from answerback.errors import AnswerbackError, ConfigurationError, StoreFull, StoreUnavailable
from answerback.settings import Settings

from .finding import Finding, split_problem

if TYPE_CHECKING:
    from answerback.store.redis import Database
    from answerback.store.server import Server

NEARLY_FULL = 0.85
"""Share of maxmemory from which a warning is given: a full server rejects events."""
CLOCKS_APART = 2.0
"""Seconds by which the clock of Redis may differ from ours before a warning."""


async def redis_findings(settings: Settings) -> AsyncIterator[Finding]:
    """Yield what is found. Without REDIS_URL and a running server, check whether `answerback up` can start one."""
    from answerback.redis_address import place
    from answerback.store.embedded import running
    from answerback.store.redis import Database

    url = settings.redis_url or running(settings.data)
    if url is None:
        for finding in _bundled(settings):
            yield finding
        return
    try:
        database = Database(url)
    except (ValueError, ConfigurationError) as error:
        yield Finding("error", "redis", f"REDIS_URL is not valid: {error}")
        return
    try:
        async for finding in _servers(database, place(url), settings.redis_replicas):
            yield finding
    finally:
        await database.close()


def _bundled(settings: Settings) -> list[Finding]:
    from answerback.store.embedded import find_server

    try:
        findings = [Finding("ok", "redis", f"`answerback up` will run {find_server()} on {settings.data.absolute()}")]
    except ConfigurationError as error:
        return [Finding("error", "redis", "REDIS_URL is not set, and no server is installed here", str(error))]
    folder = next(path for path in (settings.data.absolute(), *settings.data.absolute().parents) if path.exists())
    if not os.access(folder, os.W_OK):
        findings.append(
            Finding("error", "redis", f"{folder} cannot be written", "set ANSWERBACK_DATA to another folder")
        )
    return findings


async def _servers(database: Database, where: str, replicas: int) -> AsyncIterator[Finding]:
    from answerback.store.server import inspected

    try:
        for monitor in await database.monitors():
            if monitor.problem:
                yield Finding("warning", "sentinel", f"{monitor.name}: {monitor.problem}", monitor.advice)
            else:
                yield Finding("ok", "sentinel", f"{monitor.name}: {monitor.found}")
        began = time.time() * 1000
        servers = await inspected(database, replicas=replicas)
        ended = time.time() * 1000
    except StoreUnavailable as error:
        reason = str(error).removeprefix("Redis is unavailable: ").rstrip(".")
        advice = "" if "REDIS_URL" in reason else "start it, or correct REDIS_URL"  # it may say what to do
        yield Finding("error", "redis", f"{where}: {reason}", advice)
        return
    if database.kind == "cluster":
        copies = sum(len(server.replicas or ()) for server in servers)
        yield Finding("ok", "redis", f"a Cluster of {len(servers)} primaries and {copies} replicas at {where}")
    unusable = False
    warned: list[str] = []
    for server in servers:
        name = server.name if database.kind != "standalone" else where
        yield Finding("ok", "redis", f"{server.product} {server.version} at {name}{_replicas(server)}")
        for problem in dict.fromkeys((*server.errors(), *server.refused())):
            unusable = True
            yield Finding("error", "redis", *split_problem(_of(server, problem)))
        for problem in server.warnings():
            warned.append(problem)
            yield Finding("warning", "redis", *split_problem(_of(server, problem)))
        for finding in _condition(server, began, ended):
            yield finding
    if unusable:
        return
    if refusal := await _refusal(database):
        yield Finding("error", "redis", *split_problem(refusal))
    elif not warned:
        yield Finding("ok", "redis", "evicts nothing, and writes every acknowledged event to disk")


def _of(server: Server, problem: str) -> str:
    """Return a problem with the name of its server, if there are several."""
    return f"{server.name} {problem}" if server.kind == "cluster" else problem


def _replicas(server: Server) -> str:
    if not server.replicas:
        return ""
    count = len(server.replicas)
    return f", master of {count} replica{'s' if count > 1 else ''}"


def _condition(server: Server, began: float, ended: float) -> Sequence[Finding]:
    """Return what is not a matter of configuration: memory, clock, replicas that lag."""
    findings = []
    name = server.name or "redis"
    if server.used >= 0:
        used = f"{_size(server.used)} of memory in use"
        used += f" at {name}" if server.kind == "cluster" else ""
        if server.limit > 0:
            used += f", of at most {_size(server.limit)}"
        if server.limit > 0 and server.used > NEARLY_FULL * server.limit:
            findings.append(Finding("warning", "redis", f"{name} is nearly full: {used}", "raise its maxmemory"))
        else:
            findings.append(Finding("ok", "redis", used))
    ahead = max(0.0, server.time - ended) or min(0.0, server.time - began)
    if server.time and abs(ahead) > CLOCKS_APART * 1000:
        way = "ahead of" if ahead > 0 else "behind"
        findings.append(
            Finding(
                "warning", "redis", f"the clock of {name} is {abs(ahead) / 1000:.0f} s {way} this machine's",
                "synchronise both with NTP",
            )
        )  # fmt: skip
    for replica in server.lagging():
        state = replica.state if replica.state != "online" else f"silent for {replica.silent} s"
        findings.append(
            Finding(
                "warning", "redis", f"replica {replica.name} of {name} lags: {state}, {_size(replica.behind)} behind",
                "it could not take over without a loss: look at its log, and at the network between the two",
            )
        )  # fmt: skip
    return findings


async def _refusal(database: Database) -> str:
    """Return why the servers refuse writes, "" if they do not."""
    from answerback.store import keys
    from answerback.store.scripts import Scripts

    try:
        await Scripts(database).try_write([keys.probe()])
    except StoreFull as error:
        return f"it refuses writes because it is full ({error}): raise its maxmemory, or free disk space"
    except AnswerbackError as error:
        return f"it refuses writes: {error}"
    return ""


def _size(count: int) -> str:
    for unit in ("B", "KB", "MB"):
        if count < 1024:
            return f"{count} {unit}"
        count //= 1024
    return f"{count} GB" if count < 10_000 else f"{count:,} GB"
