"""The version of the agents' code: the same for the same code, another for any other."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from answerback import Agent, Turn
from answerback.agents.version import code_version
from answerback.errors import ConfigurationError
from answerback.settings import Settings


async def _answer(turn: Turn) -> str:
    return "yes"


@pytest.fixture
def module(tmp_path: Path) -> Iterator[Path]:
    """The source of an imported module, and where it is installed beside it."""
    for name, path in (("mybot", tmp_path / "mybot.py"), ("lib", tmp_path / "site-packages" / "lib.py")):
        path.parent.mkdir(exist_ok=True)
        path.write_text("A = 1\n")
        sys.modules[name] = ModuleType(name)
        sys.modules[name].__file__ = str(path)
    yield tmp_path / "mybot.py"
    for name in ("mybot", "lib"):
        del sys.modules[name]


def test_it_changes_with_the_sources_of_the_project_and_of_no_installed_package(module: Path) -> None:
    agents = [Agent("a", _answer)]
    before = code_version(agents, "mybot:agents")
    assert len(before) == 12
    assert code_version(agents, "mybot:agents") == before
    installed = module.parent / "site-packages" / "lib.py"
    installed.write_text("A = 2\n")
    assert code_version(agents, "mybot:agents") == before
    module.write_text("A = 2\n")
    assert code_version(agents, "mybot:agents") != before


def test_an_installed_package_counts_if_the_agents_are_in_it(module: Path) -> None:
    agents = [Agent("a", _answer)]
    before = code_version(agents, "lib.agents:agents")
    (module.parent / "site-packages" / "lib.py").write_text("A = 2\n")
    assert code_version(agents, "lib.agents:agents") != before


def test_a_link_counts_as_what_it_leads_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "src" / "linked.py"
    source.parent.mkdir()
    source.write_text("A = 1\n")
    (tmp_path / "site-packages").mkdir()
    (tmp_path / "site-packages" / "mybot").symlink_to(source.parent)
    monkeypatch.setitem(sys.modules, "linked", ModuleType("linked"))
    for where in (Path("site-packages", "mybot"), Path("site-packages", "..", "src")):
        sys.modules["linked"].__file__ = str(tmp_path / where / "linked.py")
        before = code_version([], None)
        source.write_text(source.read_text() + "B = 2\n")
        assert code_version([], None) != before


def test_a_module_that_is_loaded_when_used_is_not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    class Later(ModuleType):
        def __getattr__(self, name: str) -> str:
            raise AssertionError(f"it is loaded for its {name}")

    monkeypatch.setitem(sys.modules, "later", Later("later"))
    assert code_version([], None)


def test_a_flow_counts(tmp_path: Path) -> None:
    path = tmp_path / "flow.json"
    path.write_text(json.dumps({"nodes": []}))
    before = code_version([Agent("a", flow=path)], None)
    path.write_text(json.dumps({"nodes": [1]}))
    assert code_version([Agent("a", flow=path)], None) != before


def test_a_given_version_is_one_word() -> None:
    assert Settings.load({"ANSWERBACK_VERSION": "v1.2-rc/3+a@b:c"}).version == "v1.2-rc/3+a@b:c"
    with pytest.raises(ConfigurationError, match="ANSWERBACK_VERSION"):
        Settings.load({"ANSWERBACK_VERSION": "two words"})
