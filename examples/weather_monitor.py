"""Report the weather in a chat, and what has changed since the last look-up.

    ANSWERBACK_AGENTS=examples.weather_monitor:agents answerback up

Open the printed link and chat with it, or use the chat API. Ask "How is the weather in Lisbon?", then "Is that colder
than in Oslo?": a follow-up has the whole history with its look-ups, on any worker, even after a restart. It
shows a long-lived agent, and a tool that keeps data between turns in `turn.state`. The weather comes from wttr.in,
which needs no key; README.md in this folder explains how to run it offline.
"""

import os
from urllib.parse import quote

import aiohttp
from pydantic_ai import RunContext

from answerback import Agent, Listen, Turn, idempotent

WEATHER_API_URL = os.environ.get("WEATHER_API_URL", "https://wttr.in")


@idempotent
async def get_weather(ctx: RunContext[Turn], city: str) -> str:
    """Return the current weather in a city, and the weather when it was last looked up in this conversation."""
    timeout = aiohttp.ClientTimeout(total=20)
    # https://wttr.in/:help: sky, temperature, wind, humidity; in metric units
    url = f"{WEATHER_API_URL}/{quote(city, safe='')}?m&format=%25C,+%25t,+%25w,+%25h"
    async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as response:
        if response.status == 404:
            return f"There is no weather for {city}."
        response.raise_for_status()
        now = (await response.text()).strip()
    before = ctx.deps.state.get(city.lower())
    ctx.deps.state[city.lower()] = now
    return f"now: {now}" if before is None else f"now: {now}; before: {before}"


agents = Agent(
    "weather",
    description="Reports the weather and what has changed",
    model=os.environ.get("MODEL", "openai-chat:gpt-4.1-mini"),
    instructions="Report the weather in one or two sentences. Look it up each time: it changes.",
    tools=[get_weather],
    listen=Listen(when=("mention", "direct")),
    lifecycle="long-lived",
    chat=True,
    max_tokens=50_000,
)
