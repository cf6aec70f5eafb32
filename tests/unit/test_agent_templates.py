"""Agent templates: files that say how an agent is started, and what is wrong with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from answerback.agent_templates import LARGEST, AgentTemplate, BrokenTemplate, read_templates
from tests.forks import ROOT

SPEC = {"lifecycle": "short-lived", "supportsChat": False, "command": ["python", "-V"], "env": {"A": "b"}}


def _written(folder: Path, name: str, content: Any) -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / name).write_text(text)


def test_a_template_is_read(tmp_path: Path) -> None:
    _written(tmp_path, "a.json", {"id": "a", "description": "An agent.", "runtimeSpec": {**SPEC, "image": "acme/a:1"}})
    template = read_templates(tmp_path)["a"]
    assert isinstance(template, AgentTemplate)
    assert template.runtimeSpec.command == ("python", "-V")
    assert (template.runtimeSpec.env, template.runtimeSpec.image) == ({"A": "b"}, "acme/a:1")


def test_chat_and_lifecycle_have_the_defaults_of_a_registration(tmp_path: Path) -> None:
    _written(tmp_path, "a.json", {"id": "a", "runtimeSpec": {"command": ["x"]}})
    template = read_templates(tmp_path)["a"]
    assert isinstance(template, AgentTemplate)
    assert (template.runtimeSpec.lifecycle, template.runtimeSpec.supportsChat) == ("long-lived", False)


def test_other_files_are_no_templates(tmp_path: Path) -> None:
    _written(tmp_path, "flow.json", {"nodes": []})
    _written(tmp_path, "list.json", [1])
    _written(tmp_path, "large.json", " " * (LARGEST + 1))
    _written(tmp_path, "a.py", "x = 1")
    assert read_templates(tmp_path) == {}
    assert read_templates(tmp_path / "missing") == {}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"id": "a", "runtimeSpec": {}}, "runtimeSpec.command: Field required"),
        ({"id": "a", "runtimeSpec": {**SPEC, "command": []}}, "runtimeSpec.command: Tuple should have at least 1 item"),
        ({"id": "a", "runtimeSpec": {**SPEC, "lifecycle": "for ever"}}, "runtimeSpec.lifecycle: Input should be"),
        ({"id": "a", "runtimeSpec": {**SPEC, "env": {"PORT": "1"}}}, "PORT is set when the agent is started"),
        ({"id": "a", "runtimeSpec": {**SPEC, "comand": 1}}, "runtimeSpec.comand: Extra inputs are not permitted"),
        ({"id": "a/b", "runtimeSpec": SPEC}, "id: String should match"),
        ('{"id": ', "is not JSON"),
        ("[" * 20_000, "is not JSON"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, content: Any, problem: str) -> None:
    _written(tmp_path, "a.json", content)
    broken = read_templates(tmp_path)["a.json"]
    assert isinstance(broken, BrokenTemplate)
    assert problem in broken.problem
    assert broken.problem.startswith(str(tmp_path / "a.json"))


def test_an_id_that_is_used_twice_is_named(tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        _written(tmp_path, name, {"id": "a", "runtimeSpec": SPEC})
    found = read_templates(tmp_path)
    assert isinstance(found["a"], AgentTemplate)
    assert isinstance(found["b.json"], BrokenTemplate)
    assert 'the id "a" is used by an earlier file' in found["b.json"].problem


def test_the_example_is_a_template() -> None:
    (template,) = read_templates(ROOT / "examples/remote_agent/agents").values()
    assert isinstance(template, AgentTemplate)
