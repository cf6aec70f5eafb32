"""Tells the weather in a chat, and what has changed since it last looked there.

    ANSWERBACK_AGENTS=examples.weather_monitor:agents answerback up

Open the printed link and chat with it, or use the chat API. Ask "How is the weather in Lisbon?", then "Is that colder
than in Oslo?": a follow-up finds all that was said and looked up before, on any worker, also after a restart. It
shows a long-lived agent, and a tool that keeps something from turn to turn in `turn.state`. The weather is wttr.in's,
which needs no key; README.md beside this file says how to run it offline.
"""

import os
from urllib.parse import quote

import aiohttp
from pydantic_ai import RunContext

from answerback import Agent, Listen, Turn, idempotent

WEATHER_API_URL = os.environ.get("WEATHER_API_URL", "https://wttr.in")


@idempotent
async def get_weather(ctx: RunContext[Turn], city: str) -> str:
    """Tell the weather in a city as it is now, and as it was when it was last looked up in this conversation."""
    timeout = aiohttp.ClientTimeout(total=20)
    # https://wttr.in/:help: sky, temperature, wind, humidity; in metric units
    url = f"{WEATHER_API_URL}/{quote(city, safe='')}?m&format=%25C,+%25t,+%25w,+%25h"
    async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as answer:
        if answer.status == 404:
            return f"There is no weather for {city}."
        answer.raise_for_status()
        now = (await answer.text()).strip()
    before = ctx.deps.state.get(city.lower())
    ctx.deps.state[city.lower()] = now
    return f"now: {now}" if before is None else f"now: {now}; before: {before}"


agents = Agent(
    "weather",
    description="Tells the weather, and what has changed",
    model=os.environ.get("MODEL", "openai-chat:gpt-4.1-mini"),
    instructions="You tell the weather in one or two sentences. Look it up each time: it changes.",
    tools=[get_weather],
    listen=Listen(when=("mention", "direct")),
    lifecycle="long-lived",
    chat=True,
    max_tokens=50_000,
)
