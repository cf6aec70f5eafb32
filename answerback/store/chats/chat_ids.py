"""The ids of chats.

The internal id is built from the caller's workspace and the public id: no caller can address another workspace's
thread.
"""

from __future__ import annotations

import re

from answerback.errors import NoSuchThread
from answerback.store.thread_ids import chat_thread

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def is_chat_id(id: str) -> bool:
    """Return whether a chat can have this public id."""
    return _ID.fullmatch(id) is not None


def thread_of(workspace: str, id: str) -> str:
    """Return the internal id of a chat. Raises `NoSuchThread` if the id is invalid."""
    if not is_chat_id(id):
        raise NoSuchThread
    return chat_thread(workspace, id)
