"""The commands, as far as they need no Redis: help, mistakes, and what a terminal gets to see."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from answerback.errors import ConfigurationError
from answerback.messages import Author, Message, ToolCall
from answerback.platforms.registry import PLATFORMS
from answerback.replies import Reply
from answerback.settings import Settings
from answerback.store.threads.views import ThreadSummary, Transcript
from tools.cli import COMMANDS, cli
from tools.commands.transcript import transcribe
from tools.groups import run
from tools.local import processes
from tools.local.welcome import welcome
from tools.rendering import block, document, duration, show, table, visible
from tools.store_settings import StoreSettings

ROOT = Path(__file__).parents[2]
HEAVY = {"redis", "aiohttp", "pydantic", "rich", "arq", "structlog", "answerback.store"}


def said(*args: str, code: int = 0, environment: dict[str, str] | None = None) -> str:
    """What a command prints, stderr with it."""
    result = CliRunner().invoke(cli, args, env=environment, prog_name="answerback")
    assert result.exit_code == code, result.output
    return result.output


# Help ----------------------------------------------------------------------------------------------


HELP = f"""
import contextlib, io, json, sys
from tools.cli import COMMANDS, cli

for command in ([], *([name] for name in COMMANDS)):
    with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.suppress(SystemExit):
        cli([*command, "--help"], prog_name="answerback")
    print(json.dumps([command, said.getvalue(), sorted({HEAVY!r} & sys.modules.keys())]))
"""
"""Prints the help of each command, and what is imported by then."""


def test_help_explains_with_examples_and_imports_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", HELP], cwd=ROOT, capture_output=True, text=True, check=True)
    shown = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(shown) == 1 + len(COMMANDS)
    for command, text, loaded in shown:
        assert "answerback " in text, command
        assert "Examples:" in text or not command, command
        assert loaded == [], command


def test_a_command_that_looks_at_the_store_loads_nothing_else() -> None:
    code = (
        "import sys, tools.cli, tools.commands.queue, tools.store\n"
        "from tools.rendering import show, table\n"
        "tools.store.StoreSettings.load(), show(table(['a'], [['b']]))\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "redis" in loaded
    assert not {"pydantic", "structlog", "rich.console", "tenacity", "aiohttp", "cryptography.x509", "arq"} & loaded


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"ANSWERBACK_DATA": "/srv/data", "SEEN_DAYS": "3.5", "ANSWERBACK_PARTITIONS": " 8 "},
        {"REDIS_URL": "redis://localhost/2", "REDIS_REPLICAS": "1", "SEEN_DAYS": ""},
        {"REDIS_URL": "ftp://localhost"},
        {"SEEN_DAYS": "2.9", "ANSWERBACK_PARTITIONS": "1025", "REDIS_REPLICAS": "x"},
        {"REDIS_URL_FILE": "/nowhere"},
    ],
)
def test_commands_read_the_same_settings_as_processes(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    def read(settings: type[StoreSettings | Settings]) -> list[object] | str:
        try:
            found = settings.load()
        except ConfigurationError as error:
            return str(error)
        return [getattr(found, name) for name in StoreSettings.__struct_fields__]

    for name in StoreSettings.__struct_encode_fields__:
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert read(StoreSettings) == read(Settings)


def test_help_names_every_command_and_every_exit_code() -> None:
    text = said("--help")
    for name, command in COMMANDS.items():
        assert (f"\n  {name} " in text) is not command.hidden
    for code in range(5):
        assert f"\n    {code}  " in text


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield each command below a group, as it is typed."""
    yield path
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


def test_the_help_of_each_command_fits_into_80_columns() -> None:
    for path in commands(cli):
        result = CliRunner().invoke(cli, [*path, "--help"], prog_name="answerback", terminal_width=80)
        assert [line for line in result.output.splitlines() if len(line) > 80] == [], path


def test_what_up_prints_fits_into_80_columns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    welcome(
        url="http://127.0.0.1:8080",
        key=Path(".answerback/dev-key"),
        link="ab_link_" + "x" * 43,
        data=".answerback",
        working=[],
        made={platform.SECRET: "" for platform in PLATFORMS.values()},
        needs="",
    )
    printed = capsys.readouterr().out.splitlines()
    assert f"generated for webhooks of {', '.join(PLATFORMS)}" in " ".join(" ".join(printed).split())
    # Links are not broken, and the command is as long as the path of this program.
    assert [line for line in printed if len(line) > 80 and "#link=" not in line and " send " not in line] == []


def test_the_console_script_is_this_command() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"answerback": "answerback.tools.cli:main"}


def test_up_runs_what_the_procfile_says() -> None:
    lines = [f"{name}: answerback {module.removeprefix('answerback.')}" for name, module in processes.PROCFILE.items()]
    assert (ROOT / "Procfile").read_text().splitlines() == lines


@pytest.mark.parametrize(
    ("words", "completions"),
    [
        ("answerback w", ["worker", "workers"]),
        ("answerback threads pur", ["purge"]),
        ("answerback threads --pl", ["--platform"]),
        ("answerback up --w", ["--workers"]),
    ],
)
def test_a_shell_completes_commands_and_options(words: str, completions: list[str]) -> None:
    typed = words.split()
    asked = {"COMP_WORDS": words, "COMP_CWORD": str(len(typed) - 1), "_ANSWERBACK_COMPLETE": "bash_complete"}
    done = CliRunner().invoke(cli, env=asked, prog_name="answerback")
    assert sorted(line.partition(",")[2] for line in done.output.splitlines()) == completions


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_documented_line_prints_a_script_for_the_shell(shell: str) -> None:
    variable = f"_ANSWERBACK_COMPLETE={shell}_source"
    assert f"{variable} answerback" in (ROOT / "docs/development.md").read_text()
    if shell == "bash" and not shutil.which("bash"):
        return  # click asks bash for its version
    done = CliRunner().invoke(cli, env=dict([variable.split("=")]), prog_name="answerback")
    assert "_ANSWERBACK_COMPLETE" in done.output


# Mistakes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["sned", "hello"], "No such command 'sned'. Did you mean 'send'?"),
        (["up", "--worker", "2"], "No such option '--worker'. Did you mean '--workers'?"),
        (["threads", "lst"], "No such command 'lst'. Did you mean 'list'?"),
        (["send"], "Missing argument"),
        (["send", "  "], "nothing to send"),
        (["send", "--event", "issues", "hello"], "--to github"),
        (["send", "--new", "--thread", "t", "hello"], "exclude"),
        (["send", "--to", "github", "missing.json"], "missing.json"),
        (["send", "--to", "github", "--thread", "t", __file__], "payload"),
        (["send", "--to", "github", __file__], "not JSON"),
        (["send", "--to", "slack", "--delivery", "d", __file__], "--to slack"),
        (["send", "--to", "teams", __file__], "teams"),
        (["up", "--workers", "0"], "--workers"),
        (["dead", "--older", "soon"], "90s, 30m, 2h or 1d"),
        (["keys", "create", "--publishable"], "--origin"),
        (["keys", "create", "--origin", "https://a.example"], "--publishable"),
        (["keys", "create", "--publishable", "--origin", "https://a.example", "--scope", "admin"], "no --scope"),
        (["keys", "create", "--scope", "chat:all"], "chat:all"),
        (["keys", "revoke"], "ID"),
        (["keys", "rotate", "x", "--grace", "soon"], "90s, 30m, 2h or 1d"),
        (["dead", "replay"], "name the dead letters"),
        (["dead", "drop", "x", "--all"], "name the dead letters"),
        (["threads", "--limit", "0"], "--limit"),
        (["threads", "purge"], "THREAD"),
        (["threads", "unlock"], "THREAD"),
        (["export"], "name the threads"),
        (["export", "x", "--all"], "name the threads"),
        (["import", "missing.jsonl"], "missing.jsonl"),
        (["queue", "--watch"], "--json"),
    ],
)
def test_a_mistake_on_the_command_line_is_explained_and_exits_with_2(args: list[str], words: str) -> None:
    output = said(*args, code=2)
    assert words in output
    assert "Traceback" not in output


def test_wrong_settings_are_told_all_at_once(tmp_path: Path) -> None:
    wrong = {"PORT": "http", "LEASE_SECONDS": "0", "REDIS_URL": "localhost"}
    for command in (["up"], ["queue"], ["worker"], ["send", "hello"]):
        output = said(*command, code=1, environment=wrong)
        assert [line.split(":")[0].strip() for line in output.splitlines()[1:]] == [
            "REDIS_URL",
            "PORT",
            "LEASE_SECONDS",
        ]
    findings = json.loads(said("check", "--json", code=1, environment=wrong))
    assert [finding["level"] for finding in findings] == ["error"] * 3


def test_without_a_server_every_command_says_what_to_do(tmp_path: Path) -> None:
    nowhere = {"ANSWERBACK_DATA": str(tmp_path), "REDIS_URL": ""}
    for command in (
        ["queue"],
        ["threads"],
        ["threads", "show", "x"],
        ["threads", "purge", "x", "--yes"],
        ["export", "--all"],
        ["dead"],
        ["keys"],
        ["workers"],
        ["send", "x"],
        ["worker"],
    ):
        output = said(*command, code=4, environment=nowhere)
        assert "nothing is running" in output
        assert str(tmp_path) in output
        assert "make up" in output


# What a terminal gets to see -------------------------------------------------------------------------

HOSTILE = "a\x1b[31mred\x9b2J\rb\nc\u202edcba\u2066\x07\x00\ud800\u2028é ok"


def test_hostile_text_is_made_visible() -> None:
    assert visible(HOSTILE) == r"a\x1b[31mred\x9b2J\rb\nc\u202edcba\u2066\x07\x00\ud800\u2028é ok"
    assert visible("naïve 日本 👩\u200d🚀 \u00a0.") == "naïve 日本 👩\u200d🚀 \u00a0."


def test_a_block_keeps_its_lines_and_nothing_else() -> None:
    assert block("one\r\n\ttwo\x1b[2J\n\nfour", "  ") == "  one\n      two\\x1b[2J\n\n  four"


def test_a_table_in_a_pipe_is_whole_and_plain(capsys: pytest.CaptureFixture[str]) -> None:
    show(table(("id", "n", "text"), [("x" * 90, 7, f"[red]{HOSTILE}"), ("y", 12, "z" * 300)], long="text"))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[1].split(maxsplit=2) == ["x" * 90, "7", f"[red]{visible(HOSTILE)}"]
    assert lines[2].split() == ["y", "12", "z" * 300]


@pytest.mark.parametrize("width", [40, 80, 100, 200])
def test_a_terminal_of_any_width_shows_every_id_whole(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    ids, columns = (
        ("2f1c8cb080c42e5d5a8c", "0e1c8cb080c42e5d5a8d"),
        ("id", "dead since", "thread", "attempts", "reason"),
    )
    rows = [(id, "2026-11-30 10:00:00", "github:1296269:1347", 5, "the model refused it " * 5) for id in ids]
    for long in ("reason", ""):
        show(table(columns, rows, long=long))
        lines = click.unstyle(capsys.readouterr().out).splitlines()
        for whole in (*ids, "github:1296269:1347", "2026-11-30 10:00:00"):
            assert any(whole in line for line in lines), (long, whole)
        assert max(map(len, lines)) <= width


def test_a_document_has_every_field_and_is_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    document([Message(role="user", text=HOSTILE, author=Author("u1"), model=b'[{"parts": []}]')])
    printed = capsys.readouterr().out
    assert printed.isascii()
    [found] = json.loads(printed)
    assert found["text"] == HOSTILE
    assert found["author"] == {"id": "u1", "name": "", "kind": "person"}
    assert found["model"] == [{"parts": []}]
    assert set(found) == set(Message.__struct_fields__)


def test_a_transcript_tells_tools_and_the_fate_of_replies() -> None:
    tools = (
        ToolCall(id="c1", name="find", args={"q": "x"}, result=["y"]),
        ToolCall(id="c2", name="charge", args={}, outcome="unknown"),
    )
    found = Transcript(
        thread=ThreadSummary(
            id="standard:t", platform="standard", channel="", title=HOSTILE, url="", state="retrying",
            updated=1, created=1, attempts=2, next=1500, error="boom", waiting=1, attention="muted",
        ),
        messages=[
            Message(role="user", text=HOSTILE, author=Author("u1", HOSTILE), turn="t1"),
            Message(role="assistant", text="hi", agent="demo", turn="t1", reply="t1.0", tools=tools),
        ],
        waiting=[],
        steps=["look#1"],
        replies=[Reply(key="t1.0", thread="standard:t", text="", state="failed", attempts=3, error="refused")],
    )  # fmt: skip
    text = click.unstyle("\n".join(transcribe(found, [], now=10_000)))
    assert "attention  muted" in text
    assert "retrying: attempt 2 failed (boom), next in 1.5 s, 1 waiting" in text
    assert '⚙ find({"q": "x"}) = ["y"]' in text
    assert "⚙ charge({}): unknown" in text
    assert "failed after 3 attempts: refused  t1.0" in text
    assert "look#1" in text
    assert not {"\x1b", "\x9b", "\u202e", "\r", "\x00"} & set(text)


@pytest.mark.parametrize(
    ("ms", "words"),
    [
        (0, "0 ms"),
        (999, "999 ms"),
        (4200, "4.2 s"),
        (75_000, "75 s"),
        (600_000, "10 min"),
        (10**7, "3 h"),
        (10**9, "12 d"),
    ],
)
def test_durations_are_short(ms: int, words: str) -> None:
    assert duration(ms) == words


# Ctrl-C --------------------------------------------------------------------------------------------


def test_ctrl_c_ends_a_command_also_while_a_timeout_runs_out() -> None:
    async def work() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(100):
            with suppress(TimeoutError):
                async with asyncio.timeout(0):
                    await asyncio.sleep(1)
        raise AssertionError("it went on")

    with pytest.raises(KeyboardInterrupt):
        run(work())
