"""Where a dialog is after its last committed turn."""

from __future__ import annotations

import msgspec

from answerback.codec import decoder, encode
from answerback.errors import NewerData
from answerback.messages import Message


class Position(msgspec.Struct, frozen=True):
    """What the next turn of a dialog starts from.

    Attributes:
        history: The last messages, oldest first.
        state: The agent's encoded data; b"" before there is any.
        agent: The name of the agent that answered last.
    """

    history: tuple[Message, ...] = ()
    state: bytes = b""
    agent: str = ""

    def encoded(self) -> bytes:
        """Return it as bytes."""
        return encode(self)


_decode = decoder(Position)


def decoded(data: bytes) -> Position:
    """Return the position of these bytes; of b"", the start. Raises `NewerData` if they cannot be read."""
    try:
        return _decode(data) if data else Position()
    except msgspec.MsgspecError as error:
        raise NewerData(f"a saved dialog cannot be read: {error}") from None
