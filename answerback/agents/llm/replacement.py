"""Replacing the language models of agents, as tests do."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic_ai.models import Model

replacement: ContextVar[Model | None] = ContextVar("answerback_model", default=None)
"""The model that runs instead of each agent's own; None: their own."""
