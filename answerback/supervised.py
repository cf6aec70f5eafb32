"""What a supervisor tells a process that it starts, and how the two ask each other for health and metrics."""

from __future__ import annotations

import os
from collections.abc import MutableMapping, Sequence
from typing import TYPE_CHECKING

import aiohttp
import msgspec

if TYPE_CHECKING:
    from answerback.http.monitor import Collect, Monitor, Ready

VARIABLE = "ANSWERBACK_SUPERVISED"
"""The variable by which a supervisor passes it on. For our own processes only, and no setting."""
TIMEOUT = aiohttp.ClientTimeout(total=5)


class Supervised(msgspec.Struct, frozen=True, omit_defaults=True):
    """One of several processes that serve the same purpose.

    Attributes:
        socket: Path of the Unix socket on which it serves its own health and metrics.
        supervisor: Path of the Unix socket on which the supervisor serves those of all its processes.
        listeners: Descriptors of its listening sockets, inherited from the supervisor.
        others: Those of the other processes. Their owners accept at once; what waits there for longer has no owner.
    """

    socket: str
    supervisor: str
    listeners: Sequence[int] = ()
    others: Sequence[int] = ()

    def environ(self) -> dict[str, str]:
        """Return the variable with which the process is started."""
        return {VARIABLE: msgspec.json.encode(self).decode()}

    def monitor(self, ready: Ready, collect: Collect) -> Monitor:
        """Return the server of this process's own health and metrics, for the supervisor."""
        # Imported here, because a server takes as much time and memory to load as the rest of HTTP.
        from answerback.http.monitor import Metrics, Monitor

        return Monitor(VARIABLE, "", 0, ready, Metrics(collect), path=self.socket)

    async def all_metrics(self) -> bytes:
        """Return the metrics of all processes together, in Prometheus' text format. Raises `OSError`."""
        return await fetch(self.supervisor, "/metrics")


def supervised(environ: MutableMapping[str, str] = os.environ) -> Supervised | None:
    """Return what the supervisor passed to this process, once: it is not for the processes that an agent starts."""
    value = environ.pop(VARIABLE, "")
    return msgspec.json.decode(value, type=Supervised) if value else None


class Refused(OSError):
    """A process answered, and not with a 200."""


async def fetch(socket: str, path: str) -> bytes:
    """GET a path from a process on a Unix socket. Raises `OSError` if it does not answer, `Refused` if not with 200."""
    try:
        async with (
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(socket), timeout=TIMEOUT) as session,
            session.get(f"http://localhost{path}") as response,
        ):
            body = await response.read()
    except aiohttp.ClientError as error:
        raise OSError(f"no answer: {error}") from None
    if response.status != 200:
        raise Refused(msgspec.json.decode(body)["detail"])
    return body
