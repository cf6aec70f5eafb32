"""Agents and the turns they are given. The worker runs them."""

from answerback.agents.agent import Agent
from answerback.agents.listen import Listen
from answerback.agents.llm.tools import idempotent, public
from answerback.agents.sent_reply import SentReply
from answerback.agents.turn import Turn
from answerback.errors import NoEffect, OutcomeUnknown, UnsupportedReply

__all__ = [
    "Agent",
    "Listen",
    "NoEffect",
    "OutcomeUnknown",
    "SentReply",
    "Turn",
    "UnsupportedReply",
    "idempotent",
    "public",
]
