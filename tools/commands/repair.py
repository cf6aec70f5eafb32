"""What `answerback threads` does to threads: unlock, requeue, purge; and what it says of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import click

from answerback.store import Archives, Purged, Threads
from answerback.store.threads.repair import Requeued, Unlocked, requeue, unlock

from ..exits import Failure, NotFound
from ..rendering import document, duration, visible, when
from ..store import opened

T = TypeVar("T", Unlocked, Requeued, Purged)

_TURN = {
    "requeued": "its turn can be claimed now",
    "lost": "its turn was missing from the queue, and can be claimed now",
    "held": "a worker has its turn (`answerback threads unlock` takes it away)",
    "ready": "its turn waits for a free worker already",
}
_REPLIES = {
    "requeued": "its replies can be sent now",
    "lost": "its replies were missing from the queue, and can be sent now",
    "held": "a worker is sending its replies",
    "ready": "its replies wait for a free worker already",
}


async def unlock_each(ids: Sequence[str], as_json: bool) -> None:
    """`threads unlock`."""

    def say(found: Unlocked) -> str:
        said = []
        if found.owner:
            said.append(f"taken from {found.owner}, which held it since {when(found.since)}; any worker may claim it")
        if found.sending:
            said.append(f"its replies taken from their sender; another may send them in {duration(found.wait)}")
        return "; ".join(said) or "nobody holds it"

    await _each(ids, unlock, lambda found: bool(found.owner) or found.sending, say, as_json)


async def requeue_each(ids: Sequence[str], as_json: bool) -> None:
    """`threads requeue`."""

    def done(found: Requeued) -> bool:
        return bool({found.turn, found.replies} & {"requeued", "lost"})

    def say(found: Requeued) -> str:
        said = [_TURN.get(found.turn, ""), _REPLIES.get(found.replies, "")]
        return "; ".join(filter(None, said)) or "nothing waits there"

    await _each(ids, requeue, done, say, as_json)


async def purge_each(ids: Sequence[str], yes: bool, as_json: bool) -> None:
    """`threads purge`."""

    def say(found: Purged) -> str:
        held = f"; its turn was taken from {found.owner}" if found.owner else ""
        return f"removed {counted(found)}{held}"

    ids = tuple(dict.fromkeys(ids))
    if not yes:
        many = f"{len(ids)} threads" if len(ids) > 1 else f"the thread {visible(ids[0])}"
        click.confirm(f"purge {many}, with all that was said? It cannot be taken back.", abort=True, err=True)
    await _each(ids, lambda threads, id: Archives(threads).purge(id), lambda found: True, say, as_json)


def counted(found: Purged) -> str:
    """What was removed, in words."""
    parts = {
        "message": found.messages,
        "waiting event": found.events,
        "reply": found.replies,
        "dead letter": found.dead,
        "step": found.steps,
        "delta": found.deltas,
    }
    words = [f"{count} {_plural(name, count)}" for name, count in parts.items() if count or name == "message"]
    return ", ".join(words)


def _plural(name: str, count: int) -> str:
    return name if count == 1 else "replies" if name == "reply" else f"{name}s"


async def _each(
    ids: Sequence[str],
    act: Callable[[Threads, str], Awaitable[T | None]],
    done: Callable[[T], bool],
    say: Callable[[T], str],
    as_json: bool,
) -> None:
    ids = tuple(dict.fromkeys(ids))
    async with opened() as store:
        found = {id: await act(store.threads, id) for id in ids}
    acted: dict[str, T] = {}
    idle: dict[str, T] = {}
    for id, each in found.items():
        if each is not None:
            (acted if done(each) else idle)[id] = each
    missing = [id for id, each in found.items() if each is None]
    if as_json:
        document({"done": list(acted.values()), "nothing": list(idle.values()), "missing": missing})
    else:
        for words in _lines(acted, say):
            click.echo(words)
    if missing:
        raise NotFound("\n".join([*_lines(idle, say), f"there is no thread {', '.join(map(visible, missing))}"]))
    if idle:
        raise Failure("\n".join(_lines(idle, say)))


def _lines(found: dict[str, T], say: Callable[[T], str]) -> list[str]:
    return [f"{visible(id)}: {say(each)}" for id, each in found.items()]
