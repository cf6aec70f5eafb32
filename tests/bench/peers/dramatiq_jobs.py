"""Messages of dramatiq that do nothing: `fill N`. Its own command runs the worker."""

import os
import sys

import dramatiq
from counted import count
from dramatiq.brokers.redis import RedisBroker

dramatiq.set_broker(RedisBroker(url=os.environ["REDIS_URL"]))


@dramatiq.actor
def handle(number: int) -> None:
    count()


if __name__ == "__main__":
    for number in range(int(sys.argv[2])):
        handle.send(number)
