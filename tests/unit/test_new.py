"""The files of a new project."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from dotenv import dotenv_values
from msgspec import yaml

from answerback.environment import MODEL_KEYS
from answerback.settings import Settings
from tests.unit.test_cli import said
from tools.local.processes import PROCFILE
from tools.local.project import FILES, TEMPLATE, create


@pytest.fixture
def project(tmp_path: Path) -> Path:
    create(tmp_path / "price-bot")
    return tmp_path / "price-bot"


def test_each_template_is_used_and_nothing_of_it_is_left(project: Path) -> None:
    assert {f"{name}.template" for name in FILES.values()} == {path.name for path in TEMPLATE.iterdir()}
    texts = {str(path.relative_to(project)): path.read_text() for path in project.rglob("*") if path.is_file()}
    assert len(texts) == len(FILES)
    assert not [name for name, text in texts.items() if "mybot" in name + text]
    for name in ("price_bot.py", "tests/test_price_bot.py"):
        ast.parse(texts[name])


def test_the_settings_are_valid_and_private(project: Path) -> None:
    values = {name: value or "" for name, value in dotenv_values(project / ".env").items()}
    assert Settings.load(values).agents == "price_bot:agents"
    assert (project / ".env").stat().st_mode & 0o077 == 0
    commented = re.findall(r"^# (\w+)=", (project / ".env").read_text(), re.MULTILINE)
    assert {*commented} <= {str(field.alias) for field in Settings.variables()} | {*MODEL_KEYS}
    for name in (".gitignore", ".dockerignore"):
        assert ".env" in (project / name).read_text().splitlines()


def test_the_procfile_and_the_compose_file_run_the_processes_of_up(project: Path) -> None:
    commands = {name: f"answerback {module.rpartition('.')[2]}" for name, module in PROCFILE.items()}
    assert dict(line.split(": ") for line in (project / "Procfile").read_text().splitlines()) == commands
    services = yaml.decode((project / "compose.yaml").read_bytes())["services"]
    services["web"] = services.pop("ingress")
    assert {name: services[name]["command"] for name in commands} == commands
    redis = {name: services[name]["environment"]["REDIS_URL"] for name in commands}
    assert set(redis.values()) == {"redis://redis:6379"}
    assert Settings.load(services["web"]["environment"]).host == "0.0.0.0"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Bot", "cannot be the name of a Python module"),
        ("class", "cannot be the name of a Python module"),
        ("2nd", "cannot be the name of a Python module"),
        ("json", 'a module "json" is installed already'),
        ("answerback", 'a module "answerback" is installed already'),
        ("taken", "exists and is not an empty folder"),
        ("file", "exists and is not an empty folder"),
        ("file/mybot", "file"),
    ],
)
def test_a_project_that_cannot_be_made_is_refused_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken/mine").write_text("mine")
    (tmp_path / "file").write_text("mine")
    output = said("new", name, code=1)
    assert words in output
    assert "Traceback" not in output
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "mine", "taken"]
