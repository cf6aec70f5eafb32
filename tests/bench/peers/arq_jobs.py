"""Jobs of arq. It polls; `poll_delay` is 10 ms here instead of 500. No results are kept."""

import asyncio
import os
import sys

import uvloop
import work
from arq import create_pool
from arq.connections import ArqRedis, RedisSettings
from arq.worker import run_worker

SETTINGS = RedisSettings.from_dsn(os.environ["REDIS_URL"])
pool: ArqRedis


async def handle(ctx: dict, number: int, text: str) -> None:
    await work.run_async(number)


class Worker:
    functions = (handle,)
    redis_settings = SETTINGS
    max_jobs = int(os.environ["CONCURRENCY"])
    poll_delay = 0.01
    keep_result = 0
    log_results = False


async def connect() -> None:
    global pool
    pool = await create_pool(SETTINGS)


async def enqueue(number: int) -> None:
    await pool.enqueue_job("handle", number, work.TEXT)


asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
if len(sys.argv) > 1:
    work.main(enqueue, connect)
else:
    run_worker(Worker)
