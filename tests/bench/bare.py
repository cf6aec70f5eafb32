"""The yardstick of the webhook benchmark: an aiohttp application that reads a body, hashes it, and answers."""

from __future__ import annotations

import hmac
import os

import uvloop
from aiohttp import web


async def answer(request: web.Request) -> web.Response:
    """What no receiver of signed webhooks can do without."""
    hmac.digest(b"bench-secret", await request.read(), "sha256")
    return web.Response(status=202, body=b"{}", content_type="application/json")


if __name__ == "__main__":
    app = web.Application()
    app.router.add_post("/webhooks/github", answer)
    loop = uvloop.new_event_loop()
    web.run_app(app, host="127.0.0.1", port=int(os.environ["PORT"]), access_log=None, print=None, loop=loop)
