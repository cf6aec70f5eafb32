"""Jobs of arq that do nothing: `fill N`, or work."""

import asyncio
import os
import sys

import uvloop
from arq import create_pool
from arq.connections import RedisSettings
from arq.worker import run_worker
from counted import count

SETTINGS = RedisSettings.from_dsn(os.environ["REDIS_URL"])


async def handle(ctx: dict, number: int) -> None:
    count()


class Worker:
    functions = (handle,)
    redis_settings = SETTINGS
    max_jobs = 100
    poll_delay = 0.01


async def fill(jobs: int) -> None:
    pool = await create_pool(SETTINGS)
    for start in range(0, jobs, 500):
        await asyncio.gather(*[pool.enqueue_job("handle", n) for n in range(start, min(jobs, start + 500))])


if len(sys.argv) > 1:
    asyncio.run(fill(int(sys.argv[2])))
else:
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    run_worker(Worker)
