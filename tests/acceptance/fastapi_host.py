"""The application of docs/mount.md, with more mounts: `uvicorn tests.acceptance.fastapi_host:app`."""

from __future__ import annotations

import re
from typing import Any

from fastapi import FastAPI

from answerback.asgi import Caller, Scope, chat, dialog
from tests.forks import ROOT


async def signed_in(scope: Scope) -> Caller | None:
    """Take workspace and user from headers, as an application takes them from its own session."""
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    if "x-workspace" not in headers:
        return None
    return Caller(workspace=headers["x-workspace"], user=headers.get("x-user"))


example = re.search(r"```python\n(.*?)```", (ROOT / "docs/mount.md").read_text(), re.DOTALL)
assert example
namespace: dict[str, Any] = {}
exec(example[1], namespace)
app: FastAPI = namespace["app"]
app.mount("/count", dialog(agent="count", caller=signed_in))
app.mount("/recite", dialog("recite"))
app.mount("/help/desk", chat(caller=signed_in))


@app.get("/own")
async def own() -> dict[str, str]:
    """A route of its own."""
    return {"own": "route"}
