"""What was said in a thread and by whom: authors, messages, the ends of turns, our own identity.

The structs here, in `events` and in `replies` are what ingress, Redis and workers exchange. They are stored as
MessagePack maps. A field may be added with a default, but none may change its meaning: old and new code
share one Redis during a deploy. Times are integers, milliseconds since 1970 by the clock of Redis unless noted
otherwise. None of them is part of a circle, so the garbage collector need not look at them (`gc=False`): the histories
of running turns are most of what there is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from answerback.outgoing import Button, Select

AuthorKind = Literal["person", "bot", "app"]


class Author(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The author of a message.

    Attributes:
        id: The platform's stable id of the account.
        name: The display name; "" if the platform does not give it.
        kind: "bot": an account that belongs to a program. "app": posted through an app in a person's name, by the
            person or by the program; the platform does not distinguish them. "person": everyone else, including
            programs that use an ordinary account.
    """

    id: str
    name: str = ""
    kind: AuthorKind = "person"


class Attachment(msgspec.Struct, frozen=True, omit_defaults=True, gc=False, kw_only=True):
    """An attachment of a message.

    Attributes:
        name: The file name.
        content_type: The media type, such as "image/png".
        text: The content of a text document or of JSON; "" for anything else.
        data: The content of anything else.
        file: The id of an uploaded file, whose content `turn.read` returns; "" if the content is here.
        size: The size of an uploaded file in bytes.
        remote: Where its platform keeps it, for `Client.fetch`; "" if it is here. The content is fetched when its turn
            begins, and is then a file of the thread.
        problem: Why the content could not be had, in words for the agent.
    """

    name: str
    content_type: str
    text: str = ""
    data: bytes = b""
    file: str = ""
    size: int = 0
    remote: str = ""
    problem: str = ""


class ToolCall(msgspec.Struct, frozen=True, omit_defaults=True, gc=False, kw_only=True):
    """A tool call of an agent in a turn.

    Attributes:
        id: The id of the call.
        name: The name of the tool.
        args: The arguments, as JSON.
        result: The result, as JSON.
        outcome: "unknown" if the call began and left no result: it may or may not have had an effect.
        public: Whether visitors of a page may see its arguments and result.
    """

    id: str
    name: str
    args: Any = None
    result: Any = None
    outcome: Literal["done", "failed", "unknown"] = "done"
    public: bool = False


class Usage(msgspec.Struct, frozen=True, omit_defaults=True, gc=False, kw_only=True):
    """What a turn used of a language model.

    Attributes:
        input_tokens: Tokens of all requests.
        output_tokens: Tokens of all responses.
        requests: Number of requests.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    requests: int = 0


class Document(msgspec.Struct, frozen=True):
    """A document, or a piece of one, that an agent may look up.

    Attributes:
        source: Where it comes from, for people: "refunds.md#How long it takes", a title, a URL.
        text: Its text.
        score: How well it matches a query; higher is better.
    """

    source: str
    text: str
    score: float = 0.0


class Retrieval(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What an agent looked up in a turn.

    Attributes:
        query: What it looked for.
        id: The id of the retrieval: `<turn>.r<number>`.
        documents: What it got, the best match first.
        public: Whether visitors of a page may see it.
    """

    query: str
    id: str = ""
    documents: tuple[Document, ...] = ()
    public: bool = False


class Gap(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Messages that are missing in a thread's history.

    Attributes:
        before: The platform's id of the message that was answered when those before it were to be read.
        cursor: Where reading goes on; "" from the start.
        after: The platform's id of the message that they follow; "" if they are the first ones.
        final: Whether they stay away: the platform does not give them, or they are more than the agent wants.
    """

    before: str = ""
    cursor: str = ""
    after: str = ""
    final: bool = False


class Message(msgspec.Struct, frozen=True, omit_defaults=True, gc=False, kw_only=True):
    """One committed message of a thread's history.

    Attributes:
        role: "user" (anyone on the platform) or "assistant" (the agent).
        text: The message, as plain text or the platform's markdown.
        id: The event's dispatch id for a user's message, `<turn>.<n>` for an agent's; "" in histories older than ids.
        at: When it was committed, in ms since 1970.
        turn: The id of the turn that answered or produced it.
        author: Who wrote it; None for an agent's message.
        message: The platform's id of the message, once known.
        reply: The key of the reply in the outbox, for an agent's message.
        agent: The name of the agent that wrote it.
        model: The agent's own record of the turn (pydantic-ai messages as JSON), to replay it exactly.
        tools: The tool calls made for it, in order.
        retrievals: What the agent looked up for it, in order.
        status: "" if it is complete, else why it is not; for a user's message, how it was handled.
        failed: For a user's message whose turn failed for good: why, as a code. It is not given to agents as history,
            since it may have caused the failure.
        usage: The usage of the turn, on its last message.
        attachments: The attachments of the message.
        order: The order of texts and attachments, as in `Event`.
        actions: The buttons and menus below an agent's message.
        pressed: For a user's pressed button or chosen option: which one, to recognise a second press.
        visitor: Whether it was sent by a visitor of a page with the token of their session.
        input_json: For a user's message: its structured input, as JSON; b"" if there is none.
        output_json: For an agent's message: the structured output of a typed run, as JSON; b"" if there is none.
        backfilled: Whether it was read from the platform's history, because it was written before the agents came.
        gap: For a line that stands for missing messages: what is known of them; its `text` says so in words.
    """

    role: Literal["user", "assistant"]
    text: str
    id: str = ""
    at: int = 0
    turn: str = ""
    author: Author | None = None
    message: str = ""
    reply: str = ""
    agent: str = ""
    model: bytes = b""
    tools: tuple[ToolCall, ...] = ()
    retrievals: tuple[Retrieval, ...] = ()
    status: Literal["", "cancelled", "interrupted", "dropped"] = ""
    failed: str = ""
    usage: Usage | None = None
    attachments: tuple[Attachment, ...] = ()
    order: tuple[str | int, ...] = ()
    actions: tuple[Button | Select, ...] = ()
    pressed: str = ""
    visitor: bool = False
    input_json: bytes = b""
    output_json: bytes = b""
    backfilled: bool = False
    gap: Gap | None = None


class TurnEnd(msgspec.Struct, frozen=True, omit_defaults=True, gc=False, kw_only=True):
    """How a turn ended, recorded by the script that ended it.

    Attributes:
        turn: Its id.
        events: Dispatch ids of the events it was to answer.
        status: completed · cancelled · interrupted (its events are answered by another turn) · dropped (its agent
            accepts nothing while it works) · ignored (no agent answers) · failed (permanently: it is a dead letter).
        messages: Ids of our messages in the history.
        usage: Model usage of the turn.
        code: Of a failed turn: "agent_failed", "invalid_input", "timeout", "limit" or "unreachable".
        reason: Why no agent answers; of a failed turn why it failed, in words that anyone may read: the dead letter has
            the details.
        at: When it ended.
    """

    turn: str
    events: tuple[str, ...]
    status: Literal["completed", "cancelled", "interrupted", "dropped", "ignored", "failed"]
    messages: tuple[str, ...] = ()
    usage: Usage | None = None
    code: str = ""
    reason: str = ""
    at: int = 0


_GENERAL_REASONS = {
    "unreachable": "the agent could not be reached",
    "timeout": "the answer took too long",
    "limit": "the answer went over a limit",
    "invalid_input": "the input is not what the agent expects",
}
_OUR_TEXTS = frozenset({"limit", "timeout"})
"""Codes whose reasons are our own texts, safe for anyone to read."""


def general_reason(code: str, reason: str) -> str:
    """Return why a turn failed, in words that anyone may read; the text of an exception may contain anything."""
    if code in _OUR_TEXTS and reason:
        return reason
    return _GENERAL_REASONS.get(code, "the agent failed")


class Identity(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The agents' account on a platform, resolved from the platform's credential.

    Attributes:
        name: Display name: "@answerbot (app 1234)".
        mentions: Names that address the account, compared with `Event.mentions` (lower case).
        marks: Marks of its own messages, compared with `Event.identities`.
        person: Whether the credential belongs to a person, whose own messages cannot be distinguished from the agents'.
        accounts: Who we are in each of several configured accounts, by `Event.account`. The mentions and marks above
            are then those of all of them.
    """

    name: str
    mentions: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    person: bool = False
    accounts: dict[str, Identity] = {}

    def of(self, account: str) -> Identity:
        """Return who we are in an account."""
        return self.accounts.get(account, self)

    def wrote(self, identities: Iterable[str]) -> bool:
        """Return whether a message with these author `identities` is the account's own."""
        return not set(self.marks).isdisjoint(identities)
