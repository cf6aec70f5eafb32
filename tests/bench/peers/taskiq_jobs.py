"""Tasks of taskiq in a Redis stream, acknowledged once they have run. Its own command runs the worker, on uvloop."""

import asyncio
import os

import uvloop
import work
from taskiq.serializers import ORJSONSerializer
from taskiq_redis import RedisStreamBroker

# From the first task of the stream: those that are enqueued before the worker starts, too.
broker = RedisStreamBroker(os.environ["REDIS_URL"], consumer_id="0").with_serializer(ORJSONSerializer())


@broker.task
async def handle(number: int, text: str) -> None:
    await work.run_async(number)


async def enqueue(number: int) -> None:
    await handle.kiq(number, work.TEXT)


if __name__ == "__main__":
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    work.main(enqueue, broker.startup)
