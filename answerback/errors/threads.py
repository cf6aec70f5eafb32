"""Errors of operations on a thread."""

from answerback.errors.base import AnswerbackError


class ThreadError(AnswerbackError):
    """The operation is not possible in this thread."""


class NoSuchThread(ThreadError):
    """The thread does not exist."""


class ThreadEnded(ThreadError):
    """The thread has ended and accepts no more messages."""


class ThreadDiffers(ThreadError):
    """A thread with this id already exists with different parameters."""


class NoSuchFile(ThreadError):
    """The file does not exist in this thread, or was deleted."""


class FilesFull(ThreadError):
    """The files of this thread have used up their space: delete some of them."""


class Busy(ThreadError):
    """The agent is busy in this thread, or other messages are waiting: the message was not accepted."""
