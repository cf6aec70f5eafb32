"""What GitHub could not deliver: found, asked for again, and answered once."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from answerback.store.fleet.redeliveries import Redeliveries
from answerback.testing.standins.github.webhooks import HOOK
from answerback.testing.standins.sender import GitHub
from tests.acceptance.system import System, until
from tests.standins.client import StandIns

ECHO = "tests.acceptance.agents:echoes"
REPOSITORY = f"acme/widgets/hooks/{HOOK}"
DAY = 86_400


def _key() -> str:
    form = serialization.PrivateFormat.TraditionalOpenSSL
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


async def _command(system: System, args: str, code: int = 0, **settings: str) -> Any:
    """What `answerback redeliver … --json` prints."""
    done = await system.start(f"tools redeliver {args} --json", **settings)
    assert await done.wait() == code, done.words()
    return msgspec.json.decode(done.words())


async def _asked(standins: StandIns) -> int:
    counts = (await standins.counts()).get("github", {})
    return sum(counts.get(f"{whose}/redeliver-webhook-delivery", 0) for whose in ("repos", "apps"))


async def _outage(system: System, standins: StandIns, sender: GitHub) -> None:
    """One event arrives, then two are sent while ingress is down: one to nobody, one to a 503."""
    up = await system.ingress()
    await standins.deliver(sender.issue_comment("before", number=1))
    await standins.wait_for_deliveries(1)
    await up.stop()
    await standins.deliver(sender.issue_comment("to nobody", number=2))
    await standins.wait_for_deliveries(2)
    await standins.fail_delivery(sender.issue_comment("to a 503", number=3), status=503)


async def _answered(system: System, standins: StandIns) -> list[str]:
    await system.quiet(3)
    return sorted(message.body.partition("\n")[0] for message in await standins.messages("github"))


ALL = ["echo: before", "echo: to a 503", "echo: to nobody"]


async def test_the_command_brings_back_what_failed_and_asks_for_nothing_else(
    system: System, standins: StandIns
) -> None:
    await _outage(system, standins, GitHub())
    found = await _command(system, "--since 2h --dry-run", GITHUB_REDELIVER=REPOSITORY)
    assert [missing["outcome"] for missing in found[0]["missing"]] == ["found", "found"]
    assert await _asked(standins) == 0
    await system.ingress()
    await system.worker(ECHO)
    [found] = await _command(system, f"--since 2h --hook {REPOSITORY}")
    assert [missing["outcome"] for missing in found["missing"]] == ["asked", "asked"]
    assert await _answered(system, standins) == ALL
    # Now all have arrived, and the redeliveries are deliveries of the same events.
    await standins.wait_for_deliveries(5)
    [again] = await _command(system, f"--since 2h --hook {REPOSITORY}")
    assert again["missing"] == []
    assert await _asked(standins) == 2
    assert (await system.queues()).accepted == 3


async def test_a_worker_that_starts_brings_back_what_failed(system: System, standins: StandIns) -> None:
    await _outage(system, standins, GitHub())
    await system.ingress()
    worker = await system.worker(ECHO, GITHUB_REDELIVER=REPOSITORY)
    assert await _answered(system, standins) == ALL
    assert len(worker.lines("redelivery requested")) == 2
    healthy = await until(lambda: Redeliveries(system.database).healthy(REPOSITORY), what="the round's end")
    assert healthy is not None
    # Another one that starts has nothing to do.
    other = await system.worker(ECHO, GITHUB_REDELIVER=REPOSITORY)
    await until(lambda: _lists(standins), lambda count: count >= 2, what="the second round")
    await other.stop()
    assert await _asked(standins) == 2


async def _lists(standins: StandIns) -> int:
    return (await standins.counts()).get("github", {}).get("repos/list-webhook-deliveries", 0)


async def test_an_event_that_was_stored_although_its_delivery_failed_is_a_duplicate(
    system: System, standins: StandIns
) -> None:
    delivery = GitHub().issue_comment("stored, and the 202 was lost", number=1)
    await system.ingress()
    await system.worker(ECHO)
    assert (await system.deliver("github", delivery))["status"] == "accepted"
    await system.quiet(1)
    await standins.fail_delivery(delivery, status=504)
    await _command(system, f"--since 1h --hook {REPOSITORY}")
    redelivered = [each for each in await standins.wait_for_deliveries(3) if each["redelivery"]]
    assert [each["status_code"] for each in redelivered] == [202]
    assert len(await standins.messages("github")) == 1


async def test_an_apps_webhook_is_asked_for_with_the_apps_key(tmp_path: Path) -> None:
    async with StandIns.start(tmp_path, app_key=_key()) as standins:
        system = System(tmp_path, standins.environment())
        await standins.send_webhooks_to(f"http://127.0.0.1:{system.port}/webhooks/{{platform}}")
        await system.open()
        try:
            await _outage(system, standins, GitHub(installation=77))
            await system.ingress()
            await system.worker(ECHO, GITHUB_REDELIVER="app")
            assert await _answered(system, standins) == ALL
            assert await _asked(standins) == 2
        finally:
            await system.close()


async def test_the_command_says_what_is_missing(system: System, standins: StandIns) -> None:
    for settings, said in (
        ({}, "no webhook given"),
        ({"GITHUB_REDELIVER": "acme/widgets"}, "is not a webhook"),
        ({"GITHUB_REDELIVER": REPOSITORY, "GITHUB_TOKEN": ""}, "GITHUB_TOKEN"),
        ({"GITHUB_REDELIVER": REPOSITORY, "GITHUB_TOKEN": "ghp_wrong"}, "admin:repo_hook"),
    ):
        done = await system.start("tools redeliver --since 2h", **settings)
        assert await done.wait() == 1
        assert said in done.words()
        assert "Traceback" not in done.words()


async def test_what_github_delivers_no_longer_is_named_as_lost(system: System, standins: StandIns) -> None:
    await standins.fail_delivery(GitHub().issue_comment("too old", number=1), at=time.time() - 4 * DAY)
    await standins.fail_delivery(GitHub().issue_comment("old", number=2), at=time.time() - 2 * DAY)
    [found] = await _command(system, f"--since 7d --hook {REPOSITORY}", code=1)
    assert [missing["outcome"] for missing in found["missing"]] == ["lost", "asked"]
    done = await system.start(f"tools github redeliver --hook {REPOSITORY} --since 7d")
    await done.wait()
    assert "does not redeliver anything older than 3 days" in done.words()
    # A worker that comes back after so long says so in its log, and goes on from there.
    await Redeliveries(system.database).heal(REPOSITORY, int((time.time() - 5 * DAY) * 1000))
    worker = await system.worker(ECHO, GITHUB_REDELIVER=REPOSITORY)

    async def told() -> list[Any]:
        return worker.lines("delivery lost")

    [lost] = await until(told, what="the lost delivery being named")
    assert lost["event_name"] == "issue_comment.created"
    assert worker.lines("deliveries may have been missed: no check within the platform's retention period")
