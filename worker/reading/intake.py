"""What one delivery of a connection leads to: as ingress does it for a webhook, without a signature."""

from __future__ import annotations

import asyncio

from answerback.accepting.acceptor import Acceptor
from answerback.accepting.metrics import WARNED
from answerback.accepting.raw_payloads import RawPayloads
from answerback.errors import MalformedBody, StoreFull, StoreUnavailable
from answerback.log import get_logger
from answerback.platforms import Answer, Answered, Delivery, Ignored, Platform

log = get_logger(__name__)


class NotStored(Exception):
    """A delivery could not be stored now: it is not acknowledged, and the platform repeats it."""


class Intake:
    """Parses and stores the deliveries of a platform. `timeout`: seconds to wait for Redis."""

    def __init__(self, platform: Platform, acceptor: Acceptor, raw: RawPayloads, *, timeout: float) -> None:
        self._platform = platform
        self._acceptor = acceptor
        self._raw = raw
        self._timeout = timeout

    async def take(self, delivery: Delivery) -> Answer | None:
        """Store what a delivery contains, and return the platform's own answer, if there is one.

        Raises `NotStored`.
        """
        name = self._platform.NAME
        try:
            parsed = self._platform.parse(delivery)
            if isinstance(parsed, Answer):
                return parsed
            if isinstance(parsed, Ignored):
                if parsed.warning:
                    WARNED.labels(name, parsed.warning).inc()
                    log.warning("delivery warning", platform=name, warning=parsed.warning, reason=parsed.reason)
                if parsed.search is None:
                    return parsed.answer
                async with asyncio.timeout(self._timeout):
                    return await self._acceptor.options(parsed.search)
            events = parsed.events if isinstance(parsed, Answered) else parsed
            async with asyncio.timeout(self._timeout):
                for event in self._raw.add(name, events, delivery.body):
                    receipt = await self._acceptor.put(name, event)
                    log.debug("delivery", delivery=event.delivery, thread=receipt.thread, status=receipt.status)
        except MalformedBody as error:
            # It would be as malformed the next time.
            log.warning("delivery cannot be parsed", platform=name, error=str(error))
            return None
        except (StoreUnavailable, StoreFull, TimeoutError) as error:
            log.debug("delivery not acknowledged", platform=name, error=str(error))
            raise NotStored from None
        except Exception as error:
            log.exception("delivery failed", platform=name)
            raise NotStored from error
        return parsed.answer if isinstance(parsed, Answered) else None
