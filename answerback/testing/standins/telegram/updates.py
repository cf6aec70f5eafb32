"""What Telegram has for our bots: sent to webhooks in the order of each chat, or given to who asks for them.

https://core.telegram.org/bots/api#getting-updates
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field

from answerback.testing.standins.hooks import Hooks
from answerback.testing.standins.options import Options
from answerback.testing.standins.telegram.chats import Bot
from answerback.testing.standins.telegram.webhooks import signed
from answerback.testing.standins.values import Json

NAME = "telegram"
_FIRST = 523_914_001
_LONGEST_WAIT = 2.0
"""Seconds between two tries, at most: the real ones are up to two minutes."""


@dataclass
class Webhook:
    """The arguments of `setWebhook`."""

    url: str
    secret: str = ""
    allowed: list[str] = field(default_factory=list)
    error: str = ""
    error_at: int = 0


@dataclass
class Queue:
    """The updates of one bot. `turn`: counts those who ask; the latest one gets the updates."""

    bot: Bot
    waiting: deque[Json] = field(default_factory=deque)
    last: int = _FIRST
    turn: int = 0
    webhook: Webhook | None = None
    allowed: list[str] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class Updates:
    """The updates of all bots."""

    def __init__(self, options: Options, hooks: Hooks, bots: list[Bot]) -> None:
        self._options, self._hooks, self._bots = options, hooks, bots
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._queues = {bot.id: Queue(bot) for bot in self._bots}
        self._sending: dict[tuple[int, int], deque[Json]] = {}
        self._generation = getattr(self, "_generation", 0) + 1

    def of(self, bot: Bot) -> Queue:
        """Return a bot's updates."""
        return self._queues[bot.id]

    def add(self, bot: Bot, kind: str, content: Json, chat: int) -> Json:
        """Let a bot know."""
        queue, webhook = self.of(bot), self.webhook(bot)
        update = {"update_id": queue.last, kind: content}
        queue.last += 1
        if not self._wanted(kind, queue, webhook):
            return update
        if webhook is None:
            queue.waiting.append(update)
            queue.changed.set()
            return update
        line = self._sending.setdefault((bot.id, chat), deque())
        line.append(update)
        if len(line) == 1:
            self._hooks.track(self._deliver(bot, chat, self._generation))
        return update

    def _wanted(self, kind: str, queue: Queue, webhook: Webhook | None) -> bool:
        """Return whether an update is of a kind that was asked for. Reactions are not, unless they are named."""
        if webhook is not None and webhook is not queue.webhook:
            return True  # setWebhook was not called
        allowed = webhook.allowed if webhook else queue.allowed
        return kind in allowed if allowed else kind != "message_reaction"

    def webhook(self, bot: Bot) -> Webhook | None:
        """Return where a bot's updates go; None if they wait to be asked for."""
        return self.of(bot).webhook or self._default(bot)

    def pending(self, bot: Bot) -> int:
        """Return how many updates wait."""
        return len(self.of(bot).waiting) + sum(len(line) for (id, _), line in self._sending.items() if id == bot.id)

    async def get(self, bot: Bot, offset: int, limit: int, timeout: float, allowed: list[str]) -> list[Json] | None:
        """Return updates, once there are some; None if another request comes meanwhile."""
        queue = self.of(bot)
        queue.turn += 1
        turn = queue.turn
        queue.changed.set()
        if allowed:
            queue.allowed = allowed
        while queue.waiting and queue.waiting[0]["update_id"] < offset:
            queue.waiting.popleft()
        deadline = time.monotonic() + timeout
        while not queue.waiting and (left := deadline - time.monotonic()) > 0:
            queue.changed.clear()
            try:
                await asyncio.wait_for(queue.changed.wait(), left)
            except TimeoutError:
                break
            if queue.turn != turn:
                return None
        return list(queue.waiting)[:limit] if queue.turn == turn else None

    def _default(self, bot: Bot) -> Webhook | None:
        """The stand-ins' common URL of webhooks is that of the first bot."""
        if self._options.telegram_poll or not self._hooks.url or bot.id != self._bots[0].id:
            return None
        return Webhook(self._hooks.url.split()[0], self._options.telegram_secret)

    async def _deliver(self, bot: Bot, chat: int, generation: int) -> None:
        """Send the updates of one chat, one after the other, each until it is taken."""
        line = self._sending[bot.id, chat]
        wait = self._options.telegram_retry_seconds
        while line and generation == self._generation:
            webhook = self.webhook(bot)
            if webhook is None:
                self.of(bot).waiting.extend(line)
                line.clear()
                return
            attempt = await self._hooks.deliver(NAME, signed(webhook.secret, line[0]), webhook.url)
            if attempt.status == "OK":
                line.popleft()
                wait = self._options.telegram_retry_seconds
                self._answered(bot, attempt.answer)
                continue
            webhook.error, webhook.error_at = f"Wrong response from the webhook: {attempt.code}", int(time.time())
            await asyncio.sleep(wait)
            wait = min(wait * 2, _LONGEST_WAIT)

    def _answered(self, bot: Bot, body: str) -> None:
        """Take note of a method in a response: https://core.telegram.org/bots/api#making-requests-when-getting-updates"""
        if "answerCallbackQuery" in body:
            self.presses += 1

    presses = 0
    """How many pressed buttons were answered."""
