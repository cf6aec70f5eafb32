"""`python -m ingress`: run one ingress process."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys

import uvloop
from aiohttp import web

from answerback import log
from answerback.environment import load_environment
from answerback.errors import AnswerbackError, ConfigurationError, StoreUnavailable
from answerback.platforms.registry import PLATFORMS
from answerback.settings import Settings
from answerback.store.guard import Guard
from answerback.store.redis import Database
from answerback.store.threads.threads import Threads

from .app import STOPPING, application
from .connection import handle_first
from .connections import ConnectionLimiter
from .webhooks import Webhooks


async def main(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM, then finish the requests in flight."""
    logger = log.get_logger("ingress")
    # A delivery may wait for the flush in progress and for its own: after twice this time, the response is 503.
    guard = Guard()
    database = Database(settings.redis(), timeout=settings.accept_timeout / 2, guard=guard)
    threads = Threads(database, partitions=settings.partitions, seen_days=settings.seen_days, pause=settings.loop_pause)
    webhooks = Webhooks(settings, threads)
    try:
        await database.look()
    except StoreUnavailable:
        # Logged by the guard. Stop only for what cannot recover; until the rest does, webhooks get 503.
        guard.refuse_at_start()
    app = application(settings, threads, webhooks)
    # Requests in flight have finished by then; this covers the last bytes.
    runner = web.AppRunner(app, shutdown_timeout=0.5)
    await runner.setup()
    assert runner.server is not None
    handle_first(runner.server, webhooks.paths, webhooks)
    loop, connections = asyncio.get_running_loop(), ConnectionLimiter(runner.server, settings)
    services = (connections.watch(), database.keep_looking(), webhooks.deadlines.keep())
    watching = [asyncio.create_task(service) for service in services]
    listener: asyncio.Server | None = None
    try:
        try:
            listener = await loop.create_server(connections, settings.host, settings.port, backlog=1024)
        except OSError as error:
            raise ConfigurationError(
                f"cannot listen on {settings.host}:{settings.port}: {error.strerror}. Set PORT or HOST to another."
            ) from None
        configured = [name for name in PLATFORMS if settings.secrets(name)]
        host, port = listener.sockets[0].getsockname()[:2]
        logger.info("ingress ready", url=f"http://{host}:{port}", webhooks=configured)
        if not configured:
            logger.warning("no platform is configured", variables=[p.SECRET for p in PLATFORMS.values()])
        stopped, hurry = asyncio.Event(), asyncio.Event()

        def stop() -> None:
            (hurry if stopped.is_set() else stopped).set()

        for signum in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(signum, stop)
        await stopped.wait()
        logger.info("ingress stopping", requests=connections.busy, grace=settings.grace)
        await app[STOPPING].run(listener, connections, hurry)
    finally:
        if listener is not None:
            listener.close()
        for task in watching:
            task.cancel()
        await runner.cleanup()
        await database.close()


if __name__ == "__main__":
    try:
        load_environment()
        settings = Settings.load()
        log.configure(settings.log_level)
        # Everything loaded so far is permanent: keep the garbage collector from scanning it repeatedly. What requests
        # leave behind is freed without it, but for rare cycles: let it look for them less often.
        gc.freeze()
        gc.set_threshold(10_000)
        uvloop.run(main(settings))
    except AnswerbackError as error:
        sys.exit(f"ingress: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
