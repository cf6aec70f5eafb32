"""A small HTTP server on its own port for a process's health checks and metrics."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from aiohttp import web

from answerback.errors import ConfigurationError

KEPT = 1.0
"""Seconds for which collected metrics are cached."""

Ready = Callable[[], Awaitable[str]]
"""Returns why the process is not ready; "" if it is."""
Collect = Callable[[], Coroutine[Any, Any, bytes]]
"""Returns the metrics in Prometheus's text format: https://prometheus.io/docs/instrumenting/exposition_formats/."""


class Metrics:
    """Serves `GET /metrics`. With a token, requests need `Authorization: Bearer <token>`."""

    def __init__(self, collect: Collect, token: str = "") -> None:
        self._collect = collect
        self._token = token.encode()
        self._at = 0.0
        self._collecting: asyncio.Task[bytes] | None = None

    async def get(self, request: web.Request) -> web.Response:
        """Respond with the metrics, collected at most once per second."""
        shown = request.headers.get("Authorization", "").encode(errors="replace")
        if self._token and not hmac.compare_digest(shown, b"Bearer " + self._token):
            return web.json_response(
                {"status": 401, "detail": "missing or wrong METRICS_TOKEN"},
                status=401,
                content_type="application/problem+json",
                headers={"WWW-Authenticate": 'Bearer realm="metrics"'},
            )
        now = time.monotonic()
        if self._collecting is None or (self._collecting.done() and now - self._at > KEPT):
            self._at = now
            self._collecting = asyncio.create_task(self._collect())
        body = await asyncio.shield(self._collecting)
        return web.Response(body=body, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})


class Monitor:
    """The monitoring server of a process.

    Args:
        name: The setting that holds its port.
        path: The path of a Unix socket, on which it listens instead.
    """

    def __init__(self, name: str, host: str, port: int, ready: Ready, metrics: Metrics, *, path: str = "") -> None:
        self._name = name
        self._host = host
        self._port = port
        self._path = path
        self._ready = ready
        app = web.Application()
        app.add_routes(
            [
                web.get("/health/live", self._get_live),
                web.get("/health/ready", self._get_ready),
                web.get("/metrics", metrics.get),
            ]
        )
        app.on_response_prepare.append(_unnamed)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)

    async def start(self) -> None:
        """Start to listen. Raises `ConfigurationError` if the port cannot be used."""
        await self._runner.setup()
        try:
            if self._path:
                await web.UnixSite(self._runner, self._path).start()
            else:
                await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError as error:
            raise ConfigurationError(
                f"cannot listen on {self._host}:{self._port}: {error.strerror}. Set {self._name} to another port."
            ) from None

    async def stop(self) -> None:
        """Stop the server."""
        await self._runner.cleanup()

    async def _get_live(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _get_ready(self, request: web.Request) -> web.Response:
        if why := await self._ready():
            return web.json_response(
                {"status": 503, "detail": why}, status=503, content_type="application/problem+json"
            )
        return web.json_response({"status": "ok"})


async def _unnamed(request: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = "Answerback"  # without the versions of aiohttp and Python
