"""The pytest plugin in a project: what its fixtures give, and that it leaves other projects alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.acceptance.system import PATIENCE
from tests.forks import ROOT, Fork

AGENT_TESTS = """
import urllib.request

import pytest
from pydantic_ai.messages import ModelResponse, TextPart
from pydantic_ai.models.function import FunctionModel

from answerback import Agent
from answerback.testing import play

agent = Agent("shop", model="openai-chat:gpt-4.1-mini")
real = FunctionModel(lambda messages, info: ModelResponse(parts=[TextPart("We have tea.")]))


@pytest.mark.parametrize("text", ["hello", "tea?"])
async def test_recorded(answerback_recorded, answerback_clock, text):
    answerback_clock.move(hours=1)
    async with play(agent, model=answerback_recorded(real), clock=answerback_clock) as thread:
        assert await thread.say(text) == "We have tea."


def test_standins(answerback_standins, monkeypatch):
    import os

    assert os.environ["GITHUB_API_URL"] == f"{answerback_standins.url}/github"
    url = f"{os.environ['GITHUB_API_URL']}/repos/acme/widgets/issues/7/comments"
    headers = {"Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}"}
    answerback_standins.add_fault(platform="github", do="rate-limit", times=1)
    with pytest.raises(urllib.error.HTTPError, match="429"):
        urllib.request.urlopen(urllib.request.Request(url, b'{"body": "hello"}', headers))
    urllib.request.urlopen(urllib.request.Request(url, b'{"body": "hello"}', headers))
    [posted] = answerback_standins.wait_for_messages(1, "github")
    assert (posted.thread, posted.body) == ("acme/widgets#7", "hello")
    assert len(answerback_standins.requests("github")) == 2
    delivery = answerback_standins.github.issue_comment("Hello, @answerbot")
    assert delivery.headers["X-Hub-Signature-256"]


def test_standins_start_empty_in_each_test(answerback_standins):
    assert answerback_standins.messages() == []
"""
OTHER_TESTS = """
import sys


def test_nothing_is_loaded(request):
    assert request.config.pluginmanager.hasplugin("answerback")
    assert sorted(name for name in sys.modules if name.startswith("answerback")) == [
        "answerback", "answerback.testing", "answerback.testing.plugin",
    ]
    assert not {"pydantic_ai", "pydantic", "aiohttp", "redis", "arq"} & sys.modules.keys()
"""


# Of all plugins of this environment, those that such a project has.
PYTEST = ["pytest", "-q", "-p", "no:cacheprovider", "-p", "answerback"]


def _environment() -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "OPENAI_"))}
    return {**inherited, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT)}


def _tested(folder: Path, *arguments: str) -> str:
    """Run the tests of a project whose agents' libraries are loaded already. What it prints."""
    log = folder / "pytest.log"
    log.unlink(missing_ok=True)
    asyncio = ["-p", "asyncio", "-o", "asyncio_mode=auto"]
    Fork([*PYTEST, *asyncio, *arguments], _environment(), log, folder=folder).join(PATIENCE * 2)
    return log.read_text()


def test_a_project_tests_its_agents_with_the_plugins_fixtures(tmp_path: Path) -> None:
    (tmp_path / "test_shop.py").write_text(AGENT_TESTS)
    missing = _tested(tmp_path, "-k", "recorded")
    assert "test_shop.test_recorded[hello].json has no answer" in missing, missing
    assert "pytest --answerback-record" in missing
    recording = _tested(tmp_path, "--answerback-record")
    assert "4 passed" in recording, recording
    assert sorted(file.name for file in (tmp_path / "recordings").iterdir()) == [
        "test_shop.test_recorded[hello].json", "test_shop.test_recorded[tea_].json",
    ]  # fmt: skip
    text = (
        (tmp_path / "test_shop.py")
        .read_text()
        .replace("answerback_recorded(real)", 'answerback_recorded("openai-chat:x")')
    )
    (tmp_path / "test_shop.py").write_text(text)
    replayed = _tested(tmp_path, "-k", "recorded")
    assert "2 passed" in replayed, replayed


def test_a_project_without_agents_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text(OTHER_TESTS)
    strict = ["--strict-markers", "--strict-config", "-W", "error"]
    result = subprocess.run(
        [sys.executable, "-m", *PYTEST, *strict], cwd=tmp_path, env=_environment(), capture_output=True, text=True
    )
    assert "1 passed" in result.stdout, result.stdout + result.stderr
