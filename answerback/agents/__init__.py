"""What an agent is, and what it is given. How it is run is the worker's business."""

from answerback.agents.agent import Agent, Listen
from answerback.agents.tools import idempotent
from answerback.agents.turn import Turn

__all__ = ["Agent", "Listen", "Turn", "idempotent"]
