"""Secrets are in no line that a process prints at its most talkative, in no answer, and nowhere in the store."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from answerback.store.access.api_keys import ApiKeys
from answerback.testing.standins.sender import GitHub, Slack, Standard
from tests.acceptance.raw import ask, request, webhook
from tests.acceptance.system import System, until
from tests.acceptance.terminal import Terminal
from tests.standins.client import StandIns

LEAKY = """
from answerback import Agent, Listen, Turn
from answerback.platforms.registry import PLATFORMS
from answerback.settings import Settings

async def answer(turn: Turn) -> str:
    if "fail" in turn.text:
        settings = Settings.load()
        platforms = [settings.platform(name) for name in PLATFORMS]
        raise RuntimeError(f"{settings!r} {settings} {platforms!r} {platforms[0]} {turn!r}")
    return "answered"

agents = [Agent("leaky", answer, listen=Listen(when=("every",)))]
"""
COMMANDS = [
    ["queue"], ["threads"], ["threads", "show", "standard:ticket-4711"], ["dead"], ["workers"], ["check"], ["keys"],
    ["redeliver", "--since", "1h", "--dry-run"],
]  # fmt: skip


@pytest.mark.parametrize("accepted", [True, False], ids=["good credentials", "bad ones, of which more is said"])
async def test_no_secret_is_anywhere(tmp_path: Path, standins: StandIns, accepted: bool) -> None:
    told = standins.environment()
    if not accepted:
        told |= {name: f"{told[name]}X5f9c1e7ab3d2" for name in ("GITHUB_TOKEN", "SLACK_BOT_TOKEN")}
    secrets = {name: value for name, value in told.items() if name.endswith(("_SECRET", "_TOKEN", "_KEY"))}
    assert secrets.keys() > {"GITHUB_TOKEN", "GITHUB_WEBHOOK_SECRET", "SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET"}
    system = System(tmp_path, {**told, "LOG_LEVEL": "debug", "TURN_MAX_ATTEMPTS": "2", "REPLY_MAX_ATTEMPTS": "2"})
    (tmp_path / "leaky.py").write_text(LEAKY)
    await system.open()
    shown = {}
    try:
        _, key = await ApiKeys(system.database).create(scopes=["chat:read", "chat:write", "admin"])
        secrets["API key"] = str(key).rpartition("_")[2]
        await system.ingress()
        await system.worker("leaky:agents", PYTHONPATH=str(tmp_path))
        for text in ("hello", "fail"):
            await system.deliver("github", GitHub().issue_comment(text, number=1))
            await system.deliver("slack", Slack().message(text, ts=f"1700000000.{len(text):06}"))
            await system.deliver("standard", Standard().message(text))
        for number, sent in enumerate(_careless(told, str(key))):
            shown[f"answer {number}"] = repr(await ask(system.port, sent))

        async def dead() -> list[str]:
            return [letter.id async for letter in system.letters.list()]

        # With bad credentials, what is said on platforms waits until we know who we are there.
        letters = await until(dead, lambda found: len(found) >= (3 if accepted else 1), what="the dead letters")
        settings = {**system.settings, "REDIS_URL": system.server.url, "ANSWERBACK_AGENTS": "leaky:agents"}
        terminal = Terminal(tmp_path, **settings)
        for command in [*COMMANDS, ["dead", "show", letters[0]]]:
            words = [*command, *([] if accepted else ["--json"])]
            done = await asyncio.to_thread(terminal.run, *words)
            shown[" ".join(words)] = done.out + done.err
        assert any("SecretStr" in text for text in shown.values())
        # A standstill, and a Redis that is away: errors are told then.
        await asyncio.to_thread(system.server.kill)
        assert (await system.post("standard", Standard().message("away")))[0] == 503
        await asyncio.to_thread(system.server.start)
        await system.deliver("standard", Standard().message("back"))
    finally:
        await system.close()
    written = [*tmp_path.glob("ingress-*.log"), *tmp_path.glob("worker-*.log"), *tmp_path.glob("data/**/*")]
    shown |= {str(file): file.read_bytes().decode("latin-1") for file in written if file.is_file()}
    assert any(name.endswith(".aof") for name in shown)
    for name, secret in secrets.items():
        for where, text in shown.items():
            assert secret not in text, (name, where, text[max(0, text.find(secret) - 300) : text.find(secret)])


def _careless(told: dict[str, str], key: str) -> list[bytes]:
    """Requests with a secret where it should not be."""
    ping, token = GitHub(secret="another").ping(), told["GITHUB_TOKEN"]
    found = [
        webhook("github", ping, f"X-Hub-Signature-256: {told['GITHUB_WEBHOOK_SECRET']}"),
        webhook("github", ping, f"Nonsense {token}: x\x00"),
        webhook("slack", ping, f"X-Slack-Signature: {told['SLACK_SIGNING_SECRET']}"),
        request(f"GET /{token}\x00{key}"),
    ]
    headers = [f"{name} {key}" for name in ("Authorization: Bearer", "Authorization: Basic", "Authorization :")]
    for header in [*headers, f"{key}: 1"]:
        for path in ("/api/v1/me", "/api/v1/chat/threads", "/api/v1/chat/threads/x"):
            found += [request(f"GET {path}", header), request(f"GET {path}", header, "\x01: " + key)]
    return found
