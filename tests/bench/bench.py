"""What every benchmark needs: a server on a fresh folder, our processes on it, and a machine with a name."""

from __future__ import annotations

import contextlib
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import redis

from answerback.store.embedded import EmbeddedServer

ROOT = Path(__file__).parents[2]


class Server(NamedTuple):
    """A running server."""

    url: str
    pid: int


@contextlib.contextmanager
def server(*, fsync: str = "always", tcp: bool = False) -> Iterator[Server]:
    """The bundled server: every write is on disk before it is acknowledged, unless `fsync` is "everysec"."""
    with tempfile.TemporaryDirectory(prefix="answerback-bench-") as folder, EmbeddedServer(Path(folder)) as running:
        url = running.url
        with redis.Redis.from_url(url) as client:
            client.config_set("appendfsync", fsync)
            if tcp:
                port = free_port()
                client.config_set("port", port)
                url = f"redis://127.0.0.1:{port}"
        yield Server(url, running.pid)


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
def process(
    module: str, url: str, *, python: str = sys.executable, **variables: str
) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m module`, which may be followed by arguments, or a script, on a server; stopped at the end."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    child = subprocess.Popen(
        [python, *([] if module.endswith(".py") else ["-m"]), *module.split()],
        cwd=ROOT,
        env={**inherited, "REDIS_URL": url, "LOG_LEVEL": "warning", **variables},
        stdin=subprocess.DEVNULL,
    )
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def free_port() -> int:
    """A TCP port on loopback that was free just now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def cpu_seconds(pid: int) -> float:
    """CPU time that a process and those that it started have used so far (Linux; 0 elsewhere)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") + sum(cpu_seconds(int(c)) for c in children)


def machine() -> str:
    """The machine in a line."""
    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return f"{name}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def median(figures: Sequence[float]) -> str:
    """The median, and every run it is of."""
    return f"{statistics.median(figures):,.0f}  (runs: {', '.join(f'{figure:,.0f}' for figure in figures)})"
