"""Data that version 0.1.0 left in Redis is read, answered and replayed by this one."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from answerback.archive import line, parse
from answerback.events import Entry
from answerback.store.access.api_keys import ApiKeys
from answerback.store.access.session_tokens import SessionTokens
from answerback.store.chats.chats import Chats
from answerback.store.fleet.workers import WorkerRegistry
from answerback.store.redis import Database
from answerback.store.threads.archives import Archives
from answerback.store.threads.dead_letters import DeadLetters
from answerback.store.threads.outbox import Outbox
from answerback.store.threads.queues import queues
from answerback.store.threads.threads import Threads
from answerback.store.threads.views import transcript
from tests.redis.given import claim_all, courier, event, turn

RECORDED = Path(__file__).parents[1] / "fixtures/stores/0.1.0.json"
COMMANDS = {"string": "SET", "list": "RPUSH", "set": "SADD", "hash": "HSET"}


def _bytes(words: list[str]) -> list[bytes]:
    return [base64.b64decode(word) for word in words]


async def _restore(database: Database) -> dict[str, Any]:
    """Put the recorded store into an empty server. What stands beside it in the file."""
    recorded: dict[str, Any] = json.loads(RECORDED.read_text())
    for key, found in recorded["data"].items():
        match found["type"]:
            case "zset":
                words = _bytes(found["value"])
                for member, score in zip(words[::2], words[1::2], strict=True):
                    await database.call("ZADD", key, score, member)
            case "stream":
                for id, fields in found["value"]:
                    await database.call("XADD", key, base64.b64decode(id), *_bytes(fields))
            case kind:
                await database.call(COMMANDS[kind], key, *_bytes(found["value"]))
    return recorded


async def test_threads_of_the_version_before_are_shown_and_answered(threads: Threads) -> None:
    await _restore(threads.database)
    shown = await queues(threads)
    assert (shown.events_waiting, shown.dead, shown.threads) == (5, 2, 6)
    found = await transcript(threads, "github:1:history")
    assert found is not None
    assert [message.text for message in found.messages] == ["message 2", "yes"]
    assert sorted(reply.state for reply in found.replies) == ["failed", "sending", "sent"]
    assert [delivery.status for delivery in [await threads.accept(event(4, "github:1:claimed"))]] == ["duplicate"]
    claims = {held.thread: held for held in await claim_all(threads)}
    assert set(claims) == {"github:1:claimed", "github:1:waiting", "chat:acme:order-7"}
    assert claims["github:1:claimed"].crashes == 1
    assert claims["github:1:claimed"].journal == {"look#1": b"\xa4done"}
    assert claims["chat:acme:order-7"].system == "Be brief."
    for held in claims.values():
        await threads.commit(turn(held, more=False))
    waiting = await transcript(threads, "github:1:waiting")
    assert waiting is not None
    assert [entry.text for entry in waiting.waiting] == ["message 6"]
    retrying = await transcript(threads, "github:1:retrying")
    assert retrying is not None
    assert (retrying.thread.state, retrying.thread.error) == ("retrying", "it failed")


async def test_replies_and_dead_letters_of_the_version_before_go_on(threads: Threads) -> None:
    await _restore(threads.database)
    outbox, letters = Outbox(threads), DeadLetters(threads)
    (out,) = await courier(threads, outbox)
    assert (out.reply.state, out.reply.attempts) == ("sending", 1)
    await outbox.settle(out)
    dead = {letter.kind: letter async for letter in letters.list()}
    assert dead["reply"].reason == "HTTP 403: refused"
    buried = await letters.get(dead["event"].id)
    assert buried is not None
    assert isinstance(buried[1], Entry)
    assert buried[1].journal == {"look#1": b"\xa1x"}
    for letter in dead.values():
        assert await letters.replay(letter.id)
    assert "github:1:dead" in {held.thread for held in await claim_all(threads)}
    (again,) = await courier(threads, outbox)
    assert again.reply.key == dead["reply"].id


async def test_callers_and_identities_of_the_version_before_are_known(database: Database) -> None:
    recorded = await _restore(database)
    api_keys, tokens, shown = ApiKeys(database), SessionTokens(database), recorded["keys"]
    live = await api_keys.find(shown["live"])
    assert live is not None
    assert (live.workspace, live.name, live.state) == ("acme", "backend", "live")
    assert [key.name for key in await api_keys.allowing("https://www.example.com")] == ["site"]
    assert await tokens.get(shown["session"].split("_")[2]) is not None
    assert (await WorkerRegistry(database).identities())["github"].name == "@answerbot"
    own = event(7, "github:1:new", identities=("github:user:583231000", "user:583231000"))
    assert (await Threads(database).accept(own)).status == "ignored"
    assert (await Chats(Threads(database)).get("acme", "order-7")) is not None


async def test_an_archive_of_such_a_thread_goes_into_another_store(threads: Threads) -> None:
    await _restore(threads.database)
    archives = Archives(threads)
    for id in ("github:1:history", "github:1:retrying", "chat:acme:order-7"):
        archive = await archives.read(id)
        assert archive is not None
        raw = line(archive)
        await archives.purge(id)
        await archives.restore(parse(raw))
        assert await archives.read(id) is not None
