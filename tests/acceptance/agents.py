"""The agents of the acceptance tests."""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections.abc import AsyncIterator

from answerback import Agent, Button, File, Listen, ReviewComment, Turn
from tests.acceptance.marks import mark, released

EVERY = Listen(when=("every",))


async def echo(turn: Turn) -> str:
    """Say what was said."""
    return f"echo: {turn.text}"


async def count(turn: Turn) -> str:
    """Say how many messages of people came before: wrong as soon as the order is."""
    return str(sum(message.role == "user" for message in turn.history))


async def list_files(turn: Turn) -> str:
    """Say what files there are, and what could not be had."""
    return "\n".join(
        [
            f"{one.name}: {one.problem}"
            if one.problem
            else f"{one.name} {one.content_type} {len(await turn.read(one))}"
            for one in turn.attachments
        ]
    )


async def say_again(turn: Turn) -> str:
    """Say what was said, and how much came before it."""
    return f"{len(turn.history)} before: {turn.text}"


async def hold(turn: Turn) -> str:
    """Tell that the work has begun, and say what was said, all of it, when released. Another attempt says so, too."""
    mark(f"{turn.text}-{turn.attempt}")
    await released()
    said = " + ".join(event.text for event in turn.events)
    return said if turn.attempt == 1 else f"{said} (attempt {turn.attempt})"


async def work(turn: Turn) -> str | None:
    """Say what is being done while that takes a while. Told to, stay silent, or die in the first attempt."""
    turn.progress("Searching the tracker…")
    mark(f"working-{turn.attempt}")
    await released(turn.attempt)
    return None if "silent" in turn.text else f"done: {turn.text}"


async def charge(text: str) -> None:
    """Do what may be done only once."""
    mark(f"charged-{text}-{time.time_ns()}")


async def pay(turn: Turn) -> str:
    """Do it, and say what was said when released."""
    await turn.step("charge", charge, turn.text)
    await released()
    return " + ".join(event.text for event in turn.events)


async def block(turn: Turn) -> str:
    """Never give the event loop back."""
    mark("blocked")
    while True:
        time.sleep(0.01)


async def fails(turn: Turn) -> str:
    """Fail as often as the text says; "always" fails always."""
    times = turn.text.split()[-1]
    if times == "always" or turn.attempt <= int(times):
        raise ValueError(f"attempt {turn.attempt} of {turn.text!r} failed on purpose")
    return f"ok after {turn.attempt}"


async def talkative(turn: Turn) -> str:
    """Say something at once, and something else at the end."""
    await turn.reply("one moment")
    return "here it is"


async def deploy(turn: Turn) -> str | None:
    """Do all that a reply can do beyond text. A pressed button changes its message."""
    action = turn.event.action
    if action is not None:
        await turn.sent(action.message).edit(f"{action.name} it is: {action.value}")
        return None
    yes, no = Button("Yes", value=turn.text, style="primary"), Button("No")
    await turn.react("eyes")
    asked = await turn.reply("**Deploy?**", actions=[yes], files=[File("plan.txt", turn.text.encode())])
    await asked.edit("**Deploy now?**", actions=[yes, no])
    gone = await turn.reply("one moment")
    await gone.delete()
    await turn.react("eyes", remove=True)
    return f"asked: {turn.text}"


async def review(turn: Turn) -> str:
    """Do all that an agent can do in a pull request."""
    await turn.react("rocket")
    await turn.check("review", state="in_progress")
    said = await turn.reply("Looking at it.")
    await said.edit("Looked at it.")
    gone = await turn.reply("one moment")
    await gone.delete()
    remark = ReviewComment(path="src/widgets.py", line=4, text="Why?")
    await turn.review("Almost.", verdict="request_changes", comments=[remark])
    await turn.check("review", state="failure", summary="One remark.")
    await turn.react("rocket", remove=True)
    return f"reviewed: {turn.text}"


echoes = Agent("echo", echo, listen=EVERY)
reviews = Agent("review", review, listen=EVERY)
deploys = Agent("deploy", deploy, listen=Listen(when=("every", "action")))
deploys_and_echoes = [
    Agent("deploy", deploy, listen=Listen("slack", when=("every", "action"))),
    Agent("echo", echo, listen=Listen("github", when=("every",))),
]
counts = Agent("count", count, listen=EVERY, messages=1_000)
failing = Agent("fails", fails, listen=EVERY)
talks = Agent("talkative", talkative, listen=EVERY)
addressed = Agent("echo", echo)
works = Agent("works", work, listen=EVERY)
shows_outcome = Agent("works", work, listen=EVERY, presence="outcome")


async def acknowledge(turn: Turn) -> str:
    """Say the same to everything."""
    return "acknowledged, no action taken"


acknowledges = Agent("acknowledge", acknowledge)


async def recite(turn: Turn) -> AsyncIterator[str]:
    """Say words, so many as the text says. "say 5 and 7": five, and seven more when released, and so on."""
    numbers = itertools.count()
    for held, count in enumerate(re.findall(r"\d+", turn.event.text)):
        if held:
            await released(held)
        for number in itertools.islice(numbers, int(count)):
            yield f"word{number} "
            mark(f"word{number}")
            await asyncio.sleep(0.005)  # so that not all are told together


recites = Agent("recite", recite, listen=EVERY)
blocks = Agent("block", block, listen=EVERY)
holds = Agent("hold", hold, listen=EVERY)
merges = Agent("merge", hold, listen=EVERY, arrival="merge")
interrupts = Agent("interrupt", hold, listen=EVERY, arrival="interrupt")
pays = Agent("pay", pay, listen=EVERY, arrival="interrupt")
drops = Agent("drop", hold, listen=EVERY, arrival="drop")
debounces = Agent("debounce", hold, listen=EVERY, arrival="debounce", quiet=3)


async def recall(turn: Turn) -> str:
    """Say who said what before; wait to be released if told to wait."""
    mark(f"recalled-{turn.attempt}")
    if "wait" in turn.text:
        await released()
    said = [f"{'us' if m.role == 'assistant' else m.author.id if m.author else '-'}: {m.text}" for m in turn.history]
    return " | ".join(said) or "nothing"


recalls = Agent("recall", recall, listen=Listen(when=("mention",)))
recalls_little = Agent("recall", recall, listen=Listen(when=("mention",)), backfill=3)
files = [Agent("files", list_files, backfill=0)]
again = [Agent("again", say_again, edits="again", backfill=0)]
forgetful = [Agent("echo", echo, backfill=0)]
