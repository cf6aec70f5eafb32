"""Buttons, files, edits, deletions and reactions: each takes effect once, whoever dies after its request was made."""

from __future__ import annotations

import base64
from typing import Any

import aiohttp
import pytest

from answerback.testing.standins.sender import Slack
from answerback.testing.standins.slack.webhooks import timestamp
from tests.acceptance.system import System
from tests.standins.client import StandIns

DEPLOYS = "tests.acceptance.agents:deploys"

METHODS = (
    "reactions.add", "chat.postMessage", "files.upload", "files.completeUploadExternal", "chat.update", "chat.delete",
    "reactions.remove",
)  # fmt: skip
"""The requests of a reply, in the order in which they are made."""


class Place:
    """A channel with one thread, in which somebody asks."""

    def __init__(self, number: int) -> None:
        self.channel = f"C0DEPLOY{number}"
        self.text = f"version-{number}"
        self.root = timestamp()
        self.ts = timestamp()

    async def ask(self, system: System) -> None:
        """Ask for a deployment."""
        delivery = Slack(channel=self.channel).message(self.text, ts=self.ts, thread_ts=self.root)
        await system.deliver("slack", delivery)

    async def shown(self, standins: StandIns) -> list[dict[str, Any]]:
        """What people see in the thread, but for its first message."""
        query = {"channel": self.channel, "ts": self.root}
        headers = {"authorization": f"Bearer {standins.options.slack_token.split(',')[0]}"}
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{standins.url}/slack/conversations.replies", params=query, headers=headers) as response,
        ):
            messages: list[dict[str, Any]] = (await response.json())["messages"]
            return messages[1:]

    async def check(self, standins: StandIns) -> str:
        """Compare what people see with what the agent did. Return the `ts` of the message with the buttons."""
        reacted, *ours = await self.shown(standins)
        assert (reacted["ts"], reacted.get("reactions", [])) == (self.ts, [])
        asked, files, answer = ours
        kinds = [block["type"] for block in asked["blocks"]]
        assert (asked["text"], kinds) == ("**Deploy now?**", ["markdown", "actions"])
        assert [element["action_id"] for element in asked["blocks"][1]["elements"]] == ["Yes", "No"]
        assert [file["title"] for file in files["files"]] == ["plan.txt"]
        assert answer["text"] == f"asked: {self.text}"
        ts: str = asked["ts"]
        return ts


@pytest.mark.parametrize("echoes", [True, False], ids=["with echoes", "without"])
async def test_each_is_shown_once_when_workers_die_after_the_request(
    system: System, standins: StandIns, echoes: bool
) -> None:
    await system.ingress()
    if not echoes:
        await standins.send_webhooks_to("")
    places = {method: Place(number) for number, method in enumerate(METHODS)}
    rules = []
    for method, place in places.items():
        # An upload is made to a URL that names no channel.
        contains = place.text if method == "files.upload" else place.channel
        fault: dict[str, Any] = {"operation": method, "contains": contains, "do": "stall-after", "seconds": 60}
        rules.append(await standins.add_fault(platform="slack", times=1, **fault))
    doomed = await system.worker(DEPLOYS)
    # A message that is reacted to is known to Slack.
    for place in places.values():
        await standins.say("slack", channel=place.channel, text=place.text, ts=place.ts, thread_ts=place.root)
        await place.ask(system)
    for rule in rules:
        await standins.wait_until_fired(rule)
    await doomed.kill()
    for rule in rules:
        await standins.remove_fault(rule)
    await system.worker(DEPLOYS)
    await system.quiet(len(places))
    for place in places.values():
        await place.check(standins)
    assert not [letter async for letter in system.letters.list()]
    state = await standins.state("slack")
    contents = [base64.b64decode(file["content"]).decode() for file in state["files"]]
    assert sorted(contents) == sorted(place.text for place in places.values())
