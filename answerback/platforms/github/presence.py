"""A reaction shows that an agent is at work on a message; there is no typing indicator on GitHub."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from answerback.errors import Rejected
from answerback.platforms import Exchange, Place, Presence
from answerback.platforms.attempt import LAST
from answerback.platforms.github.address import Address
from answerback.platforms.github.calls import Calls
from answerback.platforms.github.reactions import Reactions

_OUTCOMES = {"completed": "hooray", "failed": "confused", "cancelled": ""}


class EyesPresence(Presence):
    """👀 while an agent is at work; then 🎉, or 😕 if it failed."""

    refresh = 0.0
    pace = 2.0
    lasting = True

    def __init__(self, calls: Calls, reactions: Reactions) -> None:
        self._calls, self._reactions = calls, reactions

    def working(self, place: Place, words: str) -> Exchange[None]:
        """React with 👀. What the agent does cannot be shown."""
        yield from self._reactions.add(_address(place), LAST, place.message, "eyes")

    def idle(self, place: Place, outcome: Literal["completed", "failed", "cancelled"]) -> Exchange[None]:
        """Exchange the reaction for one that shows the outcome."""
        address = _address(place)
        if reaction := _OUTCOMES[outcome]:
            yield from self._reactions.add(address, LAST, place.message, reaction)
        yield from self._reactions.remove(address, LAST, place.message, "eyes")

    def limits(self, place: Place) -> Sequence[str]:
        return self._calls.scopes(place.address, "core", "graphql")


def _address(place: Place) -> Address:
    try:
        return msgspec.convert(place.address, Address)
    except msgspec.ValidationError as error:
        raise Rejected(f"the event has no usable GitHub address: {error}") from error
