"""How people see that a turn is at work: what it reports while it runs."""

from __future__ import annotations

from typing import Literal

WORDS = 100
"""Maximum length of what a turn says that it is doing, in characters."""

Presence = Literal["status", "outcome"]
"""What an agent shows: that it works, or also how that ended."""

Ended = Literal["completed", "failed", "cancelled"]


class TurnPresence:
    """What people on the platform see of a running turn beside its replies. This one shows nothing."""

    def progress(self, words: str) -> None:
        """Show what the turn is doing; "" if that is not known any more."""

    def replied(self) -> None:
        """Note that a reply was stored: the platform may take away what it shows once that is posted."""

    def end(self, outcome: Ended) -> None:
        """Show that the turn has ended."""

    def leave(self) -> None:
        """Leave what is shown to another attempt, if the turn has not ended. Called last."""


NULL_PRESENCE = TurnPresence()
