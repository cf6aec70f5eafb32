"""A signed webhook becomes a task of taskiq, in a Redis stream, before the 202."""

import hashlib
import hmac
import os

import uvloop
from aiohttp import web
from taskiq.serializers import ORJSONSerializer
from taskiq_redis import RedisStreamBroker

SECRET = os.environ["GITHUB_WEBHOOK_SECRET"].encode()
broker = RedisStreamBroker(os.environ["REDIS_URL"]).with_serializer(ORJSONSerializer())


@broker.task
async def handle(body: str) -> None: ...


async def receive(request: web.Request) -> web.Response:
    body = await request.read()
    signature = "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(signature, request.headers.get("X-Hub-Signature-256", "")):
        return web.Response(status=401)
    await handle.kicker().with_task_id(request.headers["X-GitHub-Delivery"]).kiq(body.decode())
    return web.Response(status=202, body=b"{}", content_type="application/json")


async def connect(app: web.Application) -> None:
    await broker.startup()


app = web.Application()
app.router.add_post("/webhooks/github", receive)
app.on_startup.append(connect)
loop = uvloop.new_event_loop()
web.run_app(app, host="127.0.0.1", port=int(os.environ["PORT"]), access_log=None, print=None, loop=loop)
