"""What a newcomer does, with what can go wrong: the commands as they are typed, on real processes."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest

from tests.acceptance.system import PATIENCE, free_port
from tests.acceptance.terminal import FORKED, Terminal, alive, until
from tests.forks import ROOT, Fork

ISSUE_COMMENT = str(ROOT / "answerback/testing/deliveries/github/issue_comment.created.json")

SLOW = """
import asyncio
from pathlib import Path
from answerback import Agent, Turn

async def answer(turn: Turn) -> str:
    Path("begun").touch()
    await asyncio.sleep(120)
    return "at last"

agents = Agent("slow", answer)
"""


def test_a_newcomer_gets_replies_and_finds_the_thread_again_after_a_restart(terminal: Terminal) -> None:
    up = terminal.up()
    words = up.words()
    assert f"http://127.0.0.1:{terminal.port}/webhooks/PLATFORM: github" in words
    assert str(terminal.data) in words
    assert "demo: Answers offline" in words
    assert f'{sys.executable} -m answerback.tools send "hello"' in words
    assert f"http://127.0.0.1:{terminal.port}/#link=" in words
    assert terminal.out("link").startswith(f"http://127.0.0.1:{terminal.port}/#link=")

    assert "first message" in terminal.out("send", "hello")
    assert terminal.out("send", "hello").startswith("Message 2 of this thread")
    assert "Hello ravi-k" in terminal.out("send", "--to", "github", ISSUE_COMMENT)
    assert "first message" in terminal.out("send", "--new", "-", stdin="from\nstdin")

    up.stop()
    assert not (terminal.data / "up.json").exists()
    assert terminal.run("queue").code == 4

    terminal.up()
    assert terminal.out("send", "hello").startswith("Message 3 of this thread")


def test_the_same_delivery_is_answered_once(terminal: Terminal) -> None:
    terminal.up()
    first = terminal.run("send", "hello", "--delivery", "msg_1")
    again = terminal.run("send", "hello", "--delivery", "msg_1")
    assert (first.code, again.code) == (0, 0)
    assert first.out == again.out
    assert "stored before" in again.err
    assert terminal.json("queue")["accepted"] == 1
    assert "ignored" in terminal.run("send", "--to", "github", ISSUE_COMMENT.replace("issue_comment", "star")).out


def test_another_worker_joins_and_leaves(terminal: Terminal) -> None:
    terminal.up()
    log = terminal.folder / "another.log"
    another = Fork(["tools", "worker"], terminal.settings, log, folder=terminal.folder)
    until(lambda: log.exists() and "worker ready" in log.read_text(), "the other worker being ready")
    until(lambda: another.pid in {worker["pid"] for worker in terminal.json("workers")}, "the worker's report")
    another.send_signal(signal.SIGTERM)
    assert another.join(PATIENCE) == 0
    assert another.pid not in {worker["pid"] for worker in terminal.json("workers")}


def test_what_dies_is_started_again(terminal: Terminal) -> None:
    up = terminal.up(LEASE_SECONDS="1")
    [report] = terminal.json("workers")
    children = set(up.children())
    assert len(children) == 3
    for pid in children:
        os.kill(pid, signal.SIGKILL)
    until(lambda: len(set(up.children()) - children) == 3, "all being started again")
    assert report["pid"] in children
    for words in ("worker was killed by signal 9; restarting in 0.5 s", "the server ended: killed by signal 9"):
        assert words in up.words()
    until(lambda: terminal.run("send", "hello", "--timeout", "5").code == 0, "a reply")


def test_a_second_ctrl_c_does_not_wait_for_turns(terminal: Terminal) -> None:
    (terminal.folder / "mybot.py").write_text(SLOW)
    up = terminal.up(ANSWERBACK_AGENTS="mybot:agents", SHUTDOWN_GRACE_SECONDS="100")
    terminal.out("send", "--no-wait", "hello")
    until((terminal.folder / "begun").exists, "the turn")
    children = up.children()
    up.interrupt()
    until(lambda: len(up.children()) == 2, "ingress being gone")
    time.sleep(0.3)  # nothing more happens by itself
    assert len(up.children()) == 2
    up.interrupt()
    assert up.wait() == 0
    assert not [pid for pid in children if alive(pid)]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of its parent's death")
def test_an_up_that_is_killed_takes_its_processes_along_and_the_next_one_takes_over(terminal: Terminal) -> None:
    terminal.forked = False
    up = terminal.up()
    children = up.children()
    terminal.out("send", "hello")
    os.kill(up.pid, signal.SIGKILL)
    up.wait()
    until(lambda: sum(map(alive, children)) == 1, "ingress and worker being gone")
    assert terminal.run("send", "hello").code == 4
    terminal.forked = FORKED
    terminal.up()
    assert "Message 2" in terminal.out("send", "hello")


def test_a_busy_port_is_one_sentence(terminal: Terminal) -> None:
    with socket.create_server(("127.0.0.1", terminal.port)):
        done = terminal.run("up")
    assert done.code == 1
    assert done.err == f"answerback: port {terminal.port} is in use by another program: set PORT to a free one.\n"


def test_a_second_up_on_the_same_folder_is_refused(terminal: Terminal) -> None:
    up = terminal.up()
    for other in ({}, {"PORT": str(free_port())}):
        done = terminal.run("up", **other)
        assert done.code == 1
        assert f"is already running in {terminal.data}: http://127.0.0.1:{terminal.port} (process {up.pid})" in done.err


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"ANSWERBACK_AGENTS": "nowhere:agents"}, 'ANSWERBACK_AGENTS: there is no module "nowhere"'),
        ({"ANSWERBACK_AGENTS": "mybot:nobody"}, 'module "mybot" has no "nobody"'),
        ({"HOST": "192.0.2.1"}, "192.0.2.1"),
        ({"LEASE_SECONDS": "soon", "PORT": "x"}, "LEASE_SECONDS: "),
    ],
)
def test_what_cannot_work_stops_up_with_one_message(terminal: Terminal, settings: dict[str, str], words: str) -> None:
    (terminal.folder / "mybot.py").write_text(SLOW)
    up = terminal.start(**settings)
    assert up.wait() == 1
    assert up.words().count(words) == 1
    assert "Ctrl-C" not in up.words()
    assert terminal.run("queue").code == 4


def test_a_full_disk_is_named_and_waited_for(terminal: Terminal) -> None:
    terminal.data.mkdir(mode=0o700)
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", str(terminal.data)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount")
    try:
        up = terminal.up()
        room = os.statvfs(terminal.data)
        filler = terminal.data / "filler"
        filler.write_bytes(bytes(room.f_bavail * room.f_frsize))
        terminal.run("send", "is there room?", "--timeout", "1")
        until(lambda: "is full" in up.words(), "the full disk being named")
        # Tried again with growing pauses, and not said again each time.
        until(lambda: up.words().count("restarting the server") >= 2, "two more tries")
        assert up.words().count("the server ended") == 1
        filler.unlink()
        until(lambda: terminal.run("send", "and now?", "--timeout", "20").code == 0, "an answer")
        up.stop()
    finally:
        terminal.close()
        subprocess.run(["umount", terminal.data], check=True)
