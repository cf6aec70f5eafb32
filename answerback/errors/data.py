"""Errors in data from outside: bodies, archives, cursors, addresses, and what another version stored."""

from answerback.errors.base import AnswerbackError


class MalformedBody(AnswerbackError):
    """The body does not match this platform's webhook format."""


class MalformedArchive(AnswerbackError):
    """The line is not an exported thread."""


class NewerData(AnswerbackError):
    """Stored data was written by a newer version of Answerback and cannot be read by this one."""


class SealBroken(AnswerbackError):
    """What was sealed cannot be opened: it was changed, or its key is no longer in ANSWERBACK_SECRET_KEY."""


class BadCursor(AnswerbackError):
    """The cursor is invalid: leave it out to start from the beginning."""


class ForbiddenAddress(AnswerbackError):
    """The address is not public."""
