"""What an agent is made of, and where it is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from answerback.agents import Agent, Turn
from answerback.agents.history import window
from answerback.agents.limits import TurnLimits
from answerback.agents.loading import load
from answerback.agents.remote import _response
from answerback.errors import ConfigurationError, TurnFailed
from answerback.messages import Message
from answerback.store.fleet.remote_agents import RemoteAgent


async def _think(turn: Turn) -> str:
    """Says something.

    At length.
    """
    return turn.text


def _history(*roles: str) -> list[Message]:
    return [Message(role=role, text="x" * 40, turn=str(n)) for n, role in enumerate(roles)]  # type: ignore[arg-type]


def test_an_agent_is_a_function_or_a_model_and_not_both() -> None:
    assert Agent("a", _think).description == "Says something."
    with pytest.raises(ConfigurationError, match="exactly one of: a function, a model, a flow"):
        Agent("a")
    with pytest.raises(ConfigurationError, match="exactly one of: a function, a model, a flow"):
        Agent("a", _think, model="test")
    with pytest.raises(ConfigurationError, match="exactly one of: a function, a model, a flow"):
        Agent("a", _think, remote="https://example.com")
    with pytest.raises(ConfigurationError, match="must start with https://"):
        Agent("a", remote="example.com")
    with pytest.raises(ConfigurationError, match="an agent's name"):
        Agent("no spaces", _think)


def test_a_bearer_token_is_for_a_remote_agent_and_is_shown_by_nothing() -> None:
    agent = Agent("a", remote="https://example.com", bearer_token="s3cr3t-token")
    assert "s3cr3t" not in f"{agent!r} {vars(agent)!r}"
    assert "s3cr3t" not in repr(RemoteAgent(name="a", url="https://example.com", bearer_token="s3cr3t-token"))
    with pytest.raises(ConfigurationError, match="only a remote agent takes"):
        Agent("a", _think, bearer_token="s3cr3t-token")
    for wrong in ("", "s3cr3t token", "s3cr3t\r\nX: y", "s3cr3t=x"):
        with pytest.raises(ConfigurationError, match="its bearer token") as refused:
            Agent("a", remote="https://example.com", bearer_token=wrong)
        assert "s3cr3t" not in str(refused.value)


@pytest.mark.parametrize("body", [b"", b"\xff", b'"\xff"', b"[]", b'{"response":1}', b"[" * 100_000 + b"]" * 100_000])
def test_what_is_no_answer_of_a_remote_agent_fails_the_turn(body: bytes) -> None:
    with pytest.raises(TurnFailed, match="has no text in"):
        _response("a", body)


def test_a_window_has_as_many_messages_as_fit_and_begins_with_a_question() -> None:
    history = _history("user", "assistant", "user", "assistant", "user", "assistant")
    assert window(history, messages=10, tokens=None) == history
    assert window(history, messages=4, tokens=None) == history[2:]
    assert window(history, messages=3, tokens=None) == history[4:]
    assert window(history, messages=10, tokens=28) == history[4:]
    assert window(history, messages=10, tokens=5) == []


def test_without_a_setting_the_demo_agent_is_found() -> None:
    assert [agent.name for agent in load(None)] == ["demo"]


@pytest.mark.parametrize(
    ("source", "where", "complaint"),
    [
        ("", "mybot_a", "must look like"),
        ("", "no_such_module:agents", 'there is no module "no_such_module"'),
        ("", "mybot_b:agents", 'has no "agents"'),
        ("agents = 3", "mybot_c:agents", "neither an Agent nor a list"),
        ("async def f(turn):\n    return (", "mybot_e:agents", r"mybot_e\.py, line 2: .*\n    return \("),
        (
            "from answerback import Agent\nasync def f(turn): return ''\nagents = [Agent('a', f), Agent('a', f)]",
            "mybot_d:agents",
            "two agents are named a",
        ),
    ],
)
def test_what_is_wrong_with_the_setting_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, where: str, complaint: str
) -> None:
    (tmp_path / f"{where.partition(':')[0]}.py").write_text(source) if "no_such" not in where else None
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigurationError, match=complaint):
        load(where)


def test_an_agents_own_token_limit_comes_before_the_common_one() -> None:
    common = TurnLimits(steps=7, tokens=1000)
    assert Agent("a", _think).limited(common) == common
    assert Agent("a", _think, max_tokens=50).limited(common) == TurnLimits(steps=7, tokens=50)
