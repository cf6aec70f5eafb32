"""Text of strangers, in every place that they can put it: shown by every command, it does nothing to a terminal."""

from __future__ import annotations

import json
import re

from answerback.testing.standins.values import Json
from tests.acceptance.terminal import Terminal
from tools.cli import COMMANDS

WILD = "\x1b[31mred\x1b]0;title\x07 \x9b2J \x00 \r\b\x7f \u202edcba\u2066 \ud83d\u2028\nFORGED line\ttab"

AGENT = f"""
from answerback import Agent, Listen, Turn

WILD = {WILD!r}
TAME = WILD.encode(errors="replace").decode()

async def answer(turn: Turn) -> str:
    async def look() -> str:
        return TAME

    await turn.step("look", look)
    if "fail" in turn.text:
        raise RuntimeError(WILD)
    return "answered " + TAME

agents = [Agent("wild", answer, listen=Listen(when=("every",)))]
"""


def payload(text: str, thread: str) -> Json:
    """A message of the generic door; lone surrogates are no JSON that it takes."""
    tame = WILD.encode(errors="replace").decode()
    return {
        "type": "message.created",
        "data": {
            "thread": thread,
            "text": f"{text} {tame}",
            "author": {"id": "u1", "name": tame},
            "title": tame,
            "url": f"https://example.com/{tame}",
        },
    }


def test_no_command_lets_stored_text_move_a_terminal(terminal: Terminal) -> None:
    (terminal.folder / "mybot.py").write_text(AGENT)
    up = terminal.up(ANSWERBACK_AGENTS="mybot:agents", TURN_MAX_ATTEMPTS="1", LOG_LEVEL="debug")
    for number, text in enumerate(("hello", "fail")):
        file = terminal.folder / f"{text}.json"
        file.write_text(json.dumps(payload(text, f"t{number}")))
        assert "RuntimeError" in terminal.run("send", "--to", "standard", file.name).err or text == "hello"
    flow = {"id": WILD, "start": WILD, "nodes": [{"id": WILD, "type": WILD}], WILD: WILD}
    (terminal.folder / "wild.json").write_text(json.dumps(flow))
    [letter] = terminal.json("dead")
    assert "\x1b[31m" in letter["reason"]
    assert terminal.run("keys", "create", "--name", "\x1b[31mred").code == 1
    terminal.run("keys", "create")
    commands = [
        ["queue"], ["threads"], ["threads", "show", "standard:t0"], ["threads", "show", "standard:t1"], ["dead"],
        ["dead", "show", letter["id"]], ["workers"], ["keys"], ["check"], ["github", "redeliver", "--since", "1h"],
        ["redeliver", "--since", "1h"], ["new", "another"], ["partitions"], ["deploys"], ["drain", "nobody"],
        ["pause", "--replies", "slack", "--reason", "\x1b[31mred\nFORGED"], ["queue"], ["resume", "--replies", "slack"],
        ["flow", "check", "wild.json"], ["link"], ["accounts"], ["manifest", "slack", "--url", "https://bots.example"],
        ["export", "--all", "-o", "all.jsonl"], ["import", "all.jsonl"], ["import", "hello.json"],
        ["threads", "unlock", "standard:t0"], ["threads", "requeue", "standard:t0"], ["send", "again"],
        ["dead", "replay", letter["id"]], ["dead", "drop", "--all", "--yes"],
        ["threads", "purge", "standard:t1", "--yes"],
    ]  # fmt: skip
    # Whoever adds a command adds it here.
    assert {command[0] for command in commands} == set(COMMANDS) - {"up", "ingress", "worker"}
    for command in commands:
        done = terminal.run(*command)
        # `run` looks for control characters; here it is about whole lines. A reply is printed as it is, on its own.
        assert command[0] == "send" or "FORGED" not in [
            line[:6] for line in done.out.splitlines() + done.err.splitlines()
        ], command
    shown = terminal.json("threads", "show", "standard:t0")["messages"]
    assert "\x1b[31mred" in shown[0]["text"]
    words = up.words()
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\u2028\u2066]", words)
    assert "FORGED" not in [line[:6] for line in words.splitlines()]
