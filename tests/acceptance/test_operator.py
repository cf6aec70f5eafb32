"""What an operator does: looks, mends, replays, checks; the commands as they are typed, on real processes."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
from pathlib import Path

from answerback.store.embedded import find_server
from tests.acceptance.system import free_port
from tests.acceptance.terminal import Terminal, until
from tests.forks import ROOT
from tests.standins.client import StandIns

ISSUE_COMMENT = str(ROOT / "answerback/testing/deliveries/github/issue_comment.created.json")

BROKEN = """
from pathlib import Path
from answerback import Agent, Listen, Turn

async def answer(turn: Turn) -> str:
    '''Fails until it is mended.'''
    async def look() -> int:
        with open("looked", "a") as file:
            file.write("x")
        return 1

    await turn.step("look", look)
    if "fail" in turn.text and not Path("mended").exists():
        raise RuntimeError("it is \\x1b[31mbroken\\x1b[0m")
    return f"answered: {turn.text}"

agents = [Agent("broken", answer, listen=Listen(when=("every",)))]
"""


def test_an_operator_looks_around(terminal: Terminal) -> None:
    terminal.up("--workers", "2")
    sent = terminal.json("send", "hello \x1b[2J\u202e there", "--author", "ada", "--thread", "t1")
    assert sent["receipt"]["status"] == "accepted"
    assert sent["turn"]["state"] == "handled"
    assert [message["role"] for message in sent["turn"]["messages"]] == ["user", "assistant"]
    terminal.out("send", "--to", "github", ISSUE_COMMENT)

    found = terminal.json("queue")
    assert (found["accepted"], found["handled"], found["threads"], found["dead"]) == (2, 2, 2, 0)
    assert found["turns"] == {"waiting": 0, "in_flight": 0, "retrying": 0, "oldest": 0, "paused": 0}
    assert "turns" in terminal.out("queue")

    assert [thread["platform"] for thread in terminal.json("threads")] == ["github", "standard"]
    assert [thread["platform"] for thread in terminal.json("threads", "--platform", "standard")] == ["standard"]
    assert len(terminal.json("threads", "list", "--limit", "1")) == 1
    assert "acme/widgets · Frame is cut off on narrow screens" in terminal.out("threads")
    shown = terminal.out("threads", "show", "standard:t1")
    assert "hello \\x1b[2J\\u202e there" in shown
    assert "demo (agent)" in shown
    assert terminal.json("threads", "show", "standard:t1")["thread"]["state"] == "idle"
    assert terminal.run("threads", "show", "standard:none").code == 3

    workers = terminal.json("workers")
    assert [[agent["name"] for agent in worker["agents"]] for worker in workers] == [["demo"]] * 2
    assert "working" in terminal.out("workers")
    assert {finding["level"] for finding in terminal.json("check")} == {"ok"}
    assert "evicts nothing" in terminal.out("check")


def test_the_queue_is_watched_until_ctrl_c(terminal: Terminal) -> None:
    terminal.up()
    watching = subprocess.Popen(
        [sys.executable, "-m", "tools", "queue", "--watch", "--json"],
        cwd=terminal.folder,
        env=terminal.settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert watching.stdout is not None
    assert [json.loads(watching.stdout.readline())["accepted"] for _ in range(2)] == [0, 0]
    watching.send_signal(signal.SIGINT)
    _, errors = watching.communicate(timeout=15)
    assert (watching.returncode, errors) == (0, b"")


def test_a_dead_letter_is_shown_mended_and_replayed(terminal: Terminal) -> None:
    (terminal.folder / "mybot.py").write_text(BROKEN)
    terminal.up(ANSWERBACK_AGENTS="mybot:agents", TURN_MAX_ATTEMPTS="1")
    assert terminal.out("dead") == ""
    failed = terminal.run("send", "please fail", "--thread", "t1")
    assert (failed.code, failed.out) == (1, "")
    assert "RuntimeError: it is \\x1b[31mbroken\\x1b[0m" in failed.err
    assert "answered: go on" in terminal.out("send", "go on", "--thread", "t1")
    assert terminal.run("send", "fail too", "--thread", "t2").code == 1

    letters = terminal.json("dead")
    assert [letter["thread"] for letter in letters] == ["standard:t2", "standard:t1"]
    assert [each["thread"] for each in terminal.json("dead", "--thread", "standard:t1")] == ["standard:t1"]
    assert len(terminal.json("dead", "list", "--reason", "BROKEN", "--limit", "1")) == 1
    assert terminal.json("dead", "--older", "1h") == []
    id = letters[1]["id"]
    shown = terminal.out("dead", "show", id)
    for words in ("please fail", "look#1", 'raise RuntimeError("it is', f"answerback dead replay {id}"):
        assert words in shown
    assert terminal.json("dead", "show", id)["event"]["text"] == "please fail"
    assert id in terminal.out("threads", "show", "standard:t1")

    (terminal.folder / "mended").touch()
    looked = (terminal.folder / "looked").read_text()
    assert terminal.out("dead", "replay", id) == "replayed: 1\n"
    until(lambda: "answered: please fail" in terminal.out("threads", "show", "standard:t1"), "the replayed turn")
    # What had been done was not done again.
    assert (terminal.folder / "looked").read_text() == looked
    assert terminal.run("dead", "replay", id).code == 3
    assert terminal.run("dead", "show", id).code == 3

    # Without a yes, nothing happens.
    assert terminal.run("dead", "drop", "--all").code == 1
    assert terminal.run("dead", "drop", "--all", stdin="n\n").code == 1
    assert len(terminal.json("dead")) == 1
    assert terminal.json("dead", "drop", "--thread", "standard:t2", "--yes")["missing"] == []
    assert terminal.json("dead") == []


def test_a_replay_from_the_start_does_all_of_it_again(terminal: Terminal) -> None:
    (terminal.folder / "mybot.py").write_text(BROKEN)
    terminal.up(ANSWERBACK_AGENTS="mybot:agents", TURN_MAX_ATTEMPTS="1")
    assert terminal.run("send", "fail").code == 1
    (terminal.folder / "mended").touch()
    terminal.out("dead", "replay", "--all", "--fresh", stdin="y\n")
    until(lambda: "answered: fail" in terminal.out("threads", "show", "standard:cli"), "the replayed turn")
    assert (terminal.folder / "looked").read_text() == "xx"


def test_a_turn_that_is_tried_again_is_told_in_words(terminal: Terminal) -> None:
    (terminal.folder / "mybot.py").write_text(BROKEN)
    terminal.up(ANSWERBACK_AGENTS="mybot:agents", TURN_RETRY_SECONDS="60")
    late = terminal.run("send", "fail", "--timeout", "2")
    assert (late.code, late.out) == (1, "")
    assert "attempt 1 failed: RuntimeError" in late.err
    assert "no reply after 2.0 s: retrying" in late.err
    assert "retrying: attempt 1 failed" in terminal.out("threads", "show", "standard:cli")
    assert terminal.json("queue")["turns"]["retrying"] == 1


def test_a_redis_that_is_away_is_one_sentence(terminal: Terminal) -> None:
    url = f"redis://:s3cret@127.0.0.1:{free_port()}/0"
    for command in (["queue"], ["send", "x"]):
        done = terminal.run(*command, REDIS_URL=url)
        assert done.code == 4
        assert len(done.err.splitlines()) == 1
        assert "s3cret" not in done.err
    checked = terminal.run("check", REDIS_URL=url)
    assert checked.code == 1
    assert "s3cret" not in checked.out
    assert terminal.run("send", "--no-wait", "x", STANDARD_WEBHOOKS_SECRET="whsec_c2VjcmV0").code == 4


def test_check_tells_what_is_wrong_with_a_redis(terminal: Terminal) -> None:
    path = terminal.folder / "s"
    options = ["--port", "0", "--save", "", "--appendonly", "no", "--maxmemory-policy", "allkeys-lru"]
    server = subprocess.Popen(
        [find_server(), *options, "--unixsocket", path, "--dir", terminal.folder], stdout=subprocess.DEVNULL
    )
    try:
        until(path.exists, "the server")
        done = terminal.run("check", "--json", REDIS_URL=f"unix://{path}", GITHUB_WEBHOOK_SECRET="short")
    finally:
        server.terminate()
        server.wait()
    assert done.code == 1
    found = {(each["level"], each["about"]): each["found"] for each in json.loads(done.out)}
    assert "allkeys-lru" in found["error", "redis"]
    assert "append-only" in found["warning", "redis"]
    assert "no credential" in found["warning", "github"]


def test_check_imports_agents_as_a_worker_would(terminal: Terminal) -> None:
    (terminal.folder / "mybot.py").write_text(f"{BROKEN}\nraise SystemError('at import')")
    done = terminal.run("check", ANSWERBACK_AGENTS="mybot:agents")
    assert done.code == 1
    assert "SystemError: at import" in done.out
    assert "no module" in terminal.run("check", ANSWERBACK_AGENTS="nowhere:agents").out
    (terminal.folder / "mybot.py").write_text(BROKEN)
    assert "broken" in terminal.out("check", ANSWERBACK_AGENTS="mybot:agents")


async def test_a_reply_is_followed_to_its_platform(tmp_path: Path, standins: StandIns) -> None:
    terminal = Terminal(tmp_path, **standins.environment())
    checked = await asyncio.to_thread(terminal.out, "check")
    for platform in ("github", "slack", "standard"):
        assert re.search(rf"^ok +{platform} +replies are posted as", checked, re.MULTILINE), checked
    wrong = await asyncio.to_thread(terminal.run, "check", GITHUB_TOKEN="ghp_wrong")
    assert wrong.code == 1
    assert "ghp_wrong" not in wrong.out
    try:
        await asyncio.to_thread(terminal.up)
        sent = await asyncio.to_thread(terminal.run, "send", "--to", "github", ISSUE_COMMENT)
        [posted] = await standins.wait_for_messages(1, "github")
        assert sent.code == 0
        assert posted.body.startswith(sent.out.strip())
        assert "posted: http" in sent.err
        shown = await asyncio.to_thread(terminal.out, "threads", "show", "github:681234907:1347")
        assert "→ sent http" in shown
    finally:
        await asyncio.to_thread(terminal.close)
