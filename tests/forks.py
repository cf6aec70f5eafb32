"""Our processes without their second of imports: forked from one that has done them, and real in all else.

Each is `python -m module`, with a folder, an environment and a log of its own, to be signalled and killed as any other.
What people start themselves (`answerback up`) is started as they do.
"""

from __future__ import annotations

import asyncio
import multiprocessing.forkserver
import os
import runpy
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

ROOT = Path(__file__).parents[1]

_ADDRESS, _KEY = "TESTS_FORK_SERVER", "TESTS_FORK_SERVER_KEY"

_server = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload(["tests.imports"])
_own = multiprocessing.forkserver._forkserver
if _ADDRESS in os.environ:
    # Another process has one for us: see `share`.
    vars(_own).update(
        ensure_running=lambda: None,
        _forkserver_address=os.environ[_ADDRESS],
        _forkserver_authkey=bytes.fromhex(os.environ[_KEY]),
        _forkserver_alive_fd=os.open(os.devnull, os.O_RDONLY),
    )


def share() -> None:
    """Let all processes that this one starts from now on have their forks from one, which ends with this one.

    To import all of ours takes 3 s of CPU, and four processes run tests.
    """
    _own.ensure_running()
    state = vars(_own)
    # Python 3.14 and newer have a key.
    os.environ |= {_ADDRESS: state["_forkserver_address"], _KEY: (state.get("_forkserver_authkey") or b"").hex()}


class Fork:
    """A process of ours. Its standard input ends when this process does, or with the `words` that it is given."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        *,
        errors: Path | None = None,
        folder: Path = ROOT,
        words: bytes | None = None,
    ) -> None:
        """Start `python -m` with this command in a folder; what it prints goes into `log`, or its errors elsewhere."""
        reader, self._lifeline = _server.Pipe(duplex=False)
        args = (command, dict(environment), folder, log, errors or log, reader)
        self._process = _server.Process(target=_run, args=args, daemon=True)
        self._process.start()
        reader.close()
        assert self._process.pid is not None
        self.pid = self._process.pid
        if words is not None:
            os.write(self._lifeline.fileno(), words)
            self._lifeline.close()

    @property
    def returncode(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs."""
        return self._process.exitcode

    def send_signal(self, signum: int) -> None:
        """Send it a signal."""
        # It may have ended a moment ago: its exit status comes by way of the process that forked it.
        with suppress(ProcessLookupError):
            os.kill(self.pid, signum)

    async def wait(self) -> int:
        """Its exit status, when it has ended."""
        while (code := self._process.exitcode) is None:
            await asyncio.sleep(0.01)
        self._lifeline.close()
        return code

    def join(self, within: float) -> int:
        """The same for those who have nothing else to do; killed, and an AssertionError, if it does not end."""
        self._process.join(within)
        if self._process.exitcode is None:
            self._process.kill()
            raise AssertionError(f"it did not end within {within:g} s")
        return self._process.exitcode


def _run(
    command: Sequence[str], environment: dict[str, str], folder: Path, log: Path, errors: Path, lifeline: Connection
) -> None:
    os.chdir(folder)
    output = log.open("a", buffering=1)
    other = output if errors == log else errors.open("a", buffering=1)
    sys.path.insert(0, str(folder))
    become(command, environment, lifeline.fileno(), output.fileno(), other.fileno())


def become(command: Sequence[str], environment: Mapping[str, str], *descriptors: int) -> None:
    """Be `python -m` with this command in this process, which was forked for it. Its standard streams are given."""
    os.environ.clear()
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for standard, given in enumerate(descriptors):
        os.dup2(given, standard)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout, sys.stderr = (open(standard, "w", buffering=1, closefd=False) for standard in (1, 2))  # noqa: SIM115
    sys.argv[:] = command
    places = [place for place in environment.get("PYTHONPATH", "").split(os.pathsep) if place]
    sys.path[:0] = places
    if {*places} - {str(ROOT)}:
        from answerback.platforms.registry import PLATFORMS

        vars(PLATFORMS).pop("_platforms", None)  # a distribution in there may add one
    runpy.run_module(command[0], run_name="__main__", alter_sys=True)
