"""Makes the requests of presence, within what the platform's rate limits leave over."""

from __future__ import annotations

import asyncio
from typing import Literal

from answerback.errors import DeliveryError, RateLimited, Rejected, StoreFull, StoreUnavailable
from answerback.http.platform import PlatformHttp
from answerback.log import get_logger
from answerback.platforms import Exchange, Place, Presence, scope
from answerback.store.access.rate_limits import RateLimits
from answerback.store.redis import Database
from answerback.store.threads.outbox import Outbox

from ..metrics import PRESENCE_REQUESTS

log = get_logger(__name__)

TIMEOUT = 5.0
"""Seconds that a platform has to respond."""
AGAIN = 1.0
"""Seconds until a request that failed is made once more."""
BURST = 5.0
"""Seconds of requests that may be made at once, and as many requests."""

Result = Literal["done", "unknown", "limited", "refused", "failed"]
"""unknown: the platform did not respond, and may have done it all the same. failed: it did nothing."""


class PresenceRequests:
    """Makes the requests of all platforms. A platform's limit is shared by all workers."""

    def __init__(self, http: PlatformHttp, outbox: Outbox, database: Database) -> None:
        self._http = http
        self._outbox = outbox
        self._database = database
        self._budgets: dict[str, RateLimits] = {}

    async def perform(self, platform: str, presence: Presence, place: Place, exchange: Exchange[None]) -> Result:
        """Make one request, unless replies need the platform's limits now. Never raises."""
        result = await self._perform(platform, presence, place, exchange)
        PRESENCE_REQUESTS.labels(platform, result).inc()
        return result

    async def _perform(self, platform: str, presence: Presence, place: Place, exchange: Exchange[None]) -> Result:
        ours = scope(platform, f"presence:{place.account}" if place.account else "presence")
        try:
            scopes = [ours, *(scope(platform, limit) for limit in presence.limits(place))]
            if await self._outbox.paused(scopes) or not (await self._budget(platform, presence).spend(ours)).passed:
                return "limited"
            async with asyncio.timeout(TIMEOUT):
                await self._http.perform(exchange)
        except RateLimited as limit:
            # Not the scope of the limit: a reply that is about to be posted finds out by itself.
            await self._pause(ours, limit.seconds)
            log.info("presence is rate limited", platform=platform, seconds=limit.seconds)
            return "limited"
        except Rejected as refusal:
            log.debug("presence refused by the platform", thread=place.thread, reason=str(refusal))
            return "refused"
        except TimeoutError:
            return "unknown"
        except DeliveryError as trouble:
            log.debug("presence not shown", thread=place.thread, error=str(trouble))
            return "unknown"
        except (StoreUnavailable, StoreFull):
            return "failed"
        except Exception:
            # Whatever a platform's package does wrong, the turn goes on.
            log.exception("presence failed", thread=place.thread)
            return "refused"
        finally:
            exchange.close()
        return "done"

    async def _pause(self, ours: str, seconds: float) -> None:
        try:
            await self._outbox.pause(ours, seconds)
        except (StoreUnavailable, StoreFull):
            pass  # the next request is refused, too

    def _budget(self, platform: str, presence: Presence) -> RateLimits:
        if platform not in self._budgets:
            rate = 1 / max(presence.pace, 0.001)
            burst = int(max(BURST, BURST * rate))
            self._budgets[platform] = RateLimits(self._database, rate=rate, burst=burst)
        return self._budgets[platform]
