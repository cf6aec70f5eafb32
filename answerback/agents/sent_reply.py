"""`SentReply`: a message of the agents that a turn may change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from answerback.outgoing import Button, Select

if TYPE_CHECKING:
    from answerback.agents.turn_replies import TurnReplies


class SentReply:
    """A message of the agents, to be changed later: what `turn.reply` returns.

    Attributes:
        key (str): Its key. Keep it in `turn.state`, and a later turn of the thread changes the message with
            `turn.sent(key)`.

    Example:
        async def report(turn: Turn) -> None:
            sent = await turn.reply("Counting…")
            count = await turn.step("count", count_orders)
            await sent.edit(f"There are {count} orders.")
    """

    def __init__(self, turn: TurnReplies, key: str) -> None:
        self._turn = turn
        self.key = key

    def __repr__(self) -> str:
        return f"SentReply({self.key!r})"

    async def edit(self, text: str, *, actions: Sequence[Button | Select] = ()) -> None:
        """Replace the message. On return the change is stored in the outbox; it is made once.

        Args:
            text: The new text, as markdown. If it needs more messages than the old one, those are posted now.
            actions: The buttons and menus below it. Those it had before are removed.

        Raises:
            UnsupportedReply: The platform cannot change messages, or would refuse this one.
        """
        await self._turn._edit(self.key, text, actions)

    async def delete(self) -> None:
        """Delete the message, with its files. On return that is stored in the outbox; it happens once.

        Raises:
            UnsupportedReply: The platform cannot delete messages.
        """
        await self._turn._delete(self.key)
