"""How structs are stored: as MessagePack maps. Coders are built once, since building one is slow.

Each decoder is built with `decoder` where it is used, beside the struct or in `answerback.store.decode`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

encode: Callable[[object], bytes] = msgspec.msgpack.Encoder().encode


def decoder(kind: type[T]) -> Callable[[bytes], T]:
    """Return a function that decodes a `kind`. It raises `msgspec.MsgspecError` if that is not possible."""
    return msgspec.msgpack.Decoder(kind).decode


decode_state = decoder(dict[str, Any])


def readable(decode: Callable[[bytes], T], raws: Iterable[bytes]) -> Iterator[T]:
    """Yield those that can be decoded: a newer version, since rolled back, may have written the others."""
    for raw in raws:
        try:
            yield decode(raw)
        except msgspec.MsgspecError:
            continue
