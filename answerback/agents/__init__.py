"""Agents and the turns they are given. The worker runs them."""

from answerback.agents.agent import Agent
from answerback.agents.listen import Listen
from answerback.agents.llm.tools import idempotent, public
from answerback.agents.turn import Turn
from answerback.errors import NoEffect, OutcomeUnknown

__all__ = ["Agent", "Listen", "NoEffect", "OutcomeUnknown", "Turn", "idempotent", "public"]
