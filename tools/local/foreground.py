"""What `answerback ingress --processes` and `answerback worker --processes` run: one group, and the signals to it."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Mapping
from contextlib import suppress

from answerback.log import get_logger
from answerback.settings import Settings

from .group import Group
from .listeners import Listeners

log = get_logger("supervisor")

MARGIN = 5.0
"""Seconds that a process has to end after the grace period of its turns."""


class Foreground:
    """Keeps a group running until a signal asks to stop.

    SIGTERM and SIGINT stop it, the second one at once; SIGHUP replaces its processes one after another.
    """

    def __init__(self, kind: str, processes: int, settings: Settings, environ: Mapping[str, str]) -> None:
        self._settings = settings
        self._listeners = Listeners(settings.host, settings.port, processes) if kind == "web" else None
        port = settings.metrics_port if kind == "web" else settings.worker_metrics_port
        name = "METRICS_PORT" if kind == "web" else "WORKER_METRICS_PORT"
        token = settings.metrics_token.get_secret_value() if settings.metrics_token else ""
        # For systemd: only this process tells it anything.
        self._notify_socket = environ.get("NOTIFY_SOCKET", "")
        self._group = Group(
            kind,
            processes,
            {name: value for name, value in environ.items() if name != "NOTIFY_SOCKET"},
            lambda _, line: log.warning(line),
            output="inherited",
            supervisor="supervisor",
            listeners=self._listeners,
            port=(name, settings.metrics_host or settings.host, port) if port else None,
            token=token,
        )
        self._stop, self._hurry, self._roll = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def run(self) -> None:
        """Run until a signal asks to stop, or all processes were drained. Raises `Failure` if one cannot start."""
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(signum, self._ask)
        loop.add_signal_handler(signal.SIGHUP, self._roll.set)
        tasks: list[asyncio.Task[None]] = []
        try:
            await self._group.start()
            log.info("supervisor started", **self._where())
            tasks = [asyncio.create_task(each) for each in (_wait(self._stop), self._group.until_drained())]
            tasks.append(asyncio.create_task(self._keep_replacing()))
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self._tell("STOPPING=1")
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._group.stop(self._settings.grace + MARGIN, self._hurry)
        log.info("supervisor stopped")

    def _ask(self) -> None:
        (self._hurry if self._stop.is_set() else self._stop).set()

    async def _keep_replacing(self) -> None:
        await self._group.until_ready()
        log.info("all processes are ready", processes=len(self._group.pids), **self._where())
        self._tell("READY=1")
        while True:
            await self._roll.wait()
            self._roll.clear()
            log.info("replacing the processes one after another")
            if why := await self._group.roll():
                log.error("a new process did not get ready; the old ones go on", reason=why)
            else:
                log.info("all processes were replaced")

    def _where(self) -> dict[str, int]:
        return {"port": self._listeners.port} if self._listeners else {}

    def _tell(self, state: str) -> None:
        """Tell systemd, if it asks for that: https://www.freedesktop.org/software/systemd/man/sd_notify.html."""
        path = self._notify_socket
        if not path:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifier:
            notifier.sendto(state.encode(), f"\0{path[1:]}" if path.startswith("@") else path)


async def _wait(event: asyncio.Event) -> None:
    await event.wait()
