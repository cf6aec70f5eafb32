"""From nothing to a first answer: the pages word for word, in an environment with what they say to install.

Each test reports how long it took.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.system import PATIENCE, free_port
from tests.acceptance.terminal import Up, until
from tests.forks import ROOT
from tests.quickstarts import sections

SECTIONS = sections()
Report = Callable[[str, object], None]


class Shell:
    """A newcomer's shell, in which the environment is activated. Ports of the pages are free ones here."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder = folder
        self._ports = {"8080": str(free_port()), "8000": str(free_port())}
        kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
        path = f"{programs}{os.pathsep}{os.environ['PATH']}"
        self._settings = {**kept, "PATH": path, "PORT": self._ports["8080"]}
        self._up: list[Up] = []
        self._servers: list[subprocess.Popen[bytes]] = []
        self._started = 0

    def typed(self, line: str) -> str:
        """A line of a page, with the ports of this test."""
        return re.sub(r"\b(8080|8000)\b", lambda port: self._ports[port[1]], line)

    def run(self, line: str, stdin: str = "", *, code: int = 0) -> str:
        """What a command prints."""
        done = subprocess.run(
            ["bash", "-c", self.typed(line)],
            cwd=self.folder,
            env=self._settings,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=4 * PATIENCE,
            check=False,
        )
        assert done.returncode == code, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout

    def start(self, line: str) -> tuple[subprocess.Popen[bytes], Path]:
        """Start a command that goes on until Ctrl-C. The process, and its log."""
        self._started += 1
        log = self.folder / f"started-{self._started}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["bash", "-c", self.typed(line)],
                cwd=self.folder,
                env=self._settings,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return process, log

    def up(self, line: str) -> Up:
        """Start `answerback up`, and wait until it is ready."""
        assert "answerback up" in line
        self._up.append(Up(*self.start(line)))
        self._up[-1].ready()
        return self._up[-1]

    def serve(self, line: str) -> None:
        """Start the reader's own server."""
        self._servers.append(self.start(line)[0])

    def answers(self, line: str) -> str:
        """What a command prints as soon as it works."""

        def look() -> str:
            done = subprocess.run(
                ["bash", "-c", self.typed(line)], cwd=self.folder, env=self._settings, capture_output=True, text=True,
                check=False,
            )  # fmt: skip
            return done.stdout if done.returncode == 0 else ""

        return until(look, line)

    def close(self) -> None:
        """Press Ctrl-C in each."""
        for server in self._servers:
            server.terminate()
            server.wait(PATIENCE)
        for up in self._up:
            up.stop()


@pytest.fixture
def shell(tmp_path: Path, fresh: Path) -> Iterator[Shell]:
    """A shell in an empty folder."""
    opened = Shell(tmp_path, fresh / "bin")
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def seconds(record_property: Report) -> Iterator[None]:
    """Report how long each test took."""
    began = time.monotonic()
    yield
    record_property("seconds", round(time.monotonic() - began, 1))


@pytest.mark.long
@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl here")
def test_a_function_answers_and_an_application_dispatches_to_it(shell: Shell) -> None:
    function, application = SECTIONS["A function"], SECTIONS["FastAPI"]
    for section in (function, application):
        section.write(shell.folder)
    up, send = function.commands
    shell.up(up)
    assert shell.run(send) == "Message 1: that is 42 €.\n"
    install, serve, ask = application.commands
    assert install == "pip install fastapi uvicorn"  # what `fresh` has
    shell.serve(serve)
    first = json.loads(shell.answers(ask.replace("curl", "curl -sf", 1)))
    assert first == {"dispatch_id": first["dispatch_id"], "answer": "Message 1: that is 42 €."}
    assert json.loads(shell.run(ask.replace("curl", "curl -sf", 1)))["answer"] == "Message 3: that is 42 €."
    [chat] = [thread for thread in json.loads(shell.run("answerback threads --json")) if thread["platform"] == "chat"]
    shown = json.loads(shell.run(f"answerback threads show {chat['id']} --json"))
    assert shown["messages"][0]["id"] == first["dispatch_id"]


def test_a_flow_asks_and_ends(shell: Shell) -> None:
    section = SECTIONS["A dialog flow"]
    section.write(shell.folder)
    check, talk, up, hello, large = section.commands
    assert shell.run(check).startswith("order.json is valid: ")
    assert "I have ordered a large one." in shell.run(talk, "hello\nlarge\n")
    shell.up(up)
    assert shell.run(hello) == "Which size would you like, small or large?\n"
    assert shell.run(large) == "Thank you. I have ordered a large one.\n"


def test_a_new_project_passes_its_tests_and_answers(shell: Shell) -> None:
    assert "price-bot is ready" in shell.run("answerback new price-bot")
    shell.folder = shell.folder / "price-bot"
    readme = (shell.folder / "README.md").read_text()
    lines = [line.partition("#")[0].strip() for line in re.findall(r"^ {4}(.*)$", readme, re.MULTILINE)]
    _, install, test, up, send = lines
    assert install == "pip install -r requirements-dev.txt"
    needed = (shell.folder / "requirements-dev.txt").read_text().split()
    assert [re.split(r"[>=]", each)[0] for each in needed[2:]] == ["pytest", "pytest-asyncio"]  # what `fresh` has
    assert "2 passed" in shell.run(f"{test} -q -W error -p no:cacheprovider")
    started = shell.up(up)  # ANSWERBACK_AGENTS is in .env
    assert "agent     price_bot: Answer with the price of what was asked for." in started.words()
    assert shell.run(send) == "green tea: 14 €\n"
    shell.folder = shell.folder.parent
    assert shell.run("answerback new price-bot 2>&1", code=1) == (
        "answerback: price-bot exists and is not an empty folder: choose another name, or remove it.\n"
    )


def test_what_the_pages_install_is_what_these_tests_have(fresh: Path) -> None:
    assert SECTIONS[""].commands[-1] == "pip install '/path/to/answerback[bundled,models]'"
    assert {path.name for path in (fresh / "bin").iterdir()} >= {"answerback", "uvicorn", "pytest"}
    assert not list(fresh.glob("lib/python*/site-packages/mcp"))
    assert ROOT not in (fresh.parents)
