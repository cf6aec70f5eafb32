"""Storing the contents of deliveries."""

from __future__ import annotations

import msgspec

from answerback.accepting.conversations import Conversations
from answerback.accepting.metrics import CONFIRMED
from answerback.accepting.notifications import Notifications
from answerback.events import Amendment, Event
from answerback.log import get_logger
from answerback.notifications import Stop
from answerback.outgoing import matching
from answerback.platforms import Answer, Inbound
from answerback.platforms.inbound import OptionSearch
from answerback.store.fleet.accounts import Accounts
from answerback.store.fleet.aliases import Aliases
from answerback.store.threads.message_threads import MessageThreads
from answerback.store.threads.outbox import Outbox
from answerback.store.threads.receipt import OWN, Receipt
from answerback.store.threads.threads import Threads

log = get_logger(__name__)


class Acceptor:
    """Stores events, amendments and notifications. Each may be given several times, and has an effect once.

    `handback`: as for `Notifications`.
    """

    def __init__(self, threads: Threads, accounts: Accounts, *, handback: float | None = None) -> None:
        self._threads = threads
        self._outbox = Outbox(threads)
        self._aliases = Aliases(threads.database)
        self._messages = MessageThreads(threads)
        self._conversations = Conversations(threads.database)
        self._notifications = Notifications(threads, self._outbox, self._aliases, accounts, handback=handback)

    async def put(self, platform: str, inbound: Inbound) -> Receipt:
        """Store one of what a delivery contains, and return its receipt."""
        if isinstance(inbound, Event | Stop) and inbound.of:
            thread = await self._messages.find(inbound.of, inbound.thread)
            inbound = msgspec.structs.replace(inbound, thread=thread)
        if not isinstance(inbound, Event | Amendment):
            return await self._notifications.receive(platform, inbound)
        if inbound.conversation is not None:
            inbound = await self._conversations.place(platform, inbound)
        if self._aliases.may_have(inbound.thread):
            thread = await self._aliases.resolve(inbound.thread)
            inbound = msgspec.structs.replace(inbound, thread=thread)
        if isinstance(inbound, Amendment):
            return await self._threads.amend(inbound)
        receipt = await self._threads.accept(inbound)
        if receipt.reason == OWN and inbound.message:
            await self._recognise(inbound)
        return receipt

    async def options(self, search: OptionSearch) -> Answer:
        """Return the options that a person looks for, as the platform's response."""
        for id in search.threads:
            thread = await self._aliases.resolve(id)
            if options := await self._outbox.options(thread, search.reply, search.name):
                return search.answer(matching(options, search.text))
        return search.answer(())

    async def _recognise(self, event: Event) -> None:
        """Take note of a message of our own: it settles its reply, and reactions to it belong to its thread."""
        if event.thread != event.delivery:
            await self._messages.record(event.delivery, event.thread)
        if event.reply and await self._outbox.confirm(event):
            CONFIRMED.labels(event.platform).inc()
            log.debug("reply confirmed by its platform", reply=event.reply, thread=event.thread)
