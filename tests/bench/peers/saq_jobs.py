"""Jobs of saq, which waits for them with BLMOVE. No results are kept. Its own command runs the worker."""

import asyncio
import os

import uvloop
import work
from redis.asyncio import Redis
from saq.queue.redis import RedisQueue

asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
queue = RedisQueue(Redis.from_url(os.environ["REDIS_URL"]))


async def handle(ctx: dict, *, number: int, text: str) -> None:
    await work.run_async(number)


async def enqueue(number: int) -> None:
    await queue.enqueue("handle", number=number, text=work.TEXT, ttl=-1)


async def sweep(ctx: dict) -> None:
    """Look for stuck jobs before there are any: the worker's first look, right at its start, aborts what it begins."""
    await queue.sweep()


settings = {
    "queue": queue,
    "functions": [handle],
    "concurrency": int(os.environ["CONCURRENCY"]),
    "startup": sweep,
}

if __name__ == "__main__":
    work.main(enqueue, queue.connect)
