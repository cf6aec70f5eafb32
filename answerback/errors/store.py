"""Errors of the store: Redis is unavailable, unfit or full, or a lease is lost."""

from answerback.errors.base import AnswerbackError


class StoreUnavailable(AnswerbackError):
    """Redis is unavailable."""


class StoreUnfit(StoreUnavailable):
    """Redis is not usable with its current configuration."""


class StoreFull(AnswerbackError):
    """Redis is full: raise its `maxmemory` or free disk space."""


class LeaseLost(AnswerbackError):
    """Another worker has taken this thread over."""
