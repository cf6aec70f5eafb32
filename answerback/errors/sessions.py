"""Errors of the sessions of a `SessionWorker`."""

from answerback.errors.base import AnswerbackError


class SessionError(AnswerbackError):
    """The session cannot be used; nothing was saved."""


class TooManySessions(SessionError):
    """As many sessions as the worker allows are in use."""


class SessionBusy(SessionError):
    """Another caller held the session for as long as the caller would wait."""


class SessionLost(SessionError):
    """The session is no longer held by this process: its lease was lost, or it was released."""
