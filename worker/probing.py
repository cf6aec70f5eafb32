"""Probes registered remote agents, so that it is known which of them can be reached. One worker probes each."""

from __future__ import annotations

import asyncio
import random

from answerback.errors import ForbiddenAddress, StoreFull, StoreUnavailable, Unavailable
from answerback.http.untrusted import UntrustedHttp
from answerback.log import get_logger
from answerback.store.fleet.reachability import Probe, Probes, Reachability
from answerback.store.fleet.remote_agents import SHOWN_AS_GONE, RemoteAgent, RemoteAgents
from answerback.store.redis import Database

from .backoff import Backoff

log = get_logger(__name__)

POLL = 1.0
"""Seconds between two looks at the schedule, with jitter from half of it up."""
AT_ONCE = 16
"""Maximum number of probes at the same time."""
TIMEOUT = 5.0
"""Seconds that a remote agent has to respond to a probe."""
LEASE = 30.0
"""Seconds after which another worker repeats a probe that has not ended."""
REACHABLE = 15.0
"""Seconds between two probes of a remote agent that responds."""
UNREACHABLE = Backoff(2, 300)
WITHOUT_HEALTH = frozenset({404, 405, 501})
"""Statuses of a server that is there, and does not have the route."""


class Prober:
    """The probes of one worker.

    A probe is `GET {url}/health`. A remote agent need not serve it: a response that says so is one, too.
    """

    def __init__(self, database: Database, http: UntrustedHttp) -> None:
        self._database = database
        self._remotes = RemoteAgents(database)
        self._probes = Probes(database)
        self._http = http

    async def keep(self) -> None:
        """Probe what is due, forever."""
        while True:
            try:
                taken = await self._probes.take(AT_ONCE, lease=LEASE)
                await asyncio.gather(*map(self._run, taken))
            except (StoreUnavailable, StoreFull):
                taken = []  # already logged by the guard
            if len(taken) < AT_ONCE:
                await asyncio.sleep(POLL * random.uniform(0.5, 1))

    async def _run(self, probe: Probe) -> None:
        remote = await self._remotes.get(probe.workspace, probe.agent)
        if remote is None:
            await self._probes.forget(probe.workspace, probe.agent)
            return
        now = await self._database.now()
        if remote.expired(now) and await self._remotes.remove_expired(probe.workspace, remote):
            log.info("remote agent removed: its lease was not renewed", workspace=probe.workspace, agent=probe.agent)
        elif remote.gone(now):
            await self._probes.schedule(*probe, delay=(remote.expires + SHOWN_AS_GONE - now) / 1000)
        else:
            await self._probe(probe, remote)

    async def _probe(self, probe: Probe, remote: RemoteAgent) -> None:
        error = await self._error_of(remote)
        if await self._remotes.get(probe.workspace, probe.agent) is None:
            return
        before = await self._probes.get(probe.workspace, probe.agent)
        if before is None or before.url != remote.url:
            before = Reachability(url=remote.url)
        now = await self._database.now()
        reachability = Reachability(
            url=remote.url,
            checked=now,
            seen=before.seen if error else now,
            error=error,
            failures=before.failures + 1 if error else 0,
        )
        await self._probes.record(probe.workspace, probe.agent, reachability)
        if not before.checked or bool(before.error) != bool(error):
            fields = {"workspace": probe.workspace, "agent": probe.agent}
            if error:
                log.warning("remote agent cannot be reached", error=error, **fields)
            else:
                log.info("remote agent can be reached", **fields)
        delay = UNREACHABLE.after(reachability.failures) if error else REACHABLE * random.uniform(0.9, 1.1)
        if remote.expires:
            # At the end of its lease at the latest: from then on it is not probed.
            delay = min(delay, max(POLL, (remote.expires - now) / 1000))
        await self._probes.schedule(*probe, delay=delay)

    async def _error_of(self, remote: RemoteAgent) -> str:
        """Return why a remote agent cannot be reached; "" if it can."""
        headers = {"Authorization": f"Bearer {remote.bearer_token}"} if remote.bearer_token else {}
        url = f"{remote.url.rstrip('/')}/health"
        try:
            # A message to it follows no redirect, either.
            response = await self._http.request("GET", url, headers=headers, timeout=TIMEOUT, limit=0, redirects=0)
        except (ForbiddenAddress, Unavailable) as error:
            return str(error)
        if 200 <= response.status < 300 or response.status in WITHOUT_HEALTH:
            return ""
        if response.status in (401, 403):
            return f"GET /health responded with status {response.status}: check its bearer token"
        return f"GET /health responded with status {response.status}"
