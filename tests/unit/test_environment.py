"""Where settings come from: the environment, `.env`, and files that variables name; and which of them wins."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from answerback.environment import is_set, load_environment, overridden, typed
from answerback.errors import ConfigurationError
from answerback.settings import Settings
from tests.unit.test_cli import said
from tools.local.welcome import needed


def loaded(tmp_path: Path, text: str, **environ: str) -> dict[str, str]:
    """Return the environment after a `.env` with this text was loaded."""
    (tmp_path / ".env").write_text(text)
    load_environment(environ, dotenv=tmp_path / ".env")
    return environ


def test_every_setting_may_be_in_a_file(tmp_path: Path) -> None:
    for name in [field.alias for field in Settings.variables()]:
        (tmp_path / "value").write_text("\n")
        with pytest.raises(ConfigurationError, match=f"^invalid environment variables:\n  {name}_FILE: .* is empty"):
            Settings.load({f"{name}_FILE": str(tmp_path / "value")})


def test_a_secret_is_read_from_its_file_without_the_line_break(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("one-long-secret,another-secret\n")
    settings = Settings.load({"SLACK_SIGNING_SECRET_FILE": f" {tmp_path / 'secret'} "})
    assert settings.secrets("slack") == ["one-long-secret", "another-secret", "one-long-secret,another-secret"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"  \n", "is empty"),
        (b"\xff\xfe", "is not text in UTF-8"),
        (b"x" * 70_000, "is larger than 65536 bytes"),
    ],
)
def test_a_file_that_holds_no_value_is_named_but_never_its_content(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        Settings.load({"GITHUB_TOKEN_FILE": str(file), "PORT": "x"})
    assert f"  GITHUB_TOKEN_FILE: {file} {words}\n" in f"{caught.value}\n"
    assert "  PORT: " in str(caught.value)
    assert "xxx" not in str(caught.value)


def test_a_variable_and_its_file_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="GITHUB_TOKEN: is set, and GITHUB_TOKEN_FILE is set too: keep one"):
        Settings.load({"GITHUB_TOKEN": "t", "GITHUB_TOKEN_FILE": str(tmp_path / "token")})


def test_the_environment_wins_over_dotenv_in_either_form(tmp_path: Path) -> None:
    text = "\ufeff# a comment\nexport PORT=9000\nGITHUB_TOKEN='a b'\nSLACK_BOT_TOKEN_FILE=there\nHOST=0.0.0.0\n\n"
    environ = loaded(tmp_path, text, GITHUB_TOKEN_FILE="here", SLACK_BOT_TOKEN="xoxb", HOST="")
    assert environ == {"PORT": "9000", "GITHUB_TOKEN_FILE": "here", "SLACK_BOT_TOKEN": "xoxb", "HOST": ""}
    assert Settings.load({"PORT": environ["PORT"], "HOST": environ["HOST"]}).host == "127.0.0.1"


def test_dotenv_reaches_what_is_no_setting_of_ours(tmp_path: Path) -> None:
    assert loaded(tmp_path, "WEATHER_TOKEN=abc")["WEATHER_TOKEN"] == "abc"
    (tmp_path / "key").write_text("sk-1\n")
    assert loaded(tmp_path, f"OPENAI_API_KEY_FILE={tmp_path / 'key'}")["OPENAI_API_KEY"] == "sk-1"
    with pytest.raises(ConfigurationError, match=r"^ANTHROPIC_API_KEY_FILE: nowhere cannot be read"):
        loaded(tmp_path, "ANTHROPIC_API_KEY_FILE=nowhere")


@pytest.mark.parametrize("line", ["GITHUB_TOKEN", "PORT: 9000", "A='unfinished"])
def test_a_line_of_dotenv_that_sets_nothing_is_named_by_its_number(tmp_path: Path, line: str) -> None:
    with pytest.raises(ConfigurationError, match=r"\.env, line 2: not NAME=value"):
        loaded(tmp_path, f"HOST=localhost\n{line}\n")


def test_without_a_dotenv_nothing_changes(tmp_path: Path) -> None:
    environ = {"PORT": "1"}
    load_environment(environ, dotenv=tmp_path / ".env")
    assert environ == {"PORT": "1"}


def test_a_child_process_gets_a_value_instead_of_a_file() -> None:
    environ = {"REDIS_URL_FILE": "redis-url", "PORT_FILE": "port", "HOME": "/"}
    assert is_set(environ, "REDIS_URL")
    assert not is_set({"REDIS_URL": " "}, "REDIS_URL")
    assert overridden(environ, {"PORT": "1"}) == {"REDIS_URL_FILE": "redis-url", "PORT": "1", "HOME": "/"}


def test_a_command_reads_dotenv_and_names_its_mistakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("REDIS_URL", "ANSWERBACK_DATA"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    Path(".env").write_text("ANSWERBACK_DATA=there\n")
    assert f"nothing is running in {tmp_path / 'there'}" in said("queue", code=4)
    # What another terminal in this folder reads from the same file need not be typed there.
    assert os.environ["ANSWERBACK_DATA"] == "there"
    assert needed(typed(os.environ)) == ""
    Path(".env").write_text("what is this\n")
    assert "line 1: not NAME=value" in said("queue", code=1)
