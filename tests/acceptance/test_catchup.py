"""What Slack could not deliver: read again, and answered once, unless a person has answered it meanwhile."""

from __future__ import annotations

from typing import Any

import msgspec

from tests.acceptance.system import System, until
from tests.standins.client import StandIns

ECHO = "tests.acceptance.agents:echoes"
CHANNEL = "C024BE91L"


async def _command(system: System, args: str = "--since 1h", code: int = 0) -> Any:
    """What `answerback redeliver slack … --json` prints."""
    done = await system.start(f"tools redeliver slack {args} --json")
    assert await done.wait() == code, done.words()
    return msgspec.json.decode(done.words())


async def _say(standins: StandIns, text: str, thread: str = "", user: str = "UADA", at: float = 0) -> str:
    """Something that a person says, of which no webhook tells: long enough ago that none is on its way."""
    place = {"thread_ts": thread} if thread else {}
    return str((await standins.say("slack", text=text, user=user, channel=CHANNEL, ts=f"{at:.6f}", **place))["ts"])


async def test_what_ingress_missed_is_answered_once(system: System, standins: StandIns) -> None:
    await system.ingress()
    await system.worker(ECHO)
    now = (await system.database.now()) / 1000
    known = await standins.act("slack", "say", text="known", channel=CHANNEL, ts=f"{now - 700:.6f}")
    await standins.wait_for_messages(1, "slack")
    await _say(standins, "missed", at=now - 600)
    asked = await _say(standins, "answered by Bob", at=now - 590)
    await _say(standins, "here you are", asked, "UBOB", at=now - 580)
    await _say(standins, "and in a known thread", known["ts"], at=now - 570)
    await _say(standins, "too old", at=now - 2 * 3600)
    [report] = await _command(system)
    assert (report["channel"], len(report["missed"]), len(report["answered"])) == (f"slack:T0STANDIN:{CHANNEL}", 4, 1)
    await system.quiet(5)
    said = sorted(message.body for message in await standins.messages("slack"))
    assert said == ["echo: and in a known thread", "echo: here you are", "echo: known", "echo: missed"]
    # What a person has answered is part of the thread's history.
    transcript = await system.transcript(f"slack:T0STANDIN:{CHANNEL}:{asked}")
    assert [message.text for message in transcript.messages][:2] == ["answered by Bob", "here you are"]
    [again] = await _command(system)
    assert (again["seen"], again.get("missed", [])) == (report["seen"], [])
    assert len(await standins.messages("slack")) == 4


async def test_a_worker_looks_for_what_was_missed(system: System, standins: StandIns) -> None:
    await system.ingress()
    now = (await system.database.now()) / 1000
    await _say(standins, "missed", at=now - 600)
    # A channel that was complete an hour ago.
    prefix = f"slack:T0STANDIN:{CHANNEL}:"
    await system.database.call("HSET", "ab:redelivery:healthy", prefix, int((now - 3600) * 1000))
    worker = await system.worker(ECHO, SLACK_CATCH_UP="true")
    found = await standins.wait_for_messages(1, "slack", within=30)
    assert [message.body for message in found] == ["echo: missed"]

    async def logged() -> list[dict[str, Any]]:
        return worker.lines("missed messages stored")

    await until(logged, what="the log line")


async def test_what_the_command_cannot_do_is_said(system: System) -> None:
    done = await system.start("tools redeliver slack --dry-run")
    assert await done.wait() == 2
    assert "leave out --hook and --dry-run" in done.words()
