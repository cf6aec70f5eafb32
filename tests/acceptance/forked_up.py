"""`python -m tests.acceptance.forked_up …`: `answerback …`, whose ingress and workers are forks of it.

Their imports are most of what `up` costs. They are its children in all else, as those that it starts itself: with a
session, an environment and an output of their own, and ended when it dies. A process that was forked before there was
a loop forks them, and ends at once the one between, so that they become children of `up`. Linux only.
"""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from runpy import run_module
from typing import Any, NoReturn

import msgspec

from tests.forks import become

OURS = {"answerback.ingress": "ingress", "answerback.worker": "worker"}
"""What is forked, by the names that it has when installed, and those under which tests/imports.py has imported it."""
_DEATH_SIGNAL, _SUBREAPER = 1, 36
_LARGEST = 131_072
_HIGH = 900
"""Above all descriptors of `up`."""


class Order(msgspec.Struct):
    """What is to be forked. `descriptors`: the numbers of the open files that it inherits, besides its output."""

    command: list[str]
    environment: dict[str, str]
    descriptors: list[int]


class Child:
    """A fork, as `asyncio.create_subprocess_exec` would return it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._ended = asyncio.Event()
        self._handle = os.pidfd_open(pid)
        asyncio.get_running_loop().add_reader(self._handle, self._reap)

    def send_signal(self, signum: int) -> None:
        """Send it a signal."""
        if self.returncode is None:
            os.kill(self.pid, signum)

    async def wait(self) -> int:
        """Its exit status, when it has ended."""
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    def _reap(self) -> None:
        asyncio.get_running_loop().remove_reader(self._handle)
        os.close(self._handle)
        self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self._ended.set()


class Forker:
    """The process that forks."""

    def __init__(self) -> None:
        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
        self._socket, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        parent = os.getpid()
        self._pid = os.fork()
        if self._pid == 0:
            self._socket.close()
            _serve(other, parent)
        other.close()

    async def start(
        self,
        *command: str,
        env: Mapping[str, str],
        stdin: int | None = None,
        stdout: int | None = None,
        pass_fds: Sequence[int] = (),
        **options: Any,
    ) -> Any:
        """Start a process: as a fork, if it is one of ours and has not the terminal."""
        if stdin is None or not (command[:-1] == (sys.executable, "-P", "-m") and command[-1] in OURS):
            return await _execute(*command, env=env, stdin=stdin, stdout=stdout, pass_fds=pass_fds, **options)
        order = Order([OURS[command[-1]]], dict(env), [*pass_fds])
        socket.send_fds(self._socket, [msgspec.msgpack.encode(order)], [1 if stdout is None else stdout, *pass_fds])
        return Child(int(self._socket.recv(20)))

    def close(self) -> None:
        """End it."""
        self._socket.close()
        os.waitpid(self._pid, 0)


def _serve(orders: socket.socket, parent: int) -> NoReturn:
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # Ctrl-C goes to `up`, which ends this process
    while True:
        message, descriptors, _, _ = socket.recv_fds(orders, _LARGEST, 64)
        if not message:
            os._exit(0)
        reading, writing = os.pipe()
        between = os.fork()
        if between == 0:
            child = os.fork()
            if child == 0:
                _be(msgspec.msgpack.decode(message, type=Order), descriptors, parent)
            os.write(writing, str(child).encode())
            os._exit(0)
        os.waitpid(between, 0)
        orders.send(os.read(reading, 20))
        for descriptor in (reading, writing, *descriptors):
            os.close(descriptor)


def _be(order: Order, received: Sequence[int], parent: int) -> NoReturn:
    status = 1
    try:
        while os.getppid() != parent:
            time.sleep(0.0005)
        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGTERM, 0, 0, 0)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(received[0], 1)
        kept = [fcntl.fcntl(each, fcntl.F_DUPFD, _HIGH) for each in received[1:]]
        os.closerange(3, _HIGH)
        for each, number in zip(kept, order.descriptors, strict=True):
            os.dup2(each, number)
        os.closerange(_HIGH, os.sysconf("SC_OPEN_MAX"))
        become(order.command, order.environment, 0, 1, 1)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


_execute = asyncio.create_subprocess_exec

if __name__ == "__main__":
    # Ctrl-C is sent to its group.
    os.setsid()
    forker = Forker()
    asyncio.create_subprocess_exec = forker.start  # type: ignore[assignment]
    sys.argv[0] = "tools"
    try:
        run_module("tools", run_name="__main__", alter_sys=True)
    finally:
        forker.close()
