"""The agent of this example: a model that answers with a tool which can comment on one issue only.

The address comes from the event and the token from the environment: the model supplies nothing but the text. The call
is a step of the turn, so a comment is not posted twice if the worker dies.
"""

import os
from typing import Any

import aiohttp

from answerback import Agent, NoEffect, Turn

API = os.environ.get("GITHUB_API_URL", "https://api.github.com")
TOKEN = os.environ.get("GITHUB_TOKEN", "")


def prepare(turn: Turn) -> Any:
    """Return the tools of a turn, closed over its thread."""
    url = f"{API}/repos/{turn.input['issue']}/comments"

    async def comment(text: str) -> str:
        """Post your answer as a comment on the issue, in markdown."""
        headers = {"Authorization": f"Bearer {TOKEN}", "Accept": "application/vnd.github+json"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.post(url, json={"body": text}) as response,
        ):
            if response.status in (403, 429):
                # GitHub's rate limit: nothing was posted.
                raise NoEffect("rate limited", retry_after=float(response.headers.get("Retry-After", "60")))
            response.raise_for_status()
            return str((await response.json())["html_url"])

    return {"tools": [comment]}


agents = Agent(
    "assistant",
    model=os.environ.get("MODEL", "openai-chat:gpt-4.1-mini"),
    instructions="You help on GitHub. Answer every message in at most five lines, with the tool `comment`.",
    prepare=prepare,
    may_stay_silent=True,
)
