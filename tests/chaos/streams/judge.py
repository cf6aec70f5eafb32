"""Compares what the platforms show with what was committed."""

from __future__ import annotations

from typing import NamedTuple

import aiohttp

from answerback.platforms.blocks import closing
from answerback.platforms.github.api import GitHub
from answerback.platforms.github.credential import Token
from answerback.platforms.github.marker import marked, unmarked
from answerback.platforms.slack.api import Slack
from tests.acceptance.system import System
from tests.chaos.streams.load import Thread
from tests.standins.client import StandIns


class Shown(NamedTuple):
    """A message of ours on a platform."""

    text: str
    key: str


async def shown(standins: StandIns, session: aiohttp.ClientSession, thread: Thread) -> list[Shown]:
    """Our messages in a thread, as the platform's API gives them, in order."""
    if thread.platform == "github":
        headers = {"authorization": f"Bearer {standins.options.github_token}"}
        url = f"{standins.url}/github/repos/{thread.channel}/issues/{thread.number}/comments"
        found = []
        for page in range(1, 100):
            query = {"per_page": "100", "page": str(page)}
            async with session.get(url, params=query, headers=headers) as response:
                comments = await response.json()
            found += [one["body"] for one in comments]
            if len(comments) < 100:
                break
        return [Shown(body.rpartition("\n\n<!-- answerback:")[0], marked(body)) for body in found if marked(body)]
    headers = {"authorization": f"Bearer {standins.options.slack_token}"}
    query = {"channel": thread.channel, "ts": thread.root, "include_all_metadata": "true", "limit": "1000"}
    async with session.get(f"{standins.url}/slack/conversations.replies", params=query, headers=headers) as response:
        messages = (await response.json())["messages"]
    return [
        Shown(one["text"], one.get("metadata", {}).get("event_payload", {}).get("key", ""))
        for one in messages
        if one.get("bot_id")
    ]


def expected(thread: Thread, text: str) -> list[str]:
    """What the platform is to show of a committed text."""
    if thread.platform == "slack":
        return Slack("", "").split(text)
    parts = GitHub(Token("t", ""), "").split(text)
    return [unmarked(part) + closing(unmarked(part)) for part in parts]


async def judge(system: System, standins: StandIns, threads: dict[str, Thread]) -> list[str]:
    """What is wrong."""
    wrong = []
    async with aiohttp.ClientSession() as session:
        for id, thread in threads.items():
            transcript = await system.transcript(id)
            answers = [one for one in transcript.messages if one.role == "assistant" and one.reply]
            awaited = [part for one in answers for part in expected(thread, one.text)]
            there = await shown(standins, session, thread)
            if [one.text for one in there] != awaited:
                wrong.append(f"{id}: {_difference(awaited, [one.text for one in there])}")
            keys = [one.key for one in there]
            if not all(keys) or len({*keys}) < len(keys):
                wrong.append(f"{id}: the keys are {keys}")
    left = [one for one in (await standins.state("slack"))["streams"] if one["state"] == "streaming"]
    return wrong + [f"left unfinished: {one}" for one in left]


def _difference(awaited: list[str], there: list[str]) -> str:
    """Where the messages begin to differ."""
    if len(awaited) != len(there):
        begins = [[text[:50] for text in some] for some in (there, awaited)]
        return f"{len(there)} messages and not {len(awaited)}: {begins[0]} and not {begins[1]}"
    for number, (want, got) in enumerate(zip(awaited, there, strict=True)):
        if want != got:
            at = next((n for n, pair in enumerate(zip(want, got, strict=False)) if len({*pair}) > 1), len(want))
            around = slice(max(0, at - 60), at + 80)
            return f"message {number} at {at} of {len(want)}: {got[around]!r} and not {want[around]!r}"
    return ""
