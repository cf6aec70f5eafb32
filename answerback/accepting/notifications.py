"""What platforms report besides messages: stop, hand-over, delivery status, a new thread id, an uninstalled app."""

from __future__ import annotations

from typing import assert_never

import msgspec

from answerback.accepting.metrics import CONFIRMED, WARNED
from answerback.attention import Attention
from answerback.events import dispatch_id
from answerback.log import get_logger
from answerback.notifications import Handover, Installed, Moved, Notification, ReplyStatus, Stop, Uninstalled
from answerback.store import keys
from answerback.store.fleet.accounts import Accounts
from answerback.store.fleet.aliases import Aliases
from answerback.store.threads.outbox import Outbox
from answerback.store.threads.receipt import Receipt
from answerback.store.threads.repair import set_attention
from answerback.store.threads.threads import Threads

log = get_logger(__name__)


class Notifications:
    """Carries out notifications. Each may arrive several times, and has an effect once.

    `handback`: seconds for which agents are silent after a person took over; None: until they are handed back to.
    """

    def __init__(
        self,
        threads: Threads,
        outbox: Outbox,
        aliases: Aliases,
        accounts: Accounts,
        *,
        handback: float | None = None,
    ) -> None:
        self._threads = threads
        self._outbox = outbox
        self._aliases = aliases
        self._accounts = accounts
        self._handback = handback

    async def receive(self, platform: str, notification: Notification) -> Receipt:
        """Carry out a notification. Return its receipt; "ignored" if it changed nothing."""
        thread = (
            ""
            if isinstance(notification, Installed | Uninstalled)
            else await self._aliases.resolve(notification.thread)
        )
        match notification:
            case Stop():
                changed, reason = await self._stop(thread, notification), "no turn is running"
            case Handover():
                attention: Attention = "muted" if notification.to == "people" else "default"
                seconds = self._handback if attention == "muted" else None
                changed = await set_attention(self._threads, thread, attention, seconds=seconds) is not None
                reason = "there is no such thread"
            case ReplyStatus():
                status = msgspec.structs.replace(notification, thread=thread)
                changed, reason = await self._outbox.report(status), "its reply is settled already"
                if changed:
                    CONFIRMED.labels(platform).inc()
            case Moved():
                await self._aliases.add(thread, notification.to)
                changed, reason = True, ""
            case Installed():
                changed = await self._accounts.install(platform, notification.account, notification.at)
                reason = "it is known already"
                if changed:
                    log.info("app installed", platform=platform, account=notification.account.title)
            case Uninstalled():
                changed = await self._accounts.uninstall(
                    platform,
                    notification.account,
                    notification.at,
                    name=notification.name,
                    suspended=notification.suspended,
                )
                reason = "it is uninstalled already"
                if changed:
                    WARNED.labels(platform, "access lost").inc()
                    event = "app suspended" if notification.suspended else "app uninstalled"
                    log.warning(event, platform=platform, account=notification.account, name=notification.name)
            case _:
                assert_never(notification)
        id = dispatch_id(notification.delivery)
        return Receipt(id, thread, "accepted") if changed else Receipt(id, thread, "ignored", reason)

    async def _stop(self, thread: str, stop: Stop) -> bool:
        """Cancel the running turn, once: a redelivery must not cancel the next one."""
        name = keys.seen(await self._threads.locate(thread), stop.delivery)
        if await self._threads.database.call("GET", name):
            return False
        cancelled = await self._threads.cancel(thread)
        await self._threads.database.confirmed(("SET", name, f"stored {thread}", "PX", self._threads.seen))
        return cancelled
