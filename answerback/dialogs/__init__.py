"""Dialogs as a library: conversations with an agent in this process, without a server, a worker or Redis."""

from answerback.dialogs.dialog import Dialog
from answerback.dialogs.session_worker import Session, SessionWorker
from answerback.dialogs.stores import MemorySessions, NullSessions, SessionStore
from answerback.store.sessions import RedisSessions

__all__ = [
    "Dialog",
    "MemorySessions",
    "NullSessions",
    "RedisSessions",
    "Session",
    "SessionStore",
    "SessionWorker",
]
