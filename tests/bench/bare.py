"""The baseline of the webhook benchmark: aiohttp reads a body, verifies its signature, and stores nothing.

`ROUTER=no` leaves out its router and middlewares: every request has the same handler (`web.Server`).
"""

from __future__ import annotations

import asyncio
import hmac
import os

import uvloop
from aiohttp import web

SECRET = os.environ["GITHUB_WEBHOOK_SECRET"].encode()


async def answer(request: web.BaseRequest) -> web.Response:
    """Do what every receiver of signed webhooks must do."""
    signature = "sha256=" + hmac.digest(SECRET, await request.read(), "sha256").hex()
    if not hmac.compare_digest(signature, request.headers.get("X-Hub-Signature-256", "")):
        return web.Response(status=401)
    return web.Response(status=202, body=b"{}", content_type="application/json")


async def serve(port: int) -> None:
    """Serve until the process is terminated."""
    if os.environ.get("ROUTER") == "no":
        runner: web.BaseRunner = web.ServerRunner(web.Server(answer, access_log=None))
    else:
        app = web.Application()
        app.router.add_post("/webhooks/github", answer)
        runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(os.environ["PORT"])))
