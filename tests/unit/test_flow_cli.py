"""`answerback flow`: what a person who writes a flow sees."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tools.cli import cli

ROOT = Path(__file__).parents[2]
KYC = str(ROOT / "examples/kyc/kyc.json")


def _said(*args: str, code: int = 0, typed: str | None = None) -> str:
    result = CliRunner().invoke(cli, ["flow", *args], input=typed, prog_name="answerback")
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture
def broken(tmp_path: Path) -> str:
    edges: list[dict[str, Any]] = [
        {"id": "one", "guard": "x >", "target_node_id": "end"},
        {"id": "two", "guard": "true", "target_node_id": "ende"},
    ]
    nodes = [{"id": "a", "static_text": "Hi", "edges": edges}, {"id": "end", "static_text": "Bye", "is_final": True}]
    path = tmp_path / "broken.json"
    path.write_text(json.dumps({"initial_node": "a", "nodes": nodes}))
    return str(path)


def test_check_tells_what_is_there_and_what_it_needs() -> None:
    assert "9 nodes, 11 edges" in _said("check", KYC)
    assert "It needs no model." in _said("check", KYC)


def test_check_asks_about_what_is_perhaps_not_meant(tmp_path: Path) -> None:
    path = tmp_path / "doubtful.json"
    schema = {"type": "object", "properties": {"full_name": {"type": "string"}}}
    edge = {"id": "e", "guard": "turns > limit", "input_schema": schema, "target_node_id": "z"}
    nodes = [
        {"id": "a", "static_text": "Hi {{ user }}", "max_turns": 2, "edges": [edge]},
        {"id": "z", "static_text": "Bye {{ fullname }}", "is_final": True},
    ]
    path.write_text(json.dumps({"initial_node": "a", "nodes": nodes}))
    assert _said("check", str(path)).splitlines()[2:] == [
        "Warnings:",
        '  node "z": nothing sets "fullname" (did you mean "full_name"?)',
        '  edge "e": nothing sets "limit"',
        '  node "a": max_turns has no effect without a fallback edge',
    ]
    assert "Warnings:" not in _said("check", KYC)


def test_check_says_all_that_is_wrong_and_exits_with_1(broken: str) -> None:
    said = _said("check", broken, code=1)
    assert f"{broken} is not a valid dialog flow:" in said
    assert "guard 'x >' is invalid" in said
    assert '(did you mean "end"?)' in said
    assert "cannot be read" in _said("check", "missing.json", code=1)


def test_draw_prints_a_diagram_or_a_picture(broken: str) -> None:
    assert _said("draw", KYC).startswith("flowchart TD\n")
    assert "class n1 current" in _said("draw", KYC, "--node", "name")
    picture = _said("draw", KYC, "--format", "svg", "--node", "name")
    assert picture.startswith("<svg ")
    assert "at the step “Name”" in picture
    assert 'has no node "nobody"' in _said("draw", KYC, "--node", "nobody", code=1)
    _said("draw", broken, code=1)


def test_try_talks_until_the_input_ends() -> None:
    said = _said("try", KYC, "-v", typed="yes\nada king\n")
    assert "Welcome to Northwind Bank" in said
    assert "Thank you, Ada King" in said
    assert "node: birth" in said
    assert "full_name: ada king" in said
    assert "node: birth" not in _said("try", KYC, typed="yes\nada king\n")


def test_try_says_that_a_flow_needs_a_model(tmp_path: Path) -> None:
    path = tmp_path / "prose.json"
    nodes = [
        {"id": "a", "instruction": "Greet", "edges": [{"id": "e", "condition": "They agree", "target_node_id": "z"}]},
        {"id": "z", "static_text": "Bye", "is_final": True},
    ]
    path.write_text(json.dumps({"initial_node": "a", "nodes": nodes}))
    assert "its flow needs a model" in _said("try", str(path), code=1)


@pytest.mark.parametrize("ending", [b"\x03", b"\x04"])
def test_try_ends_cleanly_with_ctrl_c_and_ctrl_d(ending: bytes) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "tools", "flow", "try", KYC],
        cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, preexec_fn=_controlled,
    )  # fmt: skip
    os.close(theirs)
    seen = b""
    deadline = time.monotonic() + 60
    try:
        while not seen.endswith(b"> "):
            assert time.monotonic() < deadline, seen
            seen += os.read(ours, 4096)
        while process.poll() is None:
            assert time.monotonic() < deadline, seen
            # Pressed again when nothing happens, as one would: between its prompt and its reading, Python misses one.
            os.write(ours, ending)
            with suppress(subprocess.TimeoutExpired):
                process.wait(2)
        assert process.returncode == 0
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.wait()
        try:
            seen += os.read(ours, 65536)
        except OSError:
            pass
        os.close(ours)
    assert b"Traceback" not in seen


def _controlled() -> None:
    """Make the terminal the process's own, so that Ctrl-C reaches it, also where the tests run in the background."""
    import fcntl
    import termios

    signal.signal(signal.SIGINT, signal.SIG_DFL)

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    # Tests that run in the background of a shell are born ignoring it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
