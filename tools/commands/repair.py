"""Repair commands of `answerback threads`: unlock, requeue, purge and attention, with their output."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import click

from answerback.attention import Attention
from answerback.store.threads.archives import Archives, Purged
from answerback.store.threads.repair import AttentionSet, Requeued, Unlocked, requeue, set_attention, unlock
from answerback.store.threads.threads import Threads

from ..exits import Failure, NotFound
from ..rendering import document, duration, visible, when
from ..store import opened

T = TypeVar("T", Unlocked, Requeued, Purged, AttentionSet)

_TURN = {
    "requeued": "the turn can be claimed now",
    "lost": "the turn was missing from the queue and can be claimed now",
    "held": "a worker is running the turn (`answerback threads unlock` takes the thread away from it)",
    "ready": "the turn is already waiting for a free worker",
}
_REPLIES = {
    "requeued": "the replies can be sent now",
    "lost": "the replies were missing from the queue and can be sent now",
    "held": "a worker is sending the replies",
    "ready": "the replies are already waiting for a free worker",
}


async def unlock_each(ids: Sequence[str], as_json: bool) -> None:
    """Run `threads unlock`."""

    def say(result: Unlocked) -> str:
        parts = []
        if result.owner:
            parts.append(f"taken from {result.owner}, held since {when(result.since)}; any worker can claim it")
        if result.sending:
            parts.append(f"replies taken from their sender; another worker can send them in {duration(result.wait)}")
        return "; ".join(parts) or "not held by any worker"

    await _each(ids, unlock, lambda result: bool(result.owner) or result.sending, say, as_json)


async def requeue_each(ids: Sequence[str], as_json: bool) -> None:
    """Run `threads requeue`."""

    def done(result: Requeued) -> bool:
        return bool({result.turn, result.replies} & {"requeued", "lost"})

    def say(result: Requeued) -> str:
        parts = [_TURN.get(result.turn, ""), _REPLIES.get(result.replies, "")]
        return "; ".join(filter(None, parts)) or "nothing to requeue"

    await _each(ids, requeue, done, say, as_json)


async def set_attention_of_each(ids: Sequence[str], attention: Attention, as_json: bool) -> None:
    """Run `threads attention`."""

    def say(result: AttentionSet) -> str:
        unchanged = result.before == result.attention
        return f"attention is {result.attention}{' already' if unchanged else f', was {result.before}'}"

    await _each(
        ids,
        lambda threads, id: set_attention(threads, id, attention),
        lambda result: result.before != result.attention,
        say,
        as_json,
    )


async def purge_each(ids: Sequence[str], yes: bool, as_json: bool) -> None:
    """Run `threads purge`."""

    def say(result: Purged) -> str:
        held = f"; the turn was taken from {result.owner}" if result.owner else ""
        return f"removed {counted(result)}{held}"

    ids = tuple(dict.fromkeys(ids))
    if not yes:
        many = f"{len(ids)} threads" if len(ids) > 1 else f"the thread {visible(ids[0])}"
        click.confirm(f"purge {many} with the whole history? This cannot be undone.", abort=True, err=True)
    await _each(ids, lambda threads, id: Archives(threads).purge(id), lambda result: True, say, as_json)


def counted(purged: Purged) -> str:
    """Return what was removed, as text."""
    parts = {
        "message": purged.messages,
        "waiting event": purged.events,
        "reply": purged.replies,
        "dead letter": purged.dead,
        "step": purged.steps,
        "stream event": purged.stream_events,
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
        results = {id: await act(store.threads, id) for id in ids}
    acted: dict[str, T] = {}
    idle: dict[str, T] = {}
    for id, each in results.items():
        if each is not None:
            (acted if done(each) else idle)[id] = each
    missing = [id for id, each in results.items() if each is None]
    if as_json:
        document({"done": list(acted.values()), "nothing": list(idle.values()), "missing": missing})
    else:
        for line in _lines(acted, say):
            click.echo(line)
    if missing:
        raise NotFound("\n".join([*_lines(idle, say), f"thread not found: {', '.join(map(visible, missing))}"]))
    if idle:
        raise Failure("\n".join(_lines(idle, say)))


def _lines(results: dict[str, T], say: Callable[[T], str]) -> list[str]:
    return [f"{visible(id)}: {say(each)}" for id, each in results.items()]
