"""All serialised data: what travels from ingress through Redis to a worker and back to the platform.

All are msgspec structs, stored as MessagePack maps. A field may be added with a default, but none may change its
meaning: old and new code share one Redis during a deploy. Times are integers, milliseconds since 1970 by the clock of
Redis unless noted otherwise.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, Literal

import msgspec

Address = dict[str, str | int]
AuthorKind = Literal["person", "bot", "app"]
Arrival = Literal["", "queue", "merge", "debounce", "interrupt", "drop"]


def dispatch_id(delivery: str) -> str:
    """Return our id of an event and of the turn that answers it: 20 hex digits derived from its delivery id.

    Derived rather than random: a redelivery finds the receipt, dead letter and replies of the first delivery without a
    lookup, and `accept` can be repeated after a lost connection.
    """
    return hashlib.blake2b(delivery.encode(errors="surrogatepass"), digest_size=10).hexdigest()


class Author(msgspec.Struct, frozen=True, omit_defaults=True):
    """The author of a message. `id` is the platform's stable id, `name` the display name.

    kind  "bot": an account that belongs to a program. "app": posted through an app in a person's name, by the person or
          by the program; the platform does not distinguish them. "person": everyone else, including programs that use
          an ordinary account.
    """

    id: str
    name: str = ""
    kind: AuthorKind = "person"


class Attachment(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """An attachment of a message: text documents and JSON as `text`, anything else as `data`."""

    name: str
    content_type: str
    text: str = ""
    data: bytes = b""


class ToolCall(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A tool call of an agent in a turn; `args` and `result` are JSON.

    outcome  "unknown" if a worker died during the call and it may or may not have had an effect
    public   whether visitors of a page may see its arguments and result
    """

    id: str
    name: str
    args: Any = None
    result: Any = None
    outcome: Literal["done", "failed", "unknown"] = "done"
    public: bool = False


class Usage(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Model usage of a turn: input and output tokens, and requests."""

    input_tokens: int = 0
    output_tokens: int = 0
    requests: int = 0


class Subject(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What an event's text is about, as far as its delivery contains it; cut to a few thousand characters.

    kind    "issue", "pull_request" or "discussion"
    title, body, author   of the subject; no body if it is the event's own text
    path    the file that a comment is about
    line    the last line the comment is about; 0: the whole file, or unknown
    start   the first line, if there are several
    diff    the end of the diff shown above the comment
    """

    kind: str = ""
    title: str = ""
    body: str = ""
    author: str = ""
    path: str = ""
    start: int = 0
    line: int = 0
    diff: str = ""


class Event(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One thing that happened on a platform and that an agent may answer.

    delivery    "<platform>:<id>", the same for every redelivery; identifies the event
    former      the delivery id used by older versions: an event stored under it is a duplicate, too
    thread      thread id: "<platform>:<ids…>", made of the platform's ids, never of names
    kind        the platform's event name: "issue_comment.created", "message", …
    text        the message as plain text or the platform's markdown
    message     the platform's id of the message; an amendment finds a waiting event by it
    channel     where the thread lives, for display and routing: "acme/widgets", "C024BE91L"
    mentions    names mentioned in the text: logins without "@", Slack user ids
    mentioned   the platform reports that we are mentioned; needs no resolved identity
    direct      whether it is a one-to-one conversation (a Slack DM)
    identities  all marks the author can be recognised by ("user:583231", "bot:B061"): if one of them is ours, the event
                is our own message and is ignored
    address     where a reply goes; only this platform's client reads it
    subject     what the text is about, if the platform includes it
    at          when it was sent, in ms by the platform's clock; 0 if unknown
    agent       name of the agent it is addressed to; "" leaves the choice to the thread and the worker
    arrival     what to do if the agent is working or other events are waiting; "" leaves that to the agent
    attachments attachments of the message
    order       the order of texts and attachments, unless it is one text followed by all attachments: a text, or the
                index of an attachment
    context     the conversation as given by the sender, replacing the thread's history
    system      instructions given with this event, for this turn only
    reply       the key of one of our replies carried by the message. In our own message it proves that this reply was
                posted; in anyone else's it means nothing
    visitor     sent by a visitor of a page with the token of their session
    edited      "mention": an edit that added `mentions`, answered only because of them;
                "earlier": its edit arrived first and was an event of its own. Either way the message is answered once
    """

    delivery: str
    thread: str
    kind: str
    text: str
    author: Author
    former: str = ""
    message: str = ""
    channel: str = ""
    mentions: tuple[str, ...] = ()
    mentioned: bool = False
    direct: bool = False
    identities: tuple[str, ...] = ()
    address: Address = {}
    subject: Subject | None = None
    title: str = ""
    url: str = ""
    at: int = 0
    agent: str = ""
    arrival: Arrival = ""
    attachments: tuple[Attachment, ...] = ()
    order: tuple[str | int, ...] = ()
    context: tuple[Message, ...] | None = None
    system: str = ""
    reply: str = ""
    visitor: bool = False
    edited: Literal["", "mention", "earlier"] = ""

    @property
    def id(self) -> str:
        """The dispatch id."""
        return dispatch_id(self.delivery)

    @property
    def platform(self) -> str:
        """The platform's name, such as "github"."""
        return self.delivery.partition(":")[0]


class Amendment(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A message was edited (`text`) or deleted (`text` is None).

    It changes the waiting event of that `message` in that `thread`, or one that arrives later. An event that is being
    or was answered is not changed; an edit that added a mention then becomes an `event` of its own.
    `at`: when it happened according to the platform, in ms; of two edits the later one wins, in whatever order they
    arrive. 0 if unknown.
    """

    delivery: str
    thread: str
    message: str
    text: str | None
    mentions: tuple[str, ...] = ()
    mentioned: bool = False
    event: Event | None = None
    at: int = 0


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """An entry of an inbox: an event and, if it was replayed from the dead letters, the state of its turn.

    merged   earlier events that the same turn answers
    journal  journal records of that turn
    """

    event: Event
    journal: dict[str, bytes] = {}
    merged: tuple[Event, ...] = ()

    @property
    def events(self) -> tuple[Event, ...]:
        """All events, oldest first."""
        return (*self.merged, self.event)


class Message(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One committed message of a thread's history.

    id      the event's dispatch id for a user's message, "<turn>.<n>" for ours; "" in histories older than ids
    role    "user" (anyone on the platform) or "assistant" (us)
    turn    id of the turn that answered or produced it
    reply   key of the reply in the outbox, for our messages
    agent   name of the agent that wrote it
    model   the agent's own record of the turn (pydantic-ai messages as JSON), to replay it exactly
    tools   the tool calls made for it, in order
    status  "" if it is complete, else why it is not; for a user's message, how it was handled
    failed  for a user's message whose turn failed permanently: `TurnEnd.code`. It is not given to agents as history,
            since it may have caused the failure
    usage   usage of the turn, on its last message
    order   order of texts and attachments, as in `Event`
    visitor sent by a visitor of a page with the token of their session
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
    status: Literal["", "cancelled", "interrupted", "dropped"] = ""
    failed: str = ""
    usage: Usage | None = None
    attachments: tuple[Attachment, ...] = ()
    order: tuple[str | int, ...] = ()
    visitor: bool = False


class TurnEnd(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How a turn ended, recorded by the script that ended it.

    turn      its id
    events    dispatch ids of the events it was to answer
    status    completed · cancelled · interrupted (its events are answered by another turn) · dropped (its agent accepts
              nothing while it works) · ignored (no agent answers) · failed (permanently: it is a dead letter)
    messages  ids of our messages in the history
    usage     model usage of the turn
    code      of a failed turn: "agent_failed", "timeout", "limit" or "unreachable"
    reason    of a failed turn, in words that anyone may read; the dead letter has the details
    at        when it ended
    """

    turn: str
    events: tuple[str, ...]
    status: Literal["completed", "cancelled", "interrupted", "dropped", "ignored", "failed"]
    messages: tuple[str, ...] = ()
    usage: Usage | None = None
    code: str = ""
    reason: str = ""
    at: int = 0


class Reply(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One message of ours on its way to a platform.

    key      "<turn>.<n>": the same in every attempt of the turn, so that a reply exists once. A reply split because of
             the platform's length limit has keys "<turn>.<n>.<part>"
    state    pending → sending → sent | failed. `sending` means that a request may have been sent
    first    when the first request was sent; 0 before
    unknown  since when the fate of the last request has been unknown; 0 if it is known or a request is in flight
    looks    number of completed searches for the reply on the platform since then
    cursor   where an unfinished search continues, which began at `searching` (ms)
    message  the platform's id of our message, once known
    at       when the event it answers was sent, in ms by the platform's clock; 0 if unknown
    refusals number of temporary rejections: a resource so new that it is not visible on the whole platform
    waits    how many times in a row the platform asked us to wait
    rest     in a dead letter: the following parts of the same reply, which are not posted without it
    """

    key: str
    thread: str
    text: str
    address: Address = {}
    state: Literal["pending", "sending", "sent", "failed"] = "pending"
    attempts: int = 0
    first: int = 0
    unknown: int = 0
    looks: int = 0
    cursor: str = ""
    searching: int = 0
    message: str = ""
    url: str = ""
    error: str = ""
    at: int = 0
    refusals: int = 0
    waits: int = 0
    rest: tuple[Reply, ...] = ()

    @property
    def siblings(self) -> str:
        """The common prefix of the keys of all parts of the same reply."""
        return ".".join([*self.key.split(".")[:2], ""])

    @property
    def whole(self) -> str:
        """The text, including the parts that are in the same dead letter."""
        return "\n\n".join([self.text, *(part.text for part in self.rest)])

    @property
    def platform(self) -> str:
        """The platform's name, such as "github"."""
        return self.thread.partition(":")[0]


class Identity(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Our identity on a platform, resolved from our credential.

    name      display name: "@answerbot (app 1234)"
    mentions  names that address us, compared with `Event.mentions` (lower case)
    marks     marks of our own messages, compared with `Event.identities`
    person    whether the credential belongs to a person, whose own messages cannot be distinguished from ours
    """

    name: str
    mentions: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    person: bool = False

    def wrote(self, identities: Iterable[str]) -> bool:
        """Return whether a message with these author `identities` is our own."""
        return not set(self.marks).isdisjoint(identities)


class DeadLetter(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """An event whose turn failed permanently, or a reply that was rejected, with the reason.

    id         the event's dispatch id, or the reply's key
    reason     one line for an operator
    done       names of the journal steps that had finished
    unknown    names of the steps that had begun and left no result: they may have had an effect
    unreadable written by a newer version and not readable by this one; kept unchanged
    """

    id: str
    kind: Literal["event", "reply"]
    thread: str
    reason: str
    error: str = ""
    traceback: str = ""
    attempts: int = 0
    agent: str = ""
    done: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    unreadable: bool = False
    at: int = 0
