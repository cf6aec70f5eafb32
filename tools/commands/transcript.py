"""Render a thread for people: its header, transcript, and what is waiting, failed or dead."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import click

from answerback.messages import Message, Retrieval, ToolCall
from answerback.outgoing import Button, Select
from answerback.replies import DeadLetter, Reply
from answerback.store.threads.views import ThreadSummary, Transcript

from ..rendering import ago, block, duration, visible, when

_LONGEST = 200
"""Maximum characters shown of a tool's arguments or result; --json shows everything."""


def transcribe(transcript: Transcript, dead: Sequence[DeadLetter], now: int) -> Iterator[str]:
    """Yield the lines of a transcript; `now` is in ms."""
    yield from _head(transcript.thread, now)
    replies = {reply.key: reply for reply in transcript.replies}
    for message in transcript.messages:
        yield ""
        yield from _message(message, replies)
    if transcript.steps:
        yield from _section("done so far in this turn")
        yield from (f"  {visible(step)}" for step in transcript.steps)
    if transcript.waiting:
        yield from _section("waiting")
        for event in transcript.waiting:
            yield f"  {_speaker(event.author.name or event.author.id)} {visible(event.kind)}  {event.id}"
            yield block(event.text, "    ")
    changes = [reply for reply in transcript.replies if reply.kind not in ("message", "review")]
    if changes:
        yield from _section("changes and reactions")
        for reply in changes:
            yield f"  {visible(reply.what)}: {_fate(reply)}"
    if unposted := [reply for reply in transcript.replies if reply.state != "sent" and reply not in changes]:
        yield from _section("replies not posted")
        for reply in unposted:
            yield f"  {_fate(reply)}"
    if dead:
        yield from _section("dead letters")
        for letter in dead:
            yield f"  {letter.id}  {when(letter.at)}  {visible(letter.reason)}"


def _head(thread: ThreadSummary, now: int) -> Iterator[str]:
    yield click.style(visible(thread.id), bold=True)
    facts = {
        "title": thread.title,
        "channel": thread.channel,
        "url": thread.url,
        "created": f"{when(thread.created)}, updated {ago(thread.updated, now)}",
        "agent": thread.agent,
        "state": _state(thread),
        "attention": "" if thread.attention == "default" else thread.attention,
        "loop": thread.loop and f"programs seem to answer each other; replies stopped {ago(thread.loop, now)}",
    }
    for name, fact in facts.items():
        if fact:
            yield f"  {name:<11}{visible(fact)}"


def _state(thread: ThreadSummary) -> str:
    waiting = f", {thread.waiting} waiting" if thread.waiting else ""
    match thread.state:
        case "running":
            lease = f"lease expires in {duration(thread.next)}"
            return f"running on {thread.owner}, attempt {thread.attempts}, {lease}{waiting}"
        case "retrying":
            again = f"next in {duration(thread.next)}"
            return f"retrying: attempt {thread.attempts} failed ({thread.error}), {again}{waiting}"
        case state:
            return f"{state}{waiting}"


def _message(message: Message, replies: dict[str, Reply]) -> Iterator[str]:
    if message.role == "user":
        who = (message.author.name or message.author.id) if message.author else "user"
    else:
        who = f"{message.agent or 'assistant'} (agent)"
    status = "turn failed permanently" if message.failed else message.status
    yield f"{_speaker(who)} {when(message.at)}  {message.turn}{f'  {status}' if status else ''}"
    yield from (f"  ⌕ {_retrieval(retrieval)}" for retrieval in message.retrievals)
    yield from (f"  ⚙ {_tool(call)}" for call in message.tools)
    yield block(message.text, "  ")
    if message.actions:
        yield f"  {' '.join(_action(action) for action in message.actions)}"
    yield from (f"  + {visible(attachment.name)}" for attachment in message.attachments)
    if reply := replies.get(message.reply):
        yield click.style(f"  → {_fate(reply)}", dim=True)


def _retrieval(retrieval: Retrieval) -> str:
    documents = ", ".join(f"{visible(document.source)} ({document.score:g})" for document in retrieval.documents)
    return f"{_short(retrieval.query)} → {documents or 'nothing'}"


def _action(action: Button | Select) -> str:
    if isinstance(action, Button):
        return visible(f"[{action.label}]")
    return visible(f"[{action.name}: {' | '.join(label for label, _ in action.options)}]")


def _fate(reply: Reply) -> str:
    where = reply.url or reply.message
    attempts = f" after {reply.attempts} attempts" if reply.attempts > 1 else ""
    trouble = f": {reply.error}" if reply.error else ""
    return visible(f"{reply.state}{attempts}{f' {where}' if where else ''}{trouble}  {reply.key}")


def _tool(call: ToolCall) -> str:
    result = (
        f" = {_short(call.result)}" if call.outcome == "done" else f": {call.outcome} {_short(call.result)}".rstrip()
    )
    return f"{visible(call.name)}({_short(call.args)}){result}"


def _short(value: Any) -> str:
    if value is None:
        return ""
    text = visible(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _speaker(name: str) -> str:
    return click.style(visible(name), bold=True)


def _section(title: str) -> Iterator[str]:
    yield ""
    yield click.style(f"{title}:", bold=True)
