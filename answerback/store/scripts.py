"""The .lua files as methods of the same names. Each file's header documents its KEYS, ARGV and return value."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any

from answerback.store.batching import Batcher
from answerback.store.redis import Database, Value

_WITH = re.compile(rb"^-- With (\w+)$", re.MULTILINE)
"""A line that includes a function from lua/with/, shared by several scripts."""


def _read(*path: str) -> bytes:
    return resources.files("answerback.store").joinpath("lua", *path[:-1], f"{path[-1]}.lua").read_bytes()


_SCALARS = re.compile(rb"^ *(?:local )?(\w+(?:,\s+\w+)*) = unpack\(ARGV, (1|arg), (?:arg \+ )?(\d+)\)$", re.MULTILINE)
_LIST = re.compile(rb"^ *local (\w+)(?:, \w+)? = list\([\w +]+, (\d)\)$", re.MULTILINE)
"""Where a script names its arguments: `local id, fence = unpack(ARGV, 1, 2)`, and lists behind them."""

_PROMISED = frozenset(
    {
        "accept", "amend", "amend_history", "remember", "open_chat", "update_chat", "finish_file", "step", "commit",
        "dead_letter", "mark_sending", "show", "settle", "confirm", "fail_reply",
        "replay_event", "replay_reply", "delete_dead_letter", "replace_thread",
        "delete_file", "cancel", "unlock", "requeue", "set_attention", "rotate", "revoke", "swap_field",
        "finish_request", "claim_session", "write_session",
        "change_layout", "copied", "leave", "arrive", "add_counters", "end_move",
    }
)  # fmt: skip
"""Scripts whose result is reported outside, or precedes something that must not be done twice.

With REDIS_REPLICAS, replicas confirm them. What the others write is done again if a failover takes it back: see
docs/durability.md.
"""

Part = tuple[list[str], list[Value]]
"""The KEYS and ARGV that one item of a group adds."""


class Arguments:
    """The arguments of a script in the order in which the script itself names them.

    Args:
        names: Single values.
        lists: Lists behind them, each with the number of values of an item; sent with its length.
    """

    def __init__(self, names: Sequence[str], lists: Sequence[tuple[str, int]] = ()) -> None:
        self.names, self.lists = tuple(names), tuple(lists)
        self._count = len(self.names) + len(self.lists)

    def __call__(self, **values: Value | Sequence[Value]) -> list[Value]:
        """Return the values as a script takes them. Raises `TypeError` if one is missing or unknown."""
        # Several calls a turn: an equal count with no name missing is cheaper to check than equal sets.
        try:
            if len(values) != self._count:
                raise KeyError
            args: list[Any] = [*map(values.__getitem__, self.names)]
            for name, width in self.lists:
                items: Any = values[name]
                args.append(len(items) // width)
                args += items
        except KeyError:
            expected = sorted((*self.names, *(name for name, _ in self.lists)))
            raise TypeError(f"expected the arguments {expected}, not {sorted(values)}") from None
        return args


class Script:
    """One atomic operation.

    Its file is read when it is first run.

    source  its text, with what it includes
    sha     the id of the script on the server
    args    its arguments; of a script for several items, those that the items share
    item    the arguments of one item
    """

    source: bytes
    sha: str
    args: Arguments
    item: Arguments

    def __init__(self, database: Database, name: str) -> None:
        self._name = name
        self._database = database
        self._promised = name in _PROMISED

    def __getattr__(self, attribute: str) -> Any:
        if attribute not in ("source", "sha", "args", "item"):
            raise AttributeError(attribute)
        self.source, self.sha, self.args, self.item = _parsed(self._name)
        return self.__dict__[attribute]

    async def __call__(self, keys: Sequence[str], /, **values: Value | Sequence[Value]) -> Any:
        """Run the script, with its arguments by name. Raises `StoreUnavailable` or `StoreFull`."""
        return await self._run(keys, self.args(**values))

    async def _run(self, keys: Sequence[str], args: Sequence[Value]) -> Any:
        return await self._database.script(self.source, self.sha, keys, args, promised=self._promised)

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
            results: Sequence[Any] = await self._run(all_keys, all_args)
            return results

        return Batcher(flush, limit, flights)


@cache
def _parsed(name: str) -> tuple[bytes, str, Arguments, Arguments]:
    """Return what a `Script` has of its file. A process has many clients with all scripts: it reads each file once."""
    source = _WITH.sub(lambda found: _read("with", found[1].decode()), _read(name))
    return source, hashlib.sha1(source, usedforsecurity=False).hexdigest(), *_arguments(source)


def _arguments(source: bytes) -> tuple[Arguments, Arguments]:
    names: dict[str, list[str]] = {"1": [], "arg": []}
    for match in _SCALARS.finditer(source):
        first, last = match[2].decode(), int(match[3])
        names[first] = match[1].decode().replace(",", " ").split()
        if len(names[first]) != (last if first == "1" else last + 1):
            raise ValueError(f"a script names {len(names[first])} arguments: {match[0].decode().strip()}")
    lists = [(match[1].decode(), int(match[2])) for match in _LIST.finditer(source)]
    if names["arg"]:
        return Arguments(names["1"]), Arguments(names["arg"], lists)
    return Arguments(names["1"], lists), Arguments(())


class Scripts:
    """All scripts, for one client."""

    def __init__(self, database: Database) -> None:
        def script(name: str) -> Script:
            return Script(database, name)

        self.locate = script("locate")
        self.change_layout = script("change_layout")
        self.copied = script("copied")
        self.leave = script("leave")
        self.arrive = script("arrive")
        self.add_counters = script("add_counters")
        self.end_move = script("end_move")
        self.accept = script("accept")
        self.amend = script("amend")
        self.amend_history = script("amend_history")
        self.remember = script("remember")
        self.open_chat = script("open_chat")
        self.update_chat = script("update_chat")
        self.add_chunk = script("add_chunk")
        self.finish_file = script("finish_file")
        self.delete_file = script("delete_file")
        self.filter = script("filter")
        self.reserve = script("reserve")
        self.reserve_parked = script("reserve_parked")
        self.give_back = script("give_back")
        self.claim = script("claim")
        self.take_more_events = script("take_more_events")
        self.extend = script("extend")
        self.count_step = script("count_step")
        self.step = script("step")
        self.show = script("show")
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
        self.fail_reply = script("fail_reply")
        self.replay_reply = script("replay_reply")
        self.divide = script("divide")
        self.rotate = script("rotate")
        self.revoke = script("revoke")
        self.rate_limit = script("rate_limit")
        self.reserve_slot = script("reserve_slot")
        self.begin_request = script("begin_request")
        self.finish_request = script("finish_request")
        self.claim_session = script("claim_session")
        self.write_session = script("write_session")
        self.unlock = script("unlock")
        self.resume = script("resume")
        self.requeue = script("requeue")
        self.set_attention = script("set_attention")
        self.replace_thread = script("replace_thread")
        self.record_redelivery = script("record_redelivery")
        self.try_write = script("try_write")
        self.swap_field = script("swap_field")
        self.hold = script("hold")
        self.give_up = script("give_up")
        self.take_due = script("take_due")
