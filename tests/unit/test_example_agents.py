"""The agents of the README and of the examples, played as their authors would test them."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from answerback import Agent
from answerback.testing import Killed, answers, call, event, play
from examples import everywhere, github_triage, slack_helpdesk, weather_monitor
from tests.forks import ROOT


def readme_agents() -> Any:
    """Return the agents of the README's tour."""
    example = re.search(
        r"Put this into `mybot.py`:\n\n```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL
    )
    assert example
    module: dict[str, Any] = {}
    exec(compile(example[1], "mybot.py", "exec"), module)
    return module["agents"]


async def test_the_readmes_agent_says_a_price() -> None:
    async with play(readme_agents()) as thread:
        reply = await thread.say("How much is a widget?")
        assert re.fullmatch(r"Let me have a look\.\n\nThat is \d+ €\.", reply)
        assert thread.steps == ("price#1", "reply#1")
        assert re.fullmatch(r"That is \d+ €\.", await thread.say("And now?"))


async def test_a_new_issue_is_triaged_once_and_others_are_kept() -> None:
    model = answers(call("owner", area="parser"), "A bug; @ada is responsible.", "I was mentioned.")
    async with play(github_triage.agents, model=model) as thread:
        opened = event("github/issues.opened", text="It stumbles over tabs.", mentions=())
        thread.kill_at("commit", "before")
        with pytest.raises(Killed):
            await thread.send(opened)
        # The model is not asked again.
        assert await thread.send(opened) == "A bug; @ada is responsible."
        assert await thread.send(event("github/issue_comment.created", text="Here, too.", mentions=())) == ""
        assert await thread.send(event("github/issue_comment.created")) == "I was mentioned."
        assert [message.role for message in thread.history] == ["user", "assistant", "user", "user", "assistant"]


async def test_a_ticket_is_opened_once_though_its_tool_runs_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TICKETS", str(tmp_path / "tickets.db"))
    model = answers(
        call("open_ticket", summary="a broken screen"), "Ticket 1 is open.",
        call("close_ticket", number=1), "Done.",
    )  # fmt: skip
    async with play(slack_helpdesk.agents, model=model) as thread:
        thread.kill_at("tool:open_ticket")
        with pytest.raises(Killed):
            await thread.send(event("slack/message.im", text="My screen is broken."))
        assert await thread.resume() == "Ticket 1: a broken screen\n\nTicket 1 is open."
        assert await thread.press("Close it") == "Done."
        assert [reply.kind for reply in thread.outbox] == ["message", "message", "message", "edit", "message"]
    with sqlite3.connect(tmp_path / "tickets.db") as database:
        assert database.execute("SELECT number, summary, closed FROM tickets").fetchall() == [(1, "a broken screen", 1)]
    database.close()


@pytest.mark.parametrize("name", ["github/issue_comment.created", "slack/message.im", "telegram/message"])
async def test_a_widget_is_sold_on_every_platform(name: str) -> None:
    async with play(everywhere.agents) as thread:
        assert (await thread.send(event(name, text="hello"))).startswith("Which widget would you like?")
    async with play(everywhere.agents) as thread:
        assert "that is 14 €." in await thread.send(event(name, text="a large one"))


@pytest.fixture
async def weather(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """A weather service."""

    async def report(request: web.Request) -> web.Response:
        return web.Response(text="Sunny, +15°C")

    app = web.Application()
    app.router.add_get("/{city}", report)
    async with TestServer(app) as server:
        monkeypatch.setattr(weather_monitor, "WEATHER_API_URL", str(server.make_url("")).rstrip("/"))
        yield


async def test_the_weather_before_is_kept(weather: None) -> None:
    look_up = call("get_weather", city="Lisbon")
    async with play(weather_monitor.agents, model=answers(look_up, "Sunny.", look_up, "As before.")) as thread:
        assert await thread.say("Lisbon?") == "Sunny."
        assert await thread.say("And now?") == "As before."
        [again] = thread.history[-1].tools
        assert again.result == "now: Sunny, +15°C; before: Sunny, +15°C"
        assert thread.state == {"lisbon": "Sunny, +15°C"}


async def test_the_flow_opens_an_account() -> None:
    async with play(Agent("kyc", flow=ROOT / "examples/kyc/kyc.json")) as thread:
        said = [await thread.say(text) for text in ("hello", "yes", "ada lovelace", "1990-12-10", "12", "1234", "yes")]
        assert "Shall we begin?" in said[0]
        assert said[4].startswith("That is not four digits.")
        assert said[5] == "Ada Lovelace, born 1990-12-10, card ending in 1234. Is that right? (yes or no)"
        assert said[6].startswith("Thank you, Ada Lovelace.")
    async with play(Agent("kyc", flow=ROOT / "examples/kyc/kyc.json")) as thread:
        assert await thread.say("hello")
        assert (await thread.say("no")).startswith("No problem.")
