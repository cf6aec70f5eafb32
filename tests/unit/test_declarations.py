"""Mistakes in an agent's declaration are named where it is made."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from pydantic_ai import DeferredToolRequests

from answerback import extras
from answerback.agents import Agent, Listen, Turn
from answerback.errors import ConfigurationError
from answerback.flows import load


async def answer(turn: Turn) -> str:
    return turn.text


async def speak(turn: Turn) -> AsyncIterator[str]:
    yield turn.text


def blocking(turn: Turn) -> str:
    return turn.text


def blocking_pieces(turn: Turn) -> Any:
    yield turn.text


class Called:
    async def __call__(self, turn: Turn) -> str:
        return turn.text

    async def method(self, turn: Turn) -> str:
        return turn.text


@functools.wraps(answer)
def logged(*args: Any, **kwargs: Any) -> Any:
    return answer(*args, **kwargs)


@pytest.mark.parametrize(
    "think", [answer, speak, logged, Called(), Called().method, functools.partial(answer)], ids=lambda f: repr(f)[:20]
)
def test_whatever_is_called_as_an_async_function_may_be_an_agent(think: Any) -> None:
    Agent("a", think)


@pytest.mark.parametrize("think", [blocking, blocking_pieces, lambda turn: turn.text, Called])
def test_a_function_that_is_not_async_is_refused(think: Any) -> None:
    with pytest.raises(ConfigurationError, match="async def"):
        Agent("a", think)


@pytest.mark.parametrize(
    ("declare", "complaint"),
    [
        (lambda: Listen("githb"), 'no platform "githb". Did you mean "github"?'),
        (lambda: Listen("zulu"), "Choose from: github, slack, "),
        (lambda: Listen("GitHub"), 'Did you mean "github"?'),
        (lambda: Listen(when=("mentions",)), 'Did you mean "mention"?'),  # type: ignore[arg-type]
        (lambda: Listen(when="mention"), "must be a tuple"),  # type: ignore[arg-type]
        (lambda: Agent("a", answer, listen=["github"]), "listen must be a Listen"),  # type: ignore[list-item]
        (lambda: Agent("a", answer, tools=[answer]), "need a model"),
        (lambda: Agent("a", answer, instructions="Be brief."), "need a model"),
        (lambda: Agent("a", remote="https://a.example", tools=[answer]), "need a model; it has a remote address"),
        (lambda: Agent("a", model="test", tools=answer), "tools must be a list"),  # type: ignore[arg-type]
        (lambda: Agent("a", model="test", output=DeferredToolRequests), "a turn cannot wait"),
        (
            lambda: Agent("a", model="test", output=str | DeferredToolRequests),
            "output=DeferredToolRequests is for tools",
        ),
        (lambda: Agent("a", model="test", output=[str, int]), "output must be one type"),
        (lambda: Agent("a", answer, timeout=0), "timeout must be greater than 0"),
        (lambda: Agent("a", answer, messages=-1), "messages must be greater than 0"),
    ],
)
def test_what_cannot_be_meant_is_named(declare: Callable[[], object], complaint: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        declare()
    assert complaint in str(refused.value)


def test_patterns_that_fit_a_platform_are_taken() -> None:
    for pattern in ("*", "git*", "s*", "chat"):
        Listen(pattern)


def test_without_the_extra_an_agent_or_a_flow_with_a_model_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    with pytest.raises(
        ConfigurationError, match=r"""agent "a": .* not installed: pip install 'answerback\[models\]'$"""
    ):
        Agent("a", model="anthropic:claude-haiku-4-5")
    edge = {"id": "to_end", "target_node_id": "end", "condition": "They agree"}
    nodes = [{"id": "a", "static_text": "Agreed?", "edges": [edge]}, {"id": "end", "is_final": True}]
    flow = load({"initial_node": "a", "nodes": nodes})
    with pytest.raises(ConfigurationError, match=r"""model="provider:name", and pip install 'answerback\[models\]'"""):
        Agent("b", flow=flow).prepare()
    assert Agent("c", answer).name == "c"
