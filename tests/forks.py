"""Our processes without their second of imports: forked from one that has done them, and real in all else.

Each is `python -m module`, with a folder, an environment and a log of its own, to be signalled and killed as any other.
What is started by its command line (`answerback up`, the CLI, examples) is started so in its own tests.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import runpy
import signal
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

ROOT = Path(__file__).parents[1]

_server = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload(["tests.imports"])


class Fork:
    """A process of ours. Its standard input ends when this process does."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        """Start `python -m` with these words; what it prints goes into `log`."""
        reader, self._lifeline = _server.Pipe(duplex=False)
        self._process = _server.Process(target=_run, args=(command, dict(environment), log, reader), daemon=True)
        self._process.start()
        reader.close()
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs."""
        return self._process.exitcode

    def send_signal(self, signum: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, signum)

    async def wait(self) -> int:
        """Its exit status, when it has ended."""
        while (code := self._process.exitcode) is None:
            await asyncio.sleep(0.01)
        self._lifeline.close()
        return code


def _run(command: Sequence[str], environment: dict[str, str], log: Path, lifeline: Connection) -> None:
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    output = log.open("w", buffering=1)
    for mine, standard in ((lifeline, 0), (output, 1), (output, 2)):
        os.dup2(mine.fileno(), standard)
    sys.stdin, sys.stdout, sys.stderr = open(0, closefd=False), output, output  # noqa: SIM115
    sys.argv[:] = command
    sys.path[:0] = filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))
    runpy.run_module(command[0], run_name="__main__", alter_sys=True)
