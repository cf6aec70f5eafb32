"""Run a process as a child: start it, relay its output, restart it, stop it."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
import time
from asyncio.subprocess import Process as Child
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Literal

from ..exits import Failure

PROCFILE = {"web": "answerback.ingress", "worker": "answerback.worker"}
"""Process name to the module it runs, as in the Procfile."""

FIRST_DELAY, LONGEST_DELAY = 0.5, 30.0
STEADY = 30.0
"""Seconds of uptime after which the restart delay is reset."""

Write = Callable[[str, str], None]


def python(module: str) -> list[str]:
    """Return the command that runs one of our modules, even if the current folder has a file of the same name."""
    return [sys.executable, "-P", "-m", module]


Destination = Literal["relayed", "inherited", "terminal"]
"""Where a child's output goes: to `write`, by line; where the parent's goes; or to the terminal, with its input."""


class Process:
    """A process that is kept running, or with `once` runs once.

    Args:
        write: gets its name and each line of its output, and what happens to it under the name `supervisor`.
        descriptors: open files that it inherits.
        drained: whether a process that ends by itself with status 0 has done what was asked, and is not restarted.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environ: Mapping[str, str],
        write: Write,
        *,
        output: Destination = "relayed",
        once: bool = False,
        descriptors: Sequence[int] = (),
        drained: bool = False,
        supervisor: str = "up",
    ) -> None:
        self.name = name
        self.started = False
        """Set once everything is ready: from then on a process that ends is restarted, before that `up` fails."""
        self.status: int | None = None
        """The status with which it last ended by itself."""
        self._command = command
        self._output = output
        self._once = once
        self._descriptors = descriptors
        self._drained = drained
        self._supervisor = supervisor
        self._environ = environ
        self._write = write
        self._child: Child | None = None
        self._asked = asyncio.Event()

    @property
    def pid(self) -> int:
        """The process id, 0 while it is not running."""
        return self._child.pid if self._child is not None and self._child.returncode is None else 0

    @property
    def ending(self) -> bool:
        """Whether it was asked to stop."""
        return self._asked.is_set()

    async def keep(self) -> None:
        """Run the process until `end` is called. Raises `Failure` if it ends before `started` is set."""
        delay = FIRST_DELAY
        while not self._asked.is_set():
            began = time.monotonic()
            status = await self._live()
            if self._asked.is_set():
                return
            self.status = status
            how = f"was killed by signal {-status}" if status < 0 else f"exited with status {status}"
            if not self.started:
                raise Failure(f"{self.name} {how} before it was ready: see the output above. Everything was stopped.")
            if self._drained and status == 0:
                self._write(self._supervisor, f"{self.name} was drained: it is not restarted")
                return
            if self._once:
                self._write(self._supervisor, f"{self.name} {how}")
                return
            if time.monotonic() - began > STEADY:
                delay = FIRST_DELAY
            self._write(self._supervisor, f"{self.name} {how}; restarting in {delay:g} s")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._asked.wait(), delay)
            delay = min(delay * 2, LONGEST_DELAY)

    def end(self, signum: signal.Signals = signal.SIGTERM) -> None:
        """Ask the process to stop, and do not restart it. `keep` returns when it has ended."""
        self._asked.set()
        if self._child is not None and self._child.returncode is None:
            with suppress(ProcessLookupError):
                self._child.send_signal(signum)

    async def _live(self) -> int:
        if self._output != "relayed":
            child = await self._start(None if self._output == "terminal" else asyncio.subprocess.DEVNULL, None)
            return await child.wait()
        # On a terminal the child gets a pseudo-terminal too, so that it writes its log for people.
        reading, writing = os.openpty() if sys.stdout.isatty() else os.pipe()
        try:
            child = await self._start(asyncio.subprocess.DEVNULL, writing)
        finally:
            os.close(writing)
        relay = asyncio.create_task(self._relay(reading))
        status = await child.wait()
        # A grandchild may keep the output open: do not wait for its end.
        await asyncio.wait([relay], timeout=0.5)
        relay.cancel()
        await asyncio.gather(relay, return_exceptions=True)
        return status

    async def _start(self, stdin: int | None, output: int | None) -> Child:
        self._child = child = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=stdin,
            stdout=output,
            stderr=output,
            env=self._environ,
            pass_fds=self._descriptors,
            # Ctrl-C reaches only this process, which stops its children in order.
            start_new_session=True,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,
        )
        if self._asked.is_set():
            self.end()
        return child

    async def _relay(self, descriptor: int) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
        )
        rest = b""
        try:
            with suppress(OSError):  # a pseudo-terminal raises it when its other end is closed
                while chunk := await reader.read(65_536):
                    *lines, rest = (rest + chunk).split(b"\n")
                    if len(rest) > 1_048_576:
                        lines, rest = [*lines, rest], b""
                    for line in lines:
                        self._write(self.name, line.decode(errors="replace").rstrip("\r"))
            if rest:
                self._write(self.name, rest.decode(errors="replace").rstrip("\r"))
        finally:
            transport.close()


_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def _die_with_parent() -> None:
    # When its parent is killed with SIGKILL, nothing else would stop its children.
    if _libc is not None:
        _libc.prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
