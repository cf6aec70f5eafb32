"""Attempts to read a connection: what went wrong is said, and the next one waits, longer each time."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from answerback.errors import DeliveryError, RateLimited, Rejected, StoreFull, StoreUnavailable
from answerback.http.platform import PlatformHttp
from answerback.log import get_logger
from answerback.platforms import Exchange

from ..backoff import Backoff

log = get_logger(__name__)

T = TypeVar("T")

AGAIN = Backoff(0.5, 60)
REFUSED = 60.0
"""Seconds until a connection that the platform refuses is tried again: its token may be replaced by then."""


class Attempts:
    """The attempts of one connection."""

    def __init__(self, connection: str, http: PlatformHttp) -> None:
        self._connection = connection
        self._http = http
        self._failures = 0

    async def perform(self, exchange: Exchange[T]) -> T | None:
        """Perform an exchange. If it fails, wait, and return None."""
        try:
            return await self._http.perform(exchange)
        except RateLimited as limit:
            await self.failed(str(limit), limit.seconds)
        except Rejected as refusal:
            await self.failed(str(refusal), REFUSED)
        except (DeliveryError, StoreUnavailable, StoreFull) as error:
            await self.failed(str(error))
        return None

    async def failed(self, reason: str, wait: float = 0.0) -> None:
        """Say why the connection is not read, and wait."""
        self._failures += 1
        wait = max(wait, AGAIN.after(self._failures))
        log.warning("connection not opened", connection=self._connection, error=reason, next_try=round(wait, 1))
        await asyncio.sleep(wait)

    def succeeded(self) -> None:
        """Begin with short waits again."""
        self._failures = 0
