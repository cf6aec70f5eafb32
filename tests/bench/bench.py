"""What every benchmark needs: a server on a fresh folder, our processes on it, and a machine with a name."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import platform
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeVar

import redis
import uvloop

from answerback.store.embedded import EmbeddedServer
from answerback.store.embedded.executable import bundled_server

ROOT = Path(__file__).parents[2]
_Result = TypeVar("_Result")


class Failed(Exception):
    """A measurement that did not do its work."""


def run(work: Coroutine[Any, Any, _Result], seconds: float = 300) -> _Result:
    """Run a coroutine on uvloop.

    Raises:
        Failed: it took too long.
    """
    try:
        return uvloop.run(asyncio.wait_for(work, seconds))
    except TimeoutError as error:
        raise Failed(f"not done within {seconds:.0f} s") from error


class Server(NamedTuple):
    """A running server."""

    url: str
    pid: int


@contextlib.contextmanager
def server(*, fsync: str = "always", tcp: bool = False) -> Iterator[Server]:
    """The bundled server, or an installed one if there is none.

    Every write is on disk before it is acknowledged, unless `fsync` is "everysec".
    """
    with (
        tempfile.TemporaryDirectory(prefix="answerback-bench-") as folder,
        EmbeddedServer(Path(folder), binary=bundled_server()) as running,
    ):
        url = running.url
        with redis.Redis.from_url(url) as client:
            client.config_set("appendfsync", fsync)
            if tcp:
                port = free_port()
                client.config_set("port", port)
                url = f"redis://127.0.0.1:{port}"
        try:
            yield Server(url, running.pid)
        except KeyboardInterrupt:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second one would leave the server behind
            raise


class Cpu(NamedTuple):
    """CPU time of ingress, of the worker and of the server: in seconds so far, or in µs for one request."""

    ingress: float
    worker: float
    server: float

    @classmethod
    def of(cls, *pids: int) -> Cpu:
        """Return what these processes have used so far."""
        return cls(*map(cpu_seconds, pids))

    def per(self, before: Cpu, count: int) -> Cpu:
        """Return what each of so many requests has used since `before`."""
        return Cpu(*((now - then) / count * 1e6 for now, then in zip(self, before, strict=True)))


def percentile(values: Sequence[float], percent: float) -> float:
    """A percentile of values that are sorted."""
    return values[min(len(values) - 1, int(len(values) * percent / 100))]


@contextlib.contextmanager
def spawn(
    command: Sequence[str],
    variables: Mapping[str, str],
    *,
    cwd: Path = ROOT,
    stdout: int | IO[bytes] | None = None,
    stderr: int | IO[bytes] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A process; it, and what it has started, have ended at the end.

    It has a session of its own: Ctrl-C ends the benchmark alone, which then ends it.
    """
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    child = subprocess.Popen(
        command,
        cwd=cwd,
        env={**inherited, **variables},
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
    )
    try:
        yield child
    finally:
        try:
            child.terminate()
            child.wait(10)
        except subprocess.TimeoutExpired:
            pass
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()


@contextlib.contextmanager
def process(
    module: str, url: str, *, python: str = sys.executable, **variables: str
) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m module`, which may be followed by arguments, or a script, on a server; stopped at the end."""
    command = [python, *([] if module.endswith(".py") else ["-m"]), *module.split()]
    with spawn(command, {"REDIS_URL": url, "LOG_LEVEL": "error", **variables}) as child:
        yield child


class Reports:
    """A socket for what workers report (`peers.work`)."""

    def __init__(self, path: str, receiver: socket.socket) -> None:
        self.path = path
        self._receiver = receiver

    def wait(self, worker: subprocess.Popen[bytes], seconds: float = 120) -> Any:
        """Return the next report.

        Raises:
            Failed: the worker has ended without one, or is too slow.
        """
        deadline = time.monotonic() + seconds
        self._receiver.settimeout(0.2)
        while True:
            with contextlib.suppress(TimeoutError):
                return json.loads(self._receiver.recv(10_000))
            if worker.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"no report of {worker.args!r}")


@contextlib.contextmanager
def reports(*, bind: bool = True) -> Iterator[Reports]:
    """The socket, unless another process will bind it, and its path."""
    with (
        tempfile.TemporaryDirectory(prefix="answerback-bench-") as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver,
    ):
        path = f"{folder}/reports"
        if bind:
            receiver.bind(path)
        yield Reports(path, receiver)


def free_port() -> int:
    """A TCP port on loopback that was free just now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def cpu_seconds(pid: int) -> float:
    """CPU time that a process and those that it started have used so far (Linux; 0 elsewhere)."""
    try:
        used = time.clock_gettime(~pid << 3 | 2)  # the clock of another process: clock_getcpuclockid(3)
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return 0.0
    return used + sum(cpu_seconds(int(child)) for child in children)


def machine() -> str:
    """The machine in a line."""
    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return f"{name}, {os.cpu_count()} cores, {platform.system()}"
