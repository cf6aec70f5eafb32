"""Sessions by name: the chat in which an agent answers everything under one name, such as a customer's number."""

from __future__ import annotations

from hashlib import blake2b

from answerback.store.chats.chat import Chat, NewChat
from answerback.store.chats.chats import Chats

LONGEST = 256
"""The longest name of a session, in characters."""


def session_id(agent: str, name: str, user: str | None = None) -> str:
    """Return the public id of a session's chat. Each agent has its own sessions, and so has each authenticated user."""
    person = b"" if user is None else blake2b(user.encode(errors="surrogatepass"), digest_size=16).digest()
    return f"se_{blake2b(f'{agent} {name}'.encode(), digest_size=10, person=person).hexdigest()}"


async def open_session(chats: Chats, workspace: str, agent: str, name: str, user: str | None = None) -> Chat:
    """Return the chat of a session with an agent ("": the default chat agent), opened if there is none."""
    opening = NewChat(agent=agent, metadata={"session": name}, user=user or "")
    return await chats.open(workspace, session_id(agent, name, user), opening)


async def open_chat(chats: Chats, workspace: str, agent: str, name: str, user: str | None = None) -> Chat:
    """Return the thread with this id if the agent may answer there, else the chat of the agent's session.

    Args:
        agent: The agent's name; "": the default chat agent.
        name: Any text, or a thread's public id.
        user: The thread is one of this user's; None: anybody's.
    """
    chat = await chats.get(workspace, name)
    if chat and (not agent or chat.agent in ("", agent)) and user in (None, chat.user):
        return chat
    return await open_session(chats, workspace, agent, name, user)
