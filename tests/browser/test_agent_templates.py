"""Agents from templates, started and stopped in the dashboard of an `answerback up`."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Page, expect

from tests.acceptance.system import until
from tests.acceptance.terminal import Terminal, Up, alive
from tests.acceptance.terminal import until as eventually
from tests.browser.dashboard import answers, send
from tests.forks import ROOT

TEMPLATES: dict[str, Any] = {
    "notes": {
        "id": "notes",
        "description": "Keeps notes.",
        "runtimeSpec": {"supportsChat": True, "command": ["python", str(ROOT / "examples/remote_agent/notes.py")]},
    },
    "once": {
        "id": "once",
        "runtimeSpec": {
            "lifecycle": "short-lived",
            "command": ["python", "-c", "import os; print('counted', os.environ['UNTIL']); raise SystemExit(3)"],
            "env": {"UNTIL": "seven"},
        },
    },
    "missing": {"id": "missing", "runtimeSpec": {"lifecycle": "short-lived", "command": ["no-such-program"]}},
    "wrong": {"id": "wrong", "runtimeSpec": {}},
    "flow": {"nodes": []},
}


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """A folder with templates."""
    (tmp_path / "agents").mkdir()
    for name, template in TEMPLATES.items():
        (tmp_path / "agents" / f"{name}.json").write_text(json.dumps(template))
    opened = Terminal(tmp_path, ALLOW_PRIVATE_URLS="true", ANSWERBACK_AGENTS="answerback.agents.demo:agent")
    yield opened
    opened.close()


async def _running(up: Up, word: str, *, but: int) -> list[int]:
    return [pid for pid in _pids(up, word) if pid != but]


def _pids(up: Up, word: str) -> list[int]:
    found = []
    for pid in up.children():
        with suppress(OSError):  # it has ended
            if word.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_an_agent_is_started_asked_and_stopped_in_the_dashboard(terminal: Terminal, page: Page) -> None:
    up = await asyncio.to_thread(terminal.up)
    link = re.search(r"http://\S+/#link=\S+", up.words())
    assert link
    await page.goto(link[0])
    await page.get_by_role("link", name="Agents").click()

    def card(name: str) -> Any:
        return page.locator(".card", has=page.get_by_role("heading", name=name, exact=True))

    await expect(card("wrong.json")).to_contain_text("runtimeSpec.command: Field required.")
    await expect(card("wrong.json").get_by_role("button")).to_have_count(0)
    await page.get_by_role("button", name="Start once").click()
    await expect(card("once")).to_contain_text("exited with status 3.")
    assert "counted seven" in up.words()
    await page.get_by_role("button", name="Start missing").click()
    await expect(card("missing")).to_contain_text("no-such-program cannot be run: No such file or directory.")

    await expect(card("notes").locator(".badge")).to_have_text("stopped")
    await page.get_by_role("button", name="Start notes").click()
    await expect(card("notes").locator(".badge")).to_have_text("reachable")
    await expect(card("notes").get_by_role("button", name="Stop notes")).to_be_visible()
    (killed,) = _pids(up, "notes.py")
    os.kill(killed, signal.SIGKILL)
    (pid,) = await until(lambda: _running(up, "notes.py", but=killed), what="another process of the agent")
    await _other_workspaces_see_none(terminal)
    for width in (1280, 390):
        await page.set_viewport_size({"width": width, "height": 900})
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{width} px"
    await card("notes").get_by_role("link", name="Chat with notes").click()
    await send(page, "buy oil")
    await until(lambda: answers(page), lambda found: "That makes 1" in "".join(found), what="the answer")

    await page.get_by_role("link", name="Agents").click()
    await page.get_by_role("button", name="Stop notes").click()
    await expect(card("notes").locator(".badge")).to_have_text("stopped")
    await expect(card("notes").get_by_role("link")).to_have_count(0)
    await asyncio.to_thread(eventually, lambda: not alive(pid), "the end of the agent")
    # What still runs is stopped with `up`.
    await page.get_by_role("button", name="Start notes").click()
    await expect(card("notes").locator(".badge")).to_have_text("reachable")
    await asyncio.to_thread(up.stop)


async def _other_workspaces_see_none(terminal: Terminal) -> None:
    made = await asyncio.to_thread(terminal.out, "keys", "create", "--workspace", "other", "--scope", "admin", "--json")
    base = f"http://127.0.0.1:{terminal.port}/api/v1/admin/agent-templates"
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {json.loads(made)['secret']}"}) as session:
        async with session.get(base) as response:
            assert await response.json() == {"templates": []}
        for action in ("start", "stop"):
            async with session.post(f"{base}/notes/{action}") as response:
                assert response.status == 404
