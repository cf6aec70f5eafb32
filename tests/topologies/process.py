"""One server process of a topology, on a port of its own, with a folder that survives it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import redis

from tests.topologies.tls import HOST, Encryption

PATIENCE = 60.0
"""Seconds to wait for what should come soon."""

# Every acknowledged write is on disk. A replica follows at once.
DURABLE = (
    "--save", "", "--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction",
    "--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0",
)  # fmt: skip

_held: list[socket.socket] = []


def free_port() -> int:
    """A port on loopback that nobody else is given, with the one that a Cluster's bus would use (10,000 above)."""
    while True:
        holders = [socket.socket(), socket.socket()]
        for holder in holders:
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holders[0].bind(("127.0.0.1", 0))
        port = int(holders[0].getsockname()[1])
        try:
            holders[1].bind(("127.0.0.1", port + 10_000))
        except (OSError, OverflowError):
            for holder in holders:
                holder.close()
            continue
        _held.extend(holders)
        return port


class ServerProcess:
    """A server or a Sentinel. `flags` are those of its command line, `config` is a file that it may rewrite."""

    def __init__(
        self,
        binary: Path,
        folder: Path,
        *flags: str,
        config: str = "",
        port: int = 0,
        encryption: Encryption | None = None,
    ) -> None:
        self.port = port or free_port()
        self.folder = folder
        folder.mkdir(parents=True)
        file = folder / "server.conf"
        file.write_text(config)
        self._command = [
            str(binary), str(file), *_port(self.port, encryption), "--bind", "127.0.0.1", "--dir", str(folder),
            "--daemonize", "no", *flags,
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None
        options = encryption.options if encryption else {}
        self.client: Any = redis.Redis(port=self.port, socket_timeout=5, socket_connect_timeout=5, **options)

    @property
    def address(self) -> str:
        """Its host and port."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it, if it does not run; `ready` waits for it."""
        if not self.alive:
            with (self.folder / "log").open("ab") as log:
                self._process = subprocess.Popen(self._command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def ready(self) -> None:
        """Wait until it responds."""
        wait_for(self._responds, f"{self.address} responding ({self.folder / 'log'})")

    def _responds(self) -> bool:
        assert self.alive, (self.folder / "log").read_text()[-2000:]
        try:
            return bool(self.client.ping())
        except redis.RedisError:
            return False

    def kill(self) -> None:
        """kill -9."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Let it stand still."""
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on."""
        if self.alive:
            os.kill(self.pid, signal.SIGCONT)

    def stop(self) -> None:
        """End it."""
        self.client.close()
        if self.alive:
            self.go_on()
            self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        for signum in (how, signal.SIGKILL):
            self._process.send_signal(signum)
            try:
                self._process.wait(20)
                return
            except subprocess.TimeoutExpired:
                continue


def url_of(
    kind: str, login: str, servers: Sequence[ServerProcess], encryption: Encryption | None, path: str = ""
) -> str:
    """REDIS_URL of several servers, for a user, "name:password@"."""
    scheme, query, host = ("rediss", encryption.query, HOST) if encryption else ("redis", "", "127.0.0.1")
    return f"{scheme}+{kind}://{login}{','.join(f'{host}:{each.port}' for each in servers)}{path}{query}"


def _port(port: int, encryption: Encryption | None) -> tuple[str, ...]:
    return ("--port", "0", "--tls-port", str(port), *encryption.flags) if encryption else ("--port", str(port))


def wait_for(done: Callable[[], bool], what: str, within: float = PATIENCE) -> None:
    """Wait until something is so. Raises AssertionError when it does not become so."""
    deadline = time.monotonic() + within
    while not done():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {within:g} s")
        time.sleep(0.02)
