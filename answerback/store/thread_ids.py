"""Thread ids: `<platform>:<ids>`, and for a chat `chat:<workspace>:<id>`."""

from __future__ import annotations

CHAT = "chat:"
"""Prefix of the ids of chats."""
DEFAULT_WORKSPACE = "default"
"""The workspace of the platforms' threads."""


def chat_thread(workspace: str, id: str) -> str:
    """Return the thread id of a chat by its public id."""
    return f"{CHAT}{workspace}:{id}"


def is_chat(thread: str) -> bool:
    """Return whether a thread is a chat."""
    return thread.startswith(CHAT)


def workspace_of(thread: str) -> str:
    """Return the workspace that a thread belongs to."""
    return thread.split(":")[1] if is_chat(thread) else DEFAULT_WORKSPACE


def public_id(thread: str) -> str:
    """Return the id under which a workspace knows a thread: a chat's last part, else the thread id itself."""
    return thread.split(":", 2)[2] if is_chat(thread) else thread
