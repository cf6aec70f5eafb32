"""A newcomer's terminal: a folder, an environment with almost nothing in it, and the command `answerback`."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from tests.acceptance.system import PATIENCE, free_port, pause
from tests.forks import ROOT, Fork

T = TypeVar("T")
FORKED = sys.platform == "linux"
"""Whether `up` can be a fork here."""
SUPERVISOR = "tests.acceptance.forked_up" if FORKED else "tools"
"""The module that is `answerback` for commands that start processes: these are forks where they can be."""


def until(look: Callable[[], T], what: str, within: float = PATIENCE) -> T:
    """What `look` gives as soon as it is true."""
    began = time.monotonic()
    while not (found := look()):
        assert time.monotonic() < began + within, f"{what} did not happen within {within:g} s"
        time.sleep(pause(began))
    return found


def alive(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class Done(NamedTuple):
    """A command that has ended."""

    code: int
    out: str
    err: str


def command(*args: str, settings: Mapping[str, str], folder: Path = ROOT, stdin: bytes = b"") -> Done:
    """`answerback …`, to its end. It may say what is wrong, and never shows a traceback."""
    with tempfile.TemporaryDirectory(prefix="ab-") as place:
        out, err = Path(place, "out"), Path(place, "err")
        code = Fork(["tools", *args], settings, out, errors=err, folder=folder, words=stdin).join(PATIENCE * 2)
        done = Done(code, out.read_text(), err.read_text())
    assert "Traceback" not in done.err, done.err
    return done


class Up:
    """A running `answerback up`."""

    def __init__(self, process: subprocess.Popen[bytes] | Fork, log: Path) -> None:
        self._process = process
        self._log = log
        self.pid = process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        if isinstance(self._process, Fork):
            return self._process.returncode is None
        return self._process.poll() is None

    def words(self) -> str:
        """All that it has said."""
        return self._log.read_text(errors="replace")

    def ready(self) -> None:
        """Wait until it says what to try."""

        def look() -> bool:
            assert self.alive, self.words()
            return "Ctrl-C stops everything." in self.words()

        until(look, "`up` being ready")

    def children(self) -> list[int]:
        """The process ids of all that it started and that still runs: server, ingress, workers."""
        columns = ["ps", "-A", "-o", "pid=,ppid=,pgid=,stat="]
        listed = subprocess.run(columns, capture_output=True, text=True, check=True)
        rows = [line.split() for line in listed.stdout.splitlines()]
        # Each has a group of its own: what is in the one of `up` is the process that forks for it.
        ours = [row for row in rows if int(row[1]) == self.pid != int(row[2])]
        return [int(pid) for pid, *_, state in ours if not state.startswith("Z")]

    def interrupt(self, signum: signal.Signals = signal.SIGINT) -> None:
        """Ctrl-C: a signal to the process group, as a terminal sends it."""
        os.killpg(self.pid, signum)

    def wait(self, within: float = PATIENCE) -> int:
        """Its exit status."""
        return self._process.join(within) if isinstance(self._process, Fork) else self._process.wait(within)

    def stop(self) -> None:
        """Ctrl-C, and see that nothing is left behind."""
        if self.alive:
            children = self.children()
            self.interrupt()
            try:
                assert self.wait() == 0, self.words()
            except subprocess.TimeoutExpired:
                for pid in [*children, self.pid]:
                    if alive(pid):
                        os.kill(pid, signal.SIGKILL)
                raise
            assert not [pid for pid in children if alive(pid)], self.words()


class Terminal:
    """Commands in a folder of their own. `settings` are the environment, beyond what every process has.

    With `forked`, `up` and what it starts are forks: see forked_up.py.
    """

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.forked = FORKED
        self.port = free_port()
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        self.settings = {**inherited, "PYTHONPATH": str(ROOT), "PORT": str(self.port), **settings}
        self._running: list[Up] = []

    @property
    def data(self) -> Path:
        """Where the bundled server keeps its data."""
        return self.folder / ".answerback"

    def start(self, *args: str, **settings: str) -> Up:
        """`answerback up`, in the background."""
        log = self.folder / f"up-{len(self._running)}.log"
        environment = {**self.settings, **settings}
        process: subprocess.Popen[bytes] | Fork
        if self.forked:
            log.touch()
            process = Fork([SUPERVISOR, "up", *args], environment, log, folder=self.folder)
        else:
            with log.open("wb") as output:
                process = subprocess.Popen(
                    [sys.executable, "-m", "tools", "up", *args],
                    cwd=self.folder,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
        self._running.append(Up(process, log))
        return self._running[-1]

    def up(self, *args: str, **settings: str) -> Up:
        """`answerback up`, ready."""
        started = self.start(*args, **settings)
        started.ready()
        return started

    def run(self, *args: str, stdin: str = "", **settings: str) -> Done:
        """`answerback …`, to its end."""
        done = command(*args, settings={**self.settings, **settings}, folder=self.folder, stdin=stdin.encode())
        # Nothing that was ever stored moves a terminal's cursor.
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", done.out + done.err)
        return done

    def out(self, *args: str, stdin: str = "", **settings: str) -> str:
        """What a command that works prints."""
        done = self.run(*args, stdin=stdin, **settings)
        assert done.code == 0, done
        return done.out

    def json(self, *args: str) -> Any:
        """What a command that works prints with --json."""
        return json.loads(self.out(*args, "--json"))

    def close(self) -> None:
        """Stop what runs."""
        for up in self._running:
            up.stop()
