"""The slots of a Redis Cluster: where the keys of a command lie."""

from __future__ import annotations

import re
from collections.abc import Sequence

from redis.crc import key_slot

from answerback.store.connection.wire import Value

SLOTS = 16384
_ANYWHERE = "ab:{0}:clock"
# Commands without a key. They go where partition 0 is, so that TIME is always that of one server's clock.
_WITHOUT_KEY = re.compile(
    "ACL|CLIENT|CLUSTER|COMMAND|CONFIG|DBSIZE|ECHO|EXEC|FLUSHALL|INFO|KEYS|MULTI|PING|PUBLISH|PUBSUB|SCRIPT|TIME|WAIT"
    "|WAITAOF"
)


def slot(key: str | bytes) -> int:
    """Return the slot of a key."""
    return int(key_slot(key if isinstance(key, bytes) else key.encode(errors="surrogatepass"), SLOTS))


def slot_of(words: Sequence[Value]) -> int:
    """Return the slot of a command. Those of ours have their first key behind their name, scripts behind a count."""
    name = str(words[0]).upper().partition(" ")[0]
    key: Value = _ANYWHERE
    if name in ("EVAL", "EVALSHA"):
        key = words[3] if int(words[2]) else _ANYWHERE
    elif not _WITHOUT_KEY.fullmatch(name) and len(words) > 1:
        key = words[1]
    return slot(key if isinstance(key, bytes) else str(key))


def slot_of_all(commands: Sequence[Sequence[Value]]) -> int:
    """Return the slot of several commands on keys of one slot, some of which may have no key."""
    for words in commands:
        if not _WITHOUT_KEY.fullmatch(str(words[0]).upper()):
            return slot_of(words)
    return slot(_ANYWHERE)
