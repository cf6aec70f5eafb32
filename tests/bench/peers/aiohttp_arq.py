"""A signed webhook becomes a job of arq before the 202."""

import hashlib
import hmac
import os

import uvloop
from aiohttp import web
from arq import create_pool
from arq.connections import RedisSettings

SECRET = os.environ["GITHUB_WEBHOOK_SECRET"].encode()


async def receive(request: web.Request) -> web.Response:
    body = await request.read()
    signature = "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(signature, request.headers.get("X-Hub-Signature-256", "")):
        return web.Response(status=401)
    await request.app["pool"].enqueue_job("handle", body, _job_id=request.headers["X-GitHub-Delivery"])
    return web.Response(status=202, body=b"{}", content_type="application/json")


async def connect(app: web.Application) -> None:
    app["pool"] = await create_pool(RedisSettings.from_dsn(os.environ["REDIS_URL"]))


app = web.Application()
app.router.add_post("/webhooks/github", receive)
app.on_startup.append(connect)
loop = uvloop.new_event_loop()
web.run_app(app, host="127.0.0.1", port=int(os.environ["PORT"]), access_log=None, print=None, loop=loop)
