"""The application of docs/mount.md, with more mounts: `uvicorn tests.acceptance.fastapi_host:app`."""

from __future__ import annotations

import re
from typing import Any

from fastapi import FastAPI

from answerback.asgi import Caller, Scope, chat, dialog
from tests.forks import ROOT


async def signed_in(scope: Scope) -> Caller | None:
    """Take the workspace from a header, as an application takes it from its own session."""
    workspace = dict(scope["headers"]).get(b"x-workspace")
    return Caller(workspace=workspace.decode()) if workspace else None


example = re.search(r"```python\n(.*?)```", (ROOT / "docs/mount.md").read_text(), re.DOTALL)
assert example
namespace: dict[str, Any] = {}
exec(example[1], namespace)
app: FastAPI = namespace["app"]
app.mount("/count", dialog(agent="count", caller=signed_in))
app.mount("/recite", dialog("recite"))
app.mount("/help/desk", chat())


@app.get("/own")
async def own() -> dict[str, str]:
    """A route of its own."""
    return {"own": "route"}
