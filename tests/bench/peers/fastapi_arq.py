"""A signed webhook becomes a job of arq before the 202."""

import hashlib
import hmac
import os
from contextlib import asynccontextmanager

import uvicorn
from arq import create_pool
from arq.connections import RedisSettings
from fastapi import FastAPI, HTTPException, Request

SECRET = os.environ["GITHUB_WEBHOOK_SECRET"].encode()


@asynccontextmanager
async def connected(app: FastAPI):
    app.state.pool = await create_pool(RedisSettings.from_dsn(os.environ["REDIS_URL"]))
    yield


app = FastAPI(lifespan=connected)


@app.post("/webhooks/github", status_code=202)
async def receive(request: Request):
    body = await request.body()
    signature = "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(signature, request.headers.get("X-Hub-Signature-256", "")):
        raise HTTPException(401)
    await app.state.pool.enqueue_job("handle", body, _job_id=request.headers["X-GitHub-Delivery"])
    return {}


uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), access_log=False, log_level="warning")
