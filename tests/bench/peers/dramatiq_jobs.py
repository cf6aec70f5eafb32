"""Messages of dramatiq. Its own command runs the worker, with 32 threads: 8, its default, handle half as many."""

import os

import dramatiq
import work
from dramatiq.brokers.redis import RedisBroker

dramatiq.set_broker(RedisBroker(url=os.environ["REDIS_URL"]))


@dramatiq.actor
def handle(number: int, text: str) -> None:
    work.run(number)


async def enqueue(number: int) -> None:
    handle.send(number, work.TEXT)


if __name__ == "__main__":
    work.main(enqueue)
