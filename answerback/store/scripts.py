"""The .lua files as methods of the same names. Each file's header documents its KEYS, ARGV and return value."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from importlib import resources
from typing import Any

from answerback.store.batching import Batcher
from answerback.store.redis import Database, Value

_WITH = re.compile(rb"^-- With (\w+)$", re.MULTILINE)
"""A line that includes a function from lua/with/, shared by several scripts."""


def _read(*path: str) -> bytes:
    return resources.files("answerback.store").joinpath("lua", *path[:-1], f"{path[-1]}.lua").read_bytes()


Part = tuple[list[str], list[Value]]
"""The KEYS and ARGV that one item of a group adds."""


class Script:
    """One atomic operation. `sha`: the id of the script on the server."""

    def __init__(self, database: Database, name: str) -> None:
        self._source = _WITH.sub(lambda found: _read("with", found[1].decode()), _read(name))
        self.sha = hashlib.sha1(self._source, usedforsecurity=False).hexdigest()
        self._database = database

    async def __call__(self, keys: Sequence[str], args: Sequence[Value]) -> Any:
        """Run the script. Raises `StoreUnavailable` or `StoreFull`."""
        return await self._database.script(self._source, self.sha, keys, args)

    def grouped(
        self, keys: Sequence[str], args: Sequence[Value], *, limit: int = 128, flights: int = 1
    ) -> Batcher[Part, Any]:
        """Return a batcher that combines calls: `keys` and `args` are shared, and each part adds its own.

        A part is encoded before it joins a group, so that one that cannot be encoded does not fail the others.
        """

        async def flush(parts: Sequence[Part]) -> Sequence[Any]:
            all_keys, all_args = [*keys], [*args]
            for its_keys, its_args in parts:
                all_keys += its_keys
                all_args += its_args
            results: Sequence[Any] = await self(all_keys, all_args)
            return results

        return Batcher(flush, limit, flights)


class Scripts:
    """All scripts, for one client."""

    def __init__(self, database: Database) -> None:
        def script(name: str) -> Script:
            return Script(database, name)

        self.accept = script("accept")
        self.amend = script("amend")
        self.remember = script("remember")
        self.open_chat = script("open_chat")
        self.update_chat = script("update_chat")
        self.filter = script("filter")
        self.reserve = script("reserve")
        self.claim = script("claim")
        self.take_more_events = script("take_more_events")
        self.extend = script("extend")
        self.count_step = script("count_step")
        self.step = script("step")
        self.emit = script("emit")
        self.watch = script("watch")
        self.cancel = script("cancel")
        self.commit = script("commit")
        self.release = script("release")
        self.dead_letter = script("dead_letter")
        self.replay_event = script("replay_event")
        self.delete_dead_letter = script("delete_dead_letter")
        self.claim_outbox = script("claim_outbox")
        self.mark_sending = script("mark_sending")
        self.settle = script("settle")
        self.defer = script("defer")
        self.confirm = script("confirm")
        self.replay_reply = script("replay_reply")
        self.divide = script("divide")
        self.rotate = script("rotate")
        self.revoke = script("revoke")
        self.rate_limit = script("rate_limit")
        self.begin_request = script("begin_request")
        self.finish_request = script("finish_request")
        self.unlock = script("unlock")
        self.requeue = script("requeue")
        self.replace_thread = script("replace_thread")
        self.record_redelivery = script("record_redelivery")
        self.try_write = script("try_write")
