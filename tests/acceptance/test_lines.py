"""The lines of docs/tested.md, sent as they stand there."""

from __future__ import annotations

import ast
import re
from typing import Any

import aiohttp
import msgspec
import pytest

from answerback.dispatching import module
from tests.acceptance.caller import key
from tests.acceptance.remote import RemoteAgent
from tests.acceptance.system import System
from tests.forks import ROOT

ROW = re.compile(r"^\| `(GET|POST|PUT|PATCH|DELETE) (\S+)(?: (.+))?` \| (\d{3}) \| (?:`(.*?)`)? ?\|", re.MULTILINE)
DISPATCH = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "tested.md").read_text(), re.DOTALL)[-1]
SCOPES = ("chat:read", "chat:write", "agents:register", "admin")


async def test_each_line_of_http_does_what_the_page_says(
    plain: System, remote: RemoteAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "docs" / "tested.md").read_text()
    lines = ROW.findall(page)
    assert len(lines) == len(re.findall(r"^\| `[A-Z]+ /", page, re.MULTILINE)) > 40
    plain.settings |= {"ALLOW_PRIVATE_URLS": "true"}
    await plain.ingress()
    await plain.worker("tests.acceptance.chatters:chatters")
    names = {"{remote}": remote.url}
    headers = {"Authorization": f"Bearer {await key(plain, *SCOPES)}"}
    async with aiohttp.ClientSession(f"http://127.0.0.1:{plain.port}", headers=headers) as session:
        for method, path, body, status, piece in lines:
            for name, value in names.items():
                path, body = path.replace(name, value), body.replace(name, value)
            kind = "application/json" if body.startswith("{") else "text/plain"
            sent = {"data": body, "headers": {"Content-Type": kind}} if body else {}
            async with session.request(method, path, **sent) as response:
                text = await response.text()
            assert response.status == int(status), f"{method} {path} {body}: {text}"
            assert piece in text, f"{method} {path} {body}: {text}"
            if status == "201":
                what = path.partition("?")[0].rpartition("/")[2].removesuffix("s")
                names[f"{{{what}}}"] = msgspec.json.decode(text)["id"]
    # And that of Python which needs Redis.
    monkeypatch.setenv("REDIS_URL", plain.server.url)
    namespace: dict[str, Any] = {"thread": "order-18"}
    try:
        await eval(compile(DISPATCH, "docs/tested.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), namespace)
    finally:
        await module._shared().aclose()
    dispatch_id, text = namespace["answer"]
    assert (len(dispatch_id), text) == (20, "echo: hello")
