"""The widget's quickstart in docs/quickstarts.md: its page and its commands, with other ports and the key."""

from __future__ import annotations

import asyncio
import shlex
import subprocess
from pathlib import Path

from playwright.async_api import Page, expect

from tests.acceptance.system import System, free_port, until
from tests.quickstarts import sections


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


async def test_the_page_of_the_quickstart_has_a_chat(plain: System, page: Page, tmp_path: Path) -> None:
    section = sections()["The widget"]
    _, create, serve = section.commands
    own = str(free_port())
    await plain.ingress()
    await plain.worker()  # the demo agent
    keys = await plain.start(create.replace("answerback", "tools", 1).replace("8100", own).strip())
    assert await keys.wait() == 0, keys.words()
    [key] = [line for line in keys.words().splitlines() if line.startswith("ab_pub_")]
    section.write(tmp_path)
    index = tmp_path / "site" / "index.html"
    index.write_text(index.read_text().replace("ab_pub_…", key).replace("8080", str(plain.port)))
    server = subprocess.Popen(shlex.split(serve.replace("8100", own)), cwd=tmp_path, stderr=subprocess.DEVNULL)
    try:
        await until(lambda: _listens(int(own)), what="the page being served")
        await page.goto(f"http://127.0.0.1:{own}")
        await page.get_by_role("button", name="Open chat").click()
        panel = page.get_by_role("dialog")
        await expect(panel).to_contain_text("Ask us anything.")
        await panel.get_by_role("textbox").fill("hello")
        await panel.get_by_role("textbox").press("Enter")
        await expect(panel).to_contain_text("first message of this thread")
    finally:
        server.terminate()
        server.wait()
