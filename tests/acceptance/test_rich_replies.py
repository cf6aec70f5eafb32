"""Buttons, files, edits, deletions and reactions: each takes effect once, whoever dies after its request was made."""

from __future__ import annotations

import base64
from typing import Any

import aiohttp
import pytest

from answerback.testing.standins.sender import GitHub, Slack
from answerback.testing.standins.slack.webhooks import timestamp
from tests.acceptance.system import System
from tests.standins.client import StandIns

DEPLOYS = "tests.acceptance.agents:deploys"
BOTH = "tests.acceptance.agents:deploys_and_echoes"

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


async def test_a_pressed_button_changes_its_message_once(system: System, standins: StandIns) -> None:
    await system.ingress()
    await system.worker(DEPLOYS)
    place = Place(9)
    await standins.say("slack", channel=place.channel, text=place.text, ts=place.ts, thread_ts=place.root)
    await place.ask(system)
    await system.quiet(1)
    ts = await place.check(standins)
    # A double click: two requests of Slack, with two triggers.
    for _ in range(2):
        await standins.act("slack", "press", channel=place.channel, ts=ts, action_id="Yes")
    await system.quiet(3)
    _, asked, *_ = await place.shown(standins)
    assert (asked["ts"], asked["text"]) == (ts, f"Yes it is: {place.text}")
    assert [block["type"] for block in asked["blocks"]] == ["markdown"]
    edits = [request for request in await standins.requests("slack") if request.operation == "chat.update"]
    assert len(edits) == 2, "one by the agent itself, one because of the button"


async def test_echoes_settle_what_cannot_be_looked_for(system: System, standins: StandIns) -> None:
    """Searches are refused for ever, and workers die after their requests: our own webhooks settle everything."""
    await system.ingress()
    finds = ("conversations.replies", "files.info", "issues/list-comments*")
    searches = [await standins.add_fault(operation=each, do="rate-limit", seconds=2) for each in finds]
    operations = ("chat.postMessage", "files.completeUploadExternal", "issues/create-comment")
    places = [Place(20 + number) for number in range(4)]
    numbers = [70 + number for number in range(4)]
    for place in places:
        await standins.say("slack", channel=place.channel, text=place.text, ts=place.ts, thread_ts=place.root)
    for round in range(2):
        doomed = await system.worker(BOTH)
        fault: dict[str, Any] = {"do": "stall-after", "seconds": 60, "times": 2}
        rules = [await standins.add_fault(operation=each, **fault) for each in operations]
        for place in places[2 * round : 2 * round + 2]:
            await place.ask(system)
        for number in numbers[2 * round : 2 * round + 2]:
            await system.deliver("github", GitHub(repo="acme/steps").issue_comment(f"say {number}", number=number))
        for rule in (rules[0], rules[2]):
            await standins.wait_until_fired(rule, 2)
        await doomed.kill()
        for rule in (rules[0], rules[2]):
            await standins.remove_fault(rule)
        doomed = await system.worker(BOTH)
        await standins.wait_until_fired(rules[1], 2)
        await doomed.kill()
        await standins.remove_fault(rules[1])
    await system.worker(BOTH)
    await system.quiet(len(places) + len(numbers))
    for rule in searches:
        await standins.remove_fault(rule)
    for place in places:
        await place.check(standins)
    comments = [message.body.partition("\n")[0] for message in await standins.messages("github")]
    assert sorted(comments) == [f"echo: say {number}" for number in numbers]
    assert not [letter async for letter in system.letters.list()]
