"""Agents that never answer, because an earlier one in the list gets all their events, are named at start."""

from __future__ import annotations

from pathlib import Path

import pytest

from answerback.agents import Agent, Listen, Turn
from answerback.agents.hiding import hidden_agents
from answerback.agents.listen import ADDRESSED
from answerback.settings import Settings
from tools.commands.findings import _agents


async def answer(turn: Turn) -> str:
    return turn.text


def agents(*listens: Listen) -> list[Agent]:
    return [Agent(name, answer, listen=listen) for name, listen in zip("abcd", listens, strict=False)]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Listen("github"), Listen("github")),
        (Listen(), Listen("github", "acme/*")),
        (Listen("github", "acme/*"), Listen("github", "ACME/widgets")),
        (Listen("git*", "*"), Listen("github")),
        (Listen(when=("every",)), Listen("slack", when=("mention",), bots=True)),
        (Listen("slack", when=("mention",)), Listen("slack", when=("mention", "answered"))),
    ],
)
def test_an_agent_that_gets_no_event_first_is_hidden(first: Listen, second: Listen) -> None:
    [warning] = hidden_agents(agents(first, second), ())
    assert 'agent "b" is hidden: "a" comes earlier' in warning
    assert "answers only chats that name it" in warning


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Listen("github"), Listen("slack")),
        (Listen("github", "acme/*"), Listen("github", "*/widgets")),
        (Listen("github", "acme/?"), Listen("github", "acme/*")),
        (Listen("slack", "[ab]"), Listen("slack", "[ab]*")),
        (Listen("slack", when=("mention",)), Listen("slack", when=("mention", "direct"))),
        (Listen("slack"), Listen("slack", bots=True)),
        (Listen("slack"), Listen("slack", when=("every",))),
    ],
)
def test_an_agent_that_gets_some_events_first_is_not_hidden(first: Listen, second: Listen) -> None:
    assert hidden_agents(agents(first, second), ["github", "slack"]) == []


def test_two_agents_may_hide_a_third_together() -> None:
    third = Agent("c", answer, listen=[Listen("github"), Listen("slack")], chat=False)
    [warning] = hidden_agents([*agents(Listen("slack"), Listen("github")), third], ())
    assert '"b" and "a" come earlier in the list and get all events' in warning
    assert warning.endswith("so it answers nothing. Move it up, or give it another listen=.")


def test_agents_without_a_listen_of_their_own_hide_each_other_only_where_platforms_are_used() -> None:
    both = agents(ADDRESSED, Listen())
    assert hidden_agents(both, ()) == []
    assert len(hidden_agents(both, ["slack"])) == 1


def test_check_names_hidden_agents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "two_bots.py").write_text(
        "from answerback import Agent, Listen\n"
        "async def f(turn): ...\n"
        "agents = [Agent('a', f, listen=Listen('slack')), Agent('b', f, listen=Listen('slack', 'C1'))]\n"
        "print('importing')\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANSWERBACK_AGENTS", "two_bots:agents")
    (found, warning), needs = _agents(Settings.load())
    assert needs["slack"] == {"mentions", "direct", "messages", "actions", "files"}
    assert (found.level, found.found) == ("ok", "a, b")
    assert warning.level == "warning"
    assert 'agent "b" is hidden: "a"' in warning.found
