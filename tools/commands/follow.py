"""Follow a turn in the store until it is committed and its replies are sent, or until it is dead-lettered."""

from __future__ import annotations

import asyncio
import time

import click

from answerback.replies import Reply
from answerback.store.threads.receipt import Receipt
from answerback.store.threads.turns import TurnState, turn_state

from ..exits import OK, PROBLEM
from ..rendering import block, duration, visible
from ..store import Store

SHORTEST, LONGEST = 0.02, 0.25
"""Seconds between two polls: the interval starts short, for quick turns, and grows."""
PATIENCE = 1.5
"""Seconds of waiting before the reason is looked up and printed."""


async def follow(store: Store, receipt: Receipt, timeout: float) -> TurnState | None:
    """Return the turn once it is over, or as it is after `timeout` seconds. Prints to stderr what it waits for."""
    begin = time.monotonic()
    printed = ""
    pause = SHORTEST
    while True:
        turn = await turn_state(store.dead_letters, store.threads, receipt.thread, receipt.dispatch_id)
        waited = time.monotonic() - begin
        if turn is None or _over(turn) or waited >= timeout:
            return turn
        progress = await _progress(store, turn, waited)
        if progress and progress != printed:
            click.echo(progress, err=True)
            printed = progress
        await asyncio.sleep(min(pause, timeout - waited))
        pause = min(pause * 1.2, LONGEST)


def _over(turn: TurnState) -> bool:
    return turn.state == "dead" or (turn.state == "handled" and all(_settled(reply) for reply in turn.replies))


def _settled(reply: Reply) -> bool:
    return reply.state in ("sent", "failed")


async def _progress(store: Store, turn: TurnState, waited: float) -> str:
    thread = turn.thread
    match turn.state:
        case "retrying":
            return f"attempt {thread.attempts} failed: {visible(thread.error)}; it will be retried"
        case "waiting" if waited > PATIENCE:
            alive = [report for report, silent in await store.workers.workers() if silent <= report.lease]
            if not alive:
                return "no worker is running: start one with `answerback worker`"
            if all(report.blocked for report in alive):
                return f"{visible(alive[0].id)} is alive but blocked by {visible(alive[0].blocked)}"
            return f"waiting for {turn.before} earlier in this thread" if turn.before else "waiting for a worker"
        case "running" if waited > PATIENCE:
            for report, _ in await store.workers.workers():
                if report.id == thread.owner and report.blocked:
                    return f"running on {visible(thread.owner)}, which is blocked by {visible(report.blocked)}"
            return f"running on {visible(thread.owner)}, attempt {thread.attempts}"
        case "handled":
            late = next(reply for reply in turn.replies if not _settled(reply))
            return f"answered, but not posted yet: {visible(late.error)}" if late.error else ""
        case _:
            return ""


def ignored(turn: TurnState | None) -> str:
    """Return why no agent answers the message; "" if one does, or if the turn is not over."""
    if turn is None or turn.state != "handled" or turn.end is None or turn.end.status != "ignored":
        return ""
    return turn.end.reason or "no agent listens to this message"


def outcome(turn: TurnState | None, timeout: float, *, say: bool) -> int:
    """Print the answers to stdout and the status to stderr. Return the exit code."""
    if turn is None:
        click.echo("the thread no longer exists", err=True)
        return PROBLEM
    hint = f"see `answerback threads show {visible(turn.thread.id)}`"
    if turn.state == "dead":
        reason = turn.letter.reason if turn.letter else ""
        click.echo(f"the turn failed for good: {visible(reason)}; see `answerback dead show {turn.id}`", err=True)
        return PROBLEM
    if turn.state != "handled":
        trouble = f" ({visible(turn.thread.error)})" if turn.state == "retrying" else ""
        click.echo(f"no reply after {duration(int(timeout * 1000))}: {turn.state}{trouble}; {hint}", err=True)
        return PROBLEM
    answers = [message.text for message in turn.messages if message.role == "assistant"]
    if say:
        for text in answers:
            click.echo(block(text))
    if turn.end and turn.end.status == "cancelled":
        click.echo("the turn was cancelled", err=True)
        return PROBLEM
    if ignored(turn):
        return PROBLEM  # the reason was printed already
    if turn.end and turn.end.status == "dropped":
        click.echo("the agent is working and accepts no messages meanwhile", err=True)
        return PROBLEM
    if not answers:
        click.echo("the agent handled the message without replying", err=True)
    for reply in turn.replies:
        click.echo(_fate(reply), err=True)
    return OK if all(reply.state == "sent" for reply in turn.replies) else PROBLEM


def _fate(reply: Reply) -> str:
    match reply.state:
        case "sent":
            return f"posted: {visible(reply.url or reply.message)}"
        case "failed":
            return f"not posted: {visible(reply.error)}; see `answerback dead show {reply.key}`"
        case _:
            return f"not posted yet{f': {visible(reply.error)}' if reply.error else ''}"
