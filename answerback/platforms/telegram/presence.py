""" "typing…" while an agent is at work: https://core.telegram.org/bots/api#sendchataction"""

from __future__ import annotations

from collections.abc import Sequence

from answerback.platforms import Exchange, Place, Presence, PresenceOutcome
from answerback.platforms.telegram.calls import Calls
from answerback.platforms.telegram.place import TelegramPlace


class TypingPresence(Presence):
    """See `Presence`. Telegram shows it for five seconds, or until a message comes; it has no words."""

    refresh = 4.5
    pace = 0.1

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def working(self, place: Place, words: str) -> Exchange[None]:
        where = TelegramPlace.of(place)
        scope = self._calls.scope(place.account, where.chat)
        content = {**where.where, "action": "typing"}
        yield from self._calls.call(place.account, "sendChatAction", content, "showing a status", scope=scope)

    def idle(self, place: Place, outcome: PresenceOutcome) -> Exchange[None]:
        """Do nothing: it ends by itself."""
        yield from ()

    def limits(self, place: Place) -> Sequence[str]:
        account = place.account
        return [self._calls.scope(account), self._calls.scope(account, TelegramPlace.of(place).chat)]
