"""The bundled server: a Valkey on a data folder, used when REDIS_URL is not set.

Two file locks show which processes are alive; a crash releases them. The server holds `server.lock` while it runs: two
servers on one folder would overwrite each other's data. The process that started it holds `owner.lock`: a server
without an owner is adopted by the next start, one with an owner is left alone.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Self

from answerback.errors import ConfigurationError
from answerback.store.embedded.executable import find_server
from answerback.store.embedded.failures import disk_full, explain_exit, last_words
from answerback.store.embedded.locks import lock
from answerback.store.embedded.sockets import known_socket, probe, socket_folder

# Every acknowledged write is on disk (`always`), as plain commands that any other server can read (no RDB preamble),
# and nothing is ever evicted. The server listens on a Unix socket only.
# fmt: off
_FLAGS = (
    "--port", "0", "--unixsocketperm", "700", "--daemonize", "no", "--maxmemory-policy", "noeviction", "--save", "",
    "--appendonly", "yes", "--appendfsync", "always", "--aof-use-rdb-preamble", "no", "--aof-load-truncated", "yes",
)
# fmt: on
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TZ")  # our secrets are not passed to the server
_TICK, _PATIENCE = 0.003, 15.0  # seconds between two checks; seconds without a response until we give up


class EmbeddedServer:
    """A server on the folder `data`. The process that starts it owns it until `stop` or its own end.

    The server runs in a session of its own, so that Ctrl-C in the terminal does not stop it before its clients.
    """

    def __init__(self, data: Path, *, binary: Path | None = None) -> None:
        self.data = data.absolute()
        self.pid = 0
        """Process id, once started."""
        self._binary = binary
        self._socket: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None  # None too for an adopted server
        self._owner: int | None = None
        self._log_begin = 0

    @property
    def url(self) -> str:
        """The URL clients connect to: unix:///…"""
        if self._socket is None:
            raise RuntimeError("the server has not been started")
        return f"unix://{self._socket}"

    @property
    def alive(self) -> bool:
        """Whether the server's process is running."""
        if self._process is not None:
            return self._process.poll() is None
        if self.pid and (free := lock(self.data / "server.lock")) is not None:
            os.close(free)
            self.pid = 0
        return self.pid != 0

    def why_ended(self) -> str:
        """Return why the last started server ended, for an operator."""
        log = self.data / "server.log"
        status = self._process.poll() if self._process is not None else None
        if status is not None and status < 0 and not disk_full(self.data):
            # Its log ends with whatever it did before.
            return f"killed by signal {-status}  (more in {log})"
        return last_words(self.data, log.read_bytes()[self._log_begin :] if log.exists() else b"")

    def start(self) -> None:
        """Start the server, or adopt one left running by a killed owner; return once it responds.

        Does nothing if it is running already. Raises `ConfigurationError` with what is wrong and what to do.
        """
        if self.alive:
            return
        program = self._binary or find_server()
        try:
            self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._owner is None:
                self._owner = lock(self.data / "owner.lock")
            if self._owner is None:
                raise ConfigurationError(
                    f"Another Answerback is running on {self.data}: stop it first, "
                    "or give this one a folder of its own (ANSWERBACK_DATA)."
                )
            self._adopt_or_launch(program)
        except OSError as error:
            self.stop()
            raise ConfigurationError(f"The bundled server cannot run on {self.data}: {error}") from error
        except BaseException:
            # Ctrl-C included: leave no server behind.
            self.stop()
            raise

    def stop(self, timeout: float = 10.0) -> None:
        """Stop the server (SIGTERM; SIGKILL after `timeout` seconds) and release the folder."""
        self._end(signal.SIGTERM, timeout)
        if self._socket is not None:
            (self.data / "server.url").unlink(missing_ok=True)
            shutil.rmtree(self._socket.parent, ignore_errors=True)
            self._socket = None
        if self._owner is not None:
            os.close(self._owner)
            self._owner = None

    def kill(self) -> None:
        """Kill the server as a crash would, and keep the folder: `start` starts it again."""
        self._end(signal.SIGKILL, _PATIENCE)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _adopt_or_launch(self, binary: Path) -> None:
        deadline = time.monotonic() + _PATIENCE
        while (held := lock(self.data / "server.lock")) is None:
            socket = known_socket(self.data)
            sign, pid = probe(socket) if socket else ("gone", 0)
            if sign == "ready":
                self._socket, self.pid, self._process = socket, pid, None
                return
            if sign == "loading":
                deadline = time.monotonic() + _PATIENCE
            if time.monotonic() > deadline:
                raise ConfigurationError(
                    f"{self.data} is held by a process that does not answer: "
                    f"find it with `fuser {self.data / 'server.lock'}`, end it, and try again."
                )
            time.sleep(_TICK)
        try:
            self._launch(binary, held)
        finally:
            os.close(held)  # the server holds it now

    def _launch(self, binary: Path, held: int) -> None:
        self._socket = socket_folder(self.data) / "valkey.sock"
        (self.data / "server.url").write_text(f"{self.url}\n")
        words = self.data / "server.log"
        with words.open("ab") as log:
            self._log_begin = log.tell()
            self._process = subprocess.Popen(
                [binary, *_FLAGS, "--dir", self.data, "--unixsocket", self._socket],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=[held],
                env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            )
        self.pid = self._process.pid
        deadline = time.monotonic() + _PATIENCE
        while (sign := probe(self._socket)[0]) != "ready":
            if (status := self._process.poll()) is not None:
                raise ConfigurationError(explain_exit(binary, self.data, status, words.read_bytes()[self._log_begin :]))
            if sign == "loading":  # loading much data has no time limit
                deadline = time.monotonic() + _PATIENCE
            if time.monotonic() > deadline:
                raise ConfigurationError(f"The bundled server does not answer: see {words}.")
            time.sleep(_TICK)

    def _end(self, how: signal.Signals, timeout: float) -> None:
        for sent in (how, signal.SIGKILL):
            deadline = time.monotonic() + timeout
            if self.alive:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.pid, sent)
            while self.alive and time.monotonic() < deadline:
                time.sleep(_TICK)
        self.pid, self._process = 0, None
