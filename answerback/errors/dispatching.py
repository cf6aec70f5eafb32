"""Errors of `dispatch`."""

from answerback.errors.base import AnswerbackError


class DispatchError(AnswerbackError):
    """The event was refused; nothing was stored."""


class UnknownAgent(DispatchError):
    """No worker has reported an agent of this name."""


class InvalidInput(DispatchError):
    """The input is invalid."""
