"""`python -m ingress`: run one ingress process."""

from __future__ import annotations

import asyncio
import signal
import sys

import uvloop

from answerback import garbage, tracing
from answerback.environment import load_environment
from answerback.errors import AnswerbackError
from answerback.log import configure, get_logger
from answerback.masking import mask
from answerback.metrics import expose
from answerback.platforms.registry import PLATFORMS
from answerback.settings import Settings
from answerback.supervised import supervised

from .connection import handle_first, name_server
from .connections import ConnectionLimiter
from .listening import Listener, listen
from .running import running

log = get_logger("ingress")


async def main(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM, then finish the requests in flight.

    SIGHUP, from a supervisor: a successor has taken over. Accept no more connections, and finish.
    """
    name_server("Answerback")
    supervision = supervised()
    async with running(settings, supervision) as services:
        handle_first(services.server, services.webhooks)
        connections = ConnectionLimiter(services.server, settings)
        listener = await listen(connections, settings, supervision)
        _say_ready(listener, settings)
        watching = asyncio.create_task(connections.watch())
        try:
            stopped, hurry, replaced = asyncio.Event(), asyncio.Event(), asyncio.Event()
            asked = asyncio.Event()

            def stop() -> None:
                (hurry if asked.is_set() else asked).set()
                stopped.set()

            def replace() -> None:
                replaced.set()
                stopped.set()

            for signum in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(signum, stop)
            if supervision is not None:
                asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, replace)
            await stopped.wait()
            log.info("ingress stopping", requests=connections.busy, grace=settings.grace)
            await services.stopping.run(listener, connections, hurry, replaced=replaced.is_set())
        finally:
            listener.close()
            watching.cancel()


def _say_ready(listener: Listener, settings: Settings) -> None:
    configured = [name for name in PLATFORMS if settings.secrets(name)]
    host, port = listener.address
    log.info("ingress ready", url=f"http://{host}:{port}", webhooks=configured)
    read = any(platform.READER and platform.READER.connections(settings) for platform in PLATFORMS.values())
    if not configured and not read:
        log.warning("no platform is configured", variables=[p.SECRET for p in PLATFORMS.values()])


if __name__ == "__main__":
    try:
        load_environment()
        settings = Settings.load()
        configure(settings.log_level)
        mask(settings.secret_values())
        expose()
        garbage.settle()
        tracing.start("ingress")
        try:
            uvloop.run(main(settings))
        finally:
            tracing.stop()
    except AnswerbackError as error:
        sys.exit(f"ingress: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
