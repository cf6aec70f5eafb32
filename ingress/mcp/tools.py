"""The MCP tools for chat threads, each with its required scope."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from answerback.errors import NoSuchThread
from answerback.store.access.api_keys import Scope
from answerback.store.access.session_tokens import SessionTokens
from answerback.store.chats.chat import NewChat
from answerback.store.threads.search import Filter

from ..api.auth.audience import trusted
from ..api.auth.ownership import check_fields, check_owner, user_of
from ..api.context import Principal
from ..api.conversations.agent_registry import Agents
from ..api.conversations.conversation import Conversation
from ..api.conversations.messages import platforms
from ..api.route import Model
from ..api.schemas.threads import ThreadDetail, ThreadPage, ThreadQuery, ThreadSummary
from ..problems import Problem
from .answer_waiter import AnswerWaiter, Progress
from .shapes import (
    Answered,
    ArchiveThread,
    CreateThread,
    DeletedThread,
    DeleteThread,
    GetThread,
    PinThread,
    RenameThread,
    SendMessage,
)


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A tool, for keys with its `scope`.

    Attributes:
        run: (caller, an `arguments`, progress) → a `result`; raises its errors.
        reads: It is read-only.
        repeatable: It is idempotent.
        destroys: It may delete what cannot be restored.
    """

    name: str
    title: str
    description: str
    scope: Scope
    arguments: type[Model]
    result: type[Model]
    run: Callable[[Principal, Any, Progress], Awaitable[Model]]
    reads: bool = False
    repeatable: bool = False
    destroys: bool = False


class Tools:
    """The tools of one ingress process."""

    def __init__(self, conversation: Conversation, waiter: AnswerWaiter, agents: Agents) -> None:
        self._conversation = conversation
        self._chats = conversation.chats
        self._tokens = SessionTokens(conversation.threads.database)
        self._waiter = waiter
        self._agents = agents

    def all(self) -> list[Tool]:
        """Return all tools."""
        return [
            Tool(
                name="list_chat_threads", title="List chat threads", scope="chat:read", reads=True, repeatable=True,
                description="List the chat threads of this workspace, most recent message first.",
                arguments=ThreadQuery, result=ThreadPage, run=self.list,
            ),
            Tool(
                name="create_chat_thread", title="Create a chat thread", scope="chat:write",
                description="Create an empty chat thread with an agent. Use send_chat_message to send messages.",
                arguments=CreateThread, result=ThreadSummary, run=self.create,
            ),
            Tool(
                name="get_chat_thread", title="Read a chat thread", scope="chat:read", reads=True, repeatable=True,
                description="Read a chat thread: its state, its messages, and those not answered yet.",
                arguments=GetThread, result=ThreadDetail, run=self.get,
            ),
            Tool(
                name="send_chat_message", title="Send a chat message", scope="chat:write",
                description="Send a message in a chat thread and wait for the agent's answer, which is reported as "
                "progress while it is written. A stored message is answered even if the caller does not wait: read the "
                "answer later with get_chat_thread.",
                arguments=SendMessage, result=Answered, run=self.send,
            ),
            Tool(
                name="rename_chat_thread", title="Rename a chat thread", scope="chat:write", repeatable=True,
                description="Give a chat thread another title.",
                arguments=RenameThread, result=ThreadSummary, run=self.rename,
            ),
            Tool(
                name="pin_chat_thread", title="Pin a chat thread", scope="chat:write", repeatable=True,
                description="Pin or unpin a chat thread. list_chat_threads can list the pinned ones.",
                arguments=PinThread, result=ThreadSummary, run=self.pin,
            ),
            Tool(
                name="archive_chat_thread", title="Archive a chat thread", scope="chat:write", repeatable=True,
                description="Archive or unarchive a chat thread. It keeps its messages and still accepts new ones.",
                arguments=ArchiveThread, result=ThreadSummary, run=self.archive,
            ),
            Tool(
                name="delete_chat_thread", title="Delete a chat thread", scope="chat:write", repeatable=True,
                destroys=True,
                description="Delete a chat thread with all its messages, permanently. To only hide it, use "
                "archive_chat_thread.",
                arguments=DeleteThread, result=DeletedThread, run=self.delete,
            ),
        ]  # fmt: skip

    async def run(self, tool: Tool, caller: Principal, arguments: Any, progress: Progress) -> Model:
        """Run a tool. With a user token, it only reaches threads of that user."""
        if thread := getattr(arguments, "thread_id", ""):
            await check_owner(self._chats, caller, thread)
        return await tool.run(caller, arguments, progress)

    async def list(self, caller: Principal, wanted: ThreadQuery, progress: Progress) -> ThreadPage:
        """Return a page of threads."""
        page = await self._chats.list(
            caller.workspace,
            user=user_of(caller, wanted.user_id),
            wanted=Filter(
                archived=None if wanted.archived == "any" else wanted.archived == "true",
                pinned=wanted.pinned,
            ),
            platforms=platforms(caller),
            cursor=wanted.cursor,
            limit=wanted.limit,
        )
        return ThreadPage(threads=[ThreadSummary.of(chat, caller) for chat in page.chats], next_cursor=page.cursor)

    async def create(self, caller: Principal, wanted: CreateThread, progress: Progress) -> ThreadSummary:
        """Create a thread, or return the one created with the same `idempotency_key`."""
        check_fields(caller, system_prompt=wanted.system)
        await self._agents.check(caller, wanted.agent)
        opening = NewChat(
            user=user_of(caller, wanted.user_id) or "",
            agent=wanted.agent or "",
            title=wanted.title,
            system=wanted.system,
            metadata=wanted.metadata,
        )
        id = f"th_{_id(caller, wanted.idempotency_key)[:20]}"
        return ThreadSummary.of(await self._chats.open(caller.workspace, id, opening), caller)

    async def get(self, caller: Principal, wanted: GetThread, progress: Progress) -> ThreadDetail:
        """Return a thread with its newest messages."""
        snapshot = await self._chats.snapshot(caller.workspace, wanted.thread_id, platforms=platforms(caller))
        return ThreadDetail.of_snapshot(snapshot, caller, wanted.limit)

    async def send(self, caller: Principal, wanted: SendMessage, progress: Progress) -> Answered:
        """Send a message and return its outcome."""
        thread = wanted.thread_id
        _refuse_platforms(caller, thread)
        files = await self._conversation.files_named(caller, thread, wanted.files)
        event = wanted.event(f"m_{_id(caller, wanted.idempotency_key)[:24]}", files, visitor=not trusted(caller))
        await self._conversation.check_input(caller, thread, event)
        if wanted.wait:
            return Answered.of(thread, *await self._waiter.ask(caller, thread, event, progress), caller)
        receipt, _ = await self._conversation.leave(caller, thread, event)
        return Answered.of(thread, receipt.dispatch_id, None, caller)

    async def rename(self, caller: Principal, wanted: RenameThread, progress: Progress) -> ThreadSummary:
        """Rename a thread, and return it."""
        return await self._change(caller, wanted.thread_id, title=wanted.title)

    async def pin(self, caller: Principal, wanted: PinThread, progress: Progress) -> ThreadSummary:
        """Pin or unpin a thread, and return it."""
        return await self._change(caller, wanted.thread_id, pinned=wanted.pinned)

    async def archive(self, caller: Principal, wanted: ArchiveThread, progress: Progress) -> ThreadSummary:
        """Archive or unarchive a thread, and return it."""
        return await self._change(caller, wanted.thread_id, archived=wanted.archived)

    async def delete(self, caller: Principal, wanted: DeleteThread, progress: Progress) -> DeletedThread:
        """Delete a thread."""
        _refuse_platforms(caller, wanted.thread_id)
        if not await self._chats.purge(caller.workspace, wanted.thread_id):
            raise NoSuchThread
        await self._tokens.end(caller.workspace, wanted.thread_id)
        return DeletedThread(thread=wanted.thread_id)

    async def _change(self, caller: Principal, thread: str, **fields: Any) -> ThreadSummary:
        _refuse_platforms(caller, thread)
        return ThreadSummary.of(await self._chats.change(caller.workspace, thread, **fields), caller)


def _id(caller: Principal, key: str) -> str:
    # Deterministic for a caller and key; random without a key.
    return sha256(f"mcp\n{caller.workspace}\n{caller.id}\n{key}".encode()).hexdigest() if key else secrets.token_hex(32)


def _refuse_platforms(caller: Principal, thread: str) -> None:
    if ":" in thread and platforms(caller):
        raise Problem(409, "the thread belongs to a platform and is read-only here", code="read-only")
