"""What somebody does who writes an agent: reload it, stop it in a debugger, begin a project."""

from __future__ import annotations

import json
import os
import pty
import select
import sys
import time
from pathlib import Path

from tests.acceptance.system import PATIENCE
from tests.acceptance.terminal import Terminal, until
from tests.forks import Fork

AGENT = """
import asyncio
from pathlib import Path
from answerback import Agent, Listen, Turn

VERSION = "one"


async def answer(turn: Turn) -> str:
    if turn.text == "slow":
        Path("begun").touch()
        while not Path("released").exists():
            await asyncio.sleep(0.02)
    return f"{VERSION}: {turn.text}, attempt {turn.attempt}"


agents = [
    Agent("private", answer, listen=Listen("slack", when=("direct",)), chat=False),
    Agent("helper", answer, listen=Listen("github", "acme/*", when=("mention",))),
]
"""
DEBUGGED = """
from answerback import Agent, Turn


async def answer(turn: Turn) -> str:
    value = 41
    breakpoint()
    return f"{value}, attempt {turn.attempt}"


agents = Agent("helper", answer)
"""


def test_a_change_reloads_the_agents_and_loses_no_turn(terminal: Terminal) -> None:
    module = terminal.folder / "mybot.py"
    module.write_text(AGENT)
    up = terminal.up("--reload", ANSWERBACK_AGENTS="mybot:agents")

    # Neither agent listens to what `send` sends: it says so, and asks the first that takes chat messages.
    first = terminal.run("send", "hello")
    assert (first.code, first.out) == (0, "one: hello, attempt 1\n")
    assert first.err.splitlines() == [
        "no agent listens to standard:",
        "  private listens to slack: direct",
        "  helper listens to github, acme/*: mention",
        "asking helper by name, as with --agent helper",
    ]

    sent = terminal.folder / "sent.log"
    words = ["send", "--agent", "helper", "--thread", "long", "slow"]
    slow = Fork(["tools", *words], terminal.settings, sent, errors=Path(os.devnull), folder=terminal.folder)
    until((terminal.folder / "begun").exists, "the turn")
    module.write_text(AGENT.replace('"one"', '"two"'))
    until(lambda: "worker runs the new code" in up.words(), "the new worker")
    assert "mybot.py changed: reloading the agents" in up.words()
    assert terminal.out("send", "--agent", "helper", "quick") == "two: quick, attempt 1\n"

    module.write_text(AGENT.replace('"one"', "= three"))
    until(lambda: "the old code stays in use" in up.words(), "the mistake being named")
    assert up.words().count(f"ANSWERBACK_AGENTS: {module}, line 6: invalid syntax") == 1
    assert "Traceback" not in up.words()
    assert terminal.out("send", "--agent", "helper", "again") == "two: again, attempt 1\n"

    (terminal.folder / "released").touch()
    slow.join(PATIENCE)
    assert sent.read_text() == "one: slow, attempt 1\n"
    module.write_text(AGENT.replace('"one"', '"four"'))
    until(lambda: up.words().count("worker runs the new code") == 2, "the next worker")
    until(lambda: len(terminal.json("workers")) == 1, "the old worker being gone")
    assert terminal.out("send", "--agent", "helper", "quick") == "four: quick, attempt 1\n"
    up.stop()


class Keyboard:
    """A pseudo-terminal with a process that has it."""

    def __init__(self, *command: str, folder: Path, settings: dict[str, str]) -> None:
        self.pid, self._screen = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execve(command[0], command, settings)
        self.words = ""

    def until(self, words: str) -> None:
        """Read until these words were shown."""
        deadline = time.monotonic() + PATIENCE
        while words not in self.words:
            assert time.monotonic() < deadline, self.words
            self.read(0.1)

    def read(self, seconds: float) -> None:
        """Read what is shown within some time."""
        if select.select([self._screen], [], [], seconds)[0]:
            self.words += os.read(self._screen, 65_536).decode(errors="replace")

    def type(self, line: str) -> None:
        """Type something."""
        os.write(self._screen, line.encode())

    def ended(self) -> int:
        """Read until the process has ended. Its exit status."""
        try:
            while True:
                self.read(PATIENCE)
        except OSError:  # nobody has the terminal any more
            return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def _blocked(terminal: Terminal) -> str:
    """Return what blocks the worker. A busy machine may let it look dead for a moment."""
    return str(json.loads(terminal.run("workers", "--json").out)[0]["blocked"])


def test_a_breakpoint_gets_the_terminal_for_longer_than_a_lease(terminal: Terminal) -> None:
    (terminal.folder / "mybot.py").write_text(DEBUGGED)
    settings = {**terminal.settings, "ANSWERBACK_AGENTS": "mybot:agents", "LEASE_SECONDS": "1", "TERM": "dumb"}
    keyboard = Keyboard(
        sys.executable,
        *("-m", "tools", "up", "--workers", "1", "--debug"),
        folder=terminal.folder,
        settings={**settings, "NO_COLOR": "1"},
    )
    try:
        keyboard.until("Ctrl-C stops everything.")
        dispatched = terminal.out("send", "--no-wait", "--delivery", "d1", "hello").split()[1]
        keyboard.until("(Pdb)")
        [thread] = terminal.json("threads")
        # Two leases later the worker is not gone, and says where it stands.
        blocked = until(lambda: _blocked(terminal), "the worker's report")
        assert blocked.startswith('a debugger, agent "helper" in mybot.py:8')
        assert "event loop blocked" not in keyboard.words
        keyboard.type("value = 7\n")
        keyboard.type("c\n")
        until(lambda: terminal.json("threads")[0]["state"] == "idle", "the answer")
        shown = terminal.json("threads", "show", thread["id"])
        assert [message["text"] for message in shown["messages"]] == ["hello", "7, attempt 1"]
        assert shown["messages"][0]["id"] == dispatched
    finally:
        keyboard.type("\x03")
        status = keyboard.ended()
    assert status == 0
