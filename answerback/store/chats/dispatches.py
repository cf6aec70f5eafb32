"""Dispatches: events that a product's own code puts in, for an agent by name. Shared by `dispatch` and the API."""

from __future__ import annotations

import json
from difflib import get_close_matches
from hashlib import blake2b
from typing import Any

import msgspec

from answerback import structured
from answerback.errors import DispatchError, InvalidInput, ThreadDiffers, UnknownAgent
from answerback.events import Event
from answerback.messages import Author
from answerback.store.chats.chat import NewChat
from answerback.store.chats.chats import Chats
from answerback.store.chats.sessions import LONGEST, open_chat
from answerback.store.fleet.agents import AgentDirectory, AgentInfo
from answerback.store.threads.receipt import Receipt
from answerback.store.threads.threads import Threads

KIND = "dispatch"
"""The kind of an event whose input has no `type`."""


class NewDispatch(msgspec.Struct, frozen=True, kw_only=True):
    """An event to dispatch.

    Attributes:
        agent: The name of the agent that answers.
        delivery: Any text that identifies the event within its thread: dispatched again, it is a duplicate.
        input_json: The structured input, as `structured.encoded` returns it.
        id: What the agent's conversation is about: any text, or a thread's public id; "": a new thread, which belongs
            to the delivery.
        session: Distinguishes several conversations about the same `id`; "" or the same as `id`: there is one.
        user: The product's own id of the user whose thread it is; "": no user. Each user has conversations of their
            own.
    """

    agent: str
    delivery: str
    input_json: bytes
    id: str = ""
    session: str = ""
    user: str = ""

    @property
    def name(self) -> str:
        """The name of the session; "" for a new thread."""
        return f"{self.id}/{self.session}" if self.id and self.session not in ("", self.id) else self.id or self.session


class Dispatches:
    """The dispatches of one process."""

    def __init__(self, threads: Threads) -> None:
        self.chats = Chats(threads)
        self._directory = AgentDirectory(threads.database)

    async def accept(self, workspace: str, new: NewDispatch) -> Receipt:
        """Store a dispatched event once. Raises what `open` and `Chats.say` raise."""
        id, event = await self.open(workspace, new)
        return await self.chats.say(workspace, id, event)

    async def open(self, workspace: str, new: NewDispatch) -> tuple[str, Event]:
        """Return the chat that an event belongs to, opened if necessary, and the event, to be stored with `Chats.say`.

        Raises:
            UnknownAgent: no worker has reported the agent.
            InvalidInput: the input does not match its schema, or a name is too long.
            DispatchError: the agent does not accept chat messages.
            ThreadDiffers: the delivery has a thread of its own already, of another agent or user.
        """
        agent = await self._agent(workspace, new.agent)
        for field, text in (
            ("id", new.id), ("session", new.session), ("delivery", new.delivery), ("user", new.user),
        ):  # fmt: skip
            if len(text) > LONGEST:
                raise InvalidInput(f"{field} has more than {LONGEST} characters")
        structured.check(agent.name, new.input_json, agent.input_schema)
        digest = blake2b(new.delivery.encode(errors="surrogatepass"), digest_size=10).hexdigest()
        if name := new.name:
            chat = await open_chat(self.chats, workspace, agent.name, name, new.user or None)
        else:
            try:
                chat = await self.chats.open(workspace, f"th_{digest}", NewChat(agent=agent.name, user=new.user))
            except ThreadDiffers:
                raise ThreadDiffers(
                    f'the delivery "{new.delivery}" was dispatched before, to another agent or for another user'
                ) from None
        return chat.id, event_of(new, f"d_{digest}", arrival="drop" if agent.arrival == "drop" else "")

    async def check_input(self, workspace: str, id: str, input_json: bytes) -> None:
        """Check the structured input of a chat's message against the schema of the chat's agent, if it declares one.

        Raises:
            InvalidInput: the input does not match.
        """
        chat = await self.chats.get(workspace, id)
        agent = await self._directory.get(workspace, chat.wanted) if chat and chat.wanted else None
        if agent:
            structured.check(agent.name, input_json, agent.input_schema)

    async def _agent(self, workspace: str, name: str) -> AgentInfo:
        agent = await self._directory.get(workspace, name)
        if agent is None:
            names = [each.name for each, _ in await self._directory.list(workspace) if each.chat]
            known = f"known: {', '.join(names)}" if names else "no worker has reported any agent"
            close = get_close_matches(name, names, n=1)
            advice = f'Did you mean "{close[0]}"? If not, start' if close else "Check the name, start"
            raise UnknownAgent(
                f'no worker serves an agent "{name}" ({known}). {advice} a worker whose ANSWERBACK_AGENTS include it, '
                "and make sure that it uses the same Redis."
            )
        if not agent.chat:
            raise DispatchError(f'the agent "{name}" does not accept chat messages: it is declared with chat=False')
        return agent


def event_of(new: NewDispatch, message: str, **fields: Any) -> Event:
    """Return the event of a dispatch. `message` is its id in the thread; `fields` are fields of `Event`."""
    data = json.loads(new.input_json)
    members = data if isinstance(data, dict) else {}
    kind = members.get("type")
    return Event(
        delivery="",
        thread="",
        kind=kind[:LONGEST] if isinstance(kind, str) and kind else KIND,
        text=text_of(data) or new.input_json.decode(),
        author=_author(members.get("sender")),
        message=message,
        agent=new.agent,
        input_json=new.input_json,
        **fields,
    )


def text_of(data: object) -> str:
    """Return the text that a structured input carries: itself, or its member `text`; "" if it carries none."""
    text = data.get("text") if isinstance(data, dict) else data
    return text if isinstance(text, str) else ""


def _author(sender: object) -> Author:
    """Return the author named by an input's `sender`: an id, or an object with `id` and `name`."""
    if isinstance(sender, dict):
        id, name = sender.get("id") or sender.get("login"), sender.get("name") or sender.get("login")
        return Author(str(id or name or "")[:LONGEST], str(name or "")[:LONGEST])
    return Author(str(sender)[:LONGEST], str(sender)[:LONGEST]) if isinstance(sender, str | int) else Author("")
