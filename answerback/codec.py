"""How structs are stored: as MessagePack maps. Coders are built once, since building one is slow.

A decoder that is used by one module alone is built there with `decoder`, beside the struct.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from answerback.events import Amendment, Entry
from answerback.files import StoredFile
from answerback.messages import Message, TurnEnd
from answerback.replies import DeadLetter, Reply, StreamedReply

T = TypeVar("T")

encode: Callable[[object], bytes] = msgspec.msgpack.Encoder().encode


def decoder(kind: type[T]) -> Callable[[bytes], T]:
    """Return a function that decodes a `kind`. It raises `msgspec.MsgspecError` if that is not possible."""
    return msgspec.msgpack.Decoder(kind).decode


decode_state = decoder(dict[str, Any])
decode_amendment = decoder(Amendment)
decode_entry = decoder(Entry)
decode_message = decoder(Message)
decode_turn_end = decoder(TurnEnd)
decode_reply = decoder(Reply)
decode_streamed = decoder(StreamedReply)
decode_dead_letter = decoder(DeadLetter)
decode_file = decoder(StoredFile)
