"""`python -m ingress`: run one ingress process."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys

import uvloop

from answerback.environment import load_environment
from answerback.errors import AnswerbackError, ConfigurationError
from answerback.log import configure, get_logger, mask
from answerback.metrics import expose
from answerback.platforms.registry import PLATFORMS
from answerback.settings import Settings

from .connection import handle_first, name_server
from .connections import ConnectionLimiter
from .running import running

log = get_logger("ingress")


async def main(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM, then finish the requests in flight."""
    name_server("Answerback")
    async with running(settings) as services:
        handle_first(services.server, services.webhooks.paths, services.webhooks)
        connections = ConnectionLimiter(services.server, settings)
        listener = await _listen(connections, settings)
        watching = asyncio.create_task(connections.watch())
        try:
            stopped, hurry = asyncio.Event(), asyncio.Event()

            def stop() -> None:
                (hurry if stopped.is_set() else stopped).set()

            for signum in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(signum, stop)
            await stopped.wait()
            log.info("ingress stopping", requests=connections.busy, grace=settings.grace)
            await services.stopping.run(listener, connections, hurry)
        finally:
            listener.close()
            watching.cancel()


async def _listen(connections: ConnectionLimiter, settings: Settings) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    try:
        listener = await loop.create_server(connections, settings.host, settings.port, backlog=1024)
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror}. Set PORT or HOST to another."
        ) from None
    configured = [name for name in PLATFORMS if settings.secrets(name)]
    host, port = listener.sockets[0].getsockname()[:2]
    log.info("ingress ready", url=f"http://{host}:{port}", webhooks=configured)
    if not configured:
        log.warning("no platform is configured", variables=[p.SECRET for p in PLATFORMS.values()])
    return listener


if __name__ == "__main__":
    try:
        load_environment()
        settings = Settings.load()
        configure(settings.log_level)
        mask(settings.secret_values())
        expose()
        # Everything loaded so far is permanent: keep the garbage collector from scanning it repeatedly. What requests
        # leave behind is freed without it, but for rare cycles: let it look for them less often.
        gc.freeze()
        gc.set_threshold(10_000)
        uvloop.run(main(settings))
    except AnswerbackError as error:
        sys.exit(f"ingress: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
