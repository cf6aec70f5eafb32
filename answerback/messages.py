"""Everything that is ever serialised: what travels from ingress through Redis to a worker and out again.

All are msgspec structs, stored as MessagePack maps: a field may be added with a default, none
may change its meaning, so that old and new code can share one Redis during a deploy.
Times are integers, milliseconds since 1970 by the clock of Redis unless said otherwise.
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
    """Our id of an event, and of the turn that answers it: 20 hex digits derived from its delivery id.

    Derived, not drawn: a redelivery finds the receipt, the dead letter and the replies of the
    first delivery without a look-up, and `accept` can be repeated after a lost connection.
    """
    return hashlib.blake2b(delivery.encode(errors="surrogatepass"), digest_size=10).hexdigest()


class Author(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who wrote a message. `id` is the platform's stable id, `name` what people call them.

    kind  "bot": an account that belongs to a program. "app": posted through an app in a person's name, by the
          person or by the program alone; the platform does not tell which. "person": nothing says otherwise,
          which also holds for programs that use an ordinary account.
    """

    id: str
    name: str = ""
    kind: AuthorKind = "person"


class Attachment(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What came with a message: a text document or JSON as `text`, anything else as `data`."""

    name: str
    content_type: str
    text: str = ""
    data: bytes = b""


class ToolCall(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A tool that an agent called in a turn, with JSON for `args` and `result`.

    outcome  "unknown" when a worker died during the call and nobody can tell whether it took effect
    public   whether a page's visitor may read its arguments and its result, too
    """

    id: str
    name: str
    args: Any = None
    result: Any = None
    outcome: Literal["done", "failed", "unknown"] = "done"
    public: bool = False


class Usage(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a turn cost: tokens read and written by its model, and requests made to it."""

    input_tokens: int = 0
    output_tokens: int = 0
    requests: int = 0


class Subject(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What the words of an event are about, as far as its delivery tells: cut to some thousand characters.

    kind    what was written about: "issue", "pull_request", "discussion"
    title, body, author   of that; no body where it is the event's own text
    path    the file whose lines a comment is about, with `line` (the last, where there are several from `start`;
            0: the whole file, or not known) and the end of the `diff` that people see above it
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

    delivery    "<platform>:<id>", the same for every redelivery: what makes an event one event
    former      the delivery id that it had in older versions: what is known under that one is a duplicate, too
    thread      thread id: "<platform>:<ids…>", made of the platform's ids, never of names
    kind        the platform's word for it: "issue_comment.created", "message", ...
    text        what was said, as plain text or the platform's markdown
    message     the platform's id of the message; an amendment finds a waiting event by it
    channel     where the thread lives, for people and for routing: "acme/widgets", "C024BE91L"
    mentions    names addressed in the text: logins without "@", Slack user ids
    mentioned   the platform itself says that one of them is us: this needs no credential that tells who we are
    direct      true in a conversation of two (a Slack DM)
    identities  every mark the author could be recognised by ("user:583231", "bot:B061"): when one
                of them is ours, the event is our own message and is ignored
    address     where a reply goes; only this platform's client reads it
    subject     what the text is about, where the platform tells
    at          when it was said, in ms, by the platform's clock; 0 if it does not tell
    agent       the name of the agent it is said to; "" leaves the choice to the thread and the worker
    arrival     what becomes of it when the agent works or others wait; "" leaves that to the agent
    attachments what came with it
    order       how texts and attachments stood, where that is not one text before all of them: a text, or the place of
                an attachment
    context     the conversation as the sender tells it, in place of the thread's history
    system      instructions given with this event, for this turn only
    reply       the key of a reply of ours that the message carries. In a message of our own it proves that this
                reply was posted; in anybody else's it means nothing
    visitor     a page's visitor said it, with the token of their session
    edited      "mention": it is the edit of a message to which `mentions` were added, answered for them alone;
                "earlier": its edit came before it, and was an event. Either is answered once for its message
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
        """The platform's name, "github" say."""
        return self.delivery.partition(":")[0]


class Amendment(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A message was edited (`text`) or deleted (`text` is None).

    It changes the waiting event of that `message` in that `thread`, or the one that comes later. An event that is
    being answered, or was, stays as it is; an edit that added a mention then becomes an `event` of its own.
    `at`: when the platform says that this happened, in ms; of two edits the later one holds, in whatever order they
    come. 0 if it does not tell.
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
    """What lies in an inbox: an event, and what comes with it if it comes back from the dead letters.

    merged   events before it that the same turn was to answer
    journal  what had been done for them
    """

    event: Event
    journal: dict[str, bytes] = {}
    merged: tuple[Event, ...] = ()

    @property
    def events(self) -> tuple[Event, ...]:
        """All of them, oldest first."""
        return (*self.merged, self.event)


class Message(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One committed line of a thread's history.

    id      dispatch id of its event for a user's, "<turn>.<n>" for ours; "" in histories older than ids
    role    who speaks: "user" (anyone on the platform) or "assistant" (us)
    turn    id of the turn in which it was answered or said
    reply   key of the reply in the outbox, for what we said
    agent   name of the agent that spoke
    model   the agent's own record of the turn (pydantic-ai messages as JSON), to replay it exactly
    tools   the tools that were called for it, in order
    status  "" when it was said to its end, else what ended it; of a user's, what became of it
    failed  of a user's whose turn failed for good: `TurnEnd.code`. No agent is given it as history: it may be what
            made its turn fail
    usage   what the turn cost, on its last message
    order   of its texts and attachments, as in `Event`
    visitor a page's visitor said it, with the token of their session
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
    """How a turn ended, as the step that ended it wrote it down.

    turn      its id
    events    dispatch ids of those that it was to answer
    status    completed · cancelled · interrupted (its events are answered by another turn) · dropped (its agent takes
              nothing while it works) · ignored (no agent answers it) · failed (for good: it lies in the dead letters)
    messages  ids of what we said in it, in the history
    usage     what it cost
    code      of a failed one: "agent_failed", "timeout", "limit" or "unreachable"
    reason    of a failed one, in words that anybody may read; the dead letter has the rest
    at        when
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

    key      "<turn>.<n>": the same in every attempt of the turn, so that a reply exists once.
             Two keys may end in a part, "<turn>.<n>.<part>", where the platform's limit made us split.
    state    pending → sending → sent | failed. `sending` means a request may have left.
    first    when the first request left; 0 before
    unknown  when nobody knew any more whether the last request was done; 0 while a request is under way, or none is
    looks    how often the reply was looked for on the platform since then, to the end of the search
    cursor   where an unfinished search goes on, which began at `searching` (ms)
    message  the platform's id of our message, once it is known
    at       when the event was said that it answers, in ms by the platform's clock; 0 if unknown
    refusals how often it was refused by an answer that may pass: a thing so new that it is not known everywhere
    waits    how often in a row the platform asked to wait
    rest     where it lies dead: the parts of the same reply behind it, which are not posted without it
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
        """How the keys of the other parts of the same reply begin."""
        return ".".join([*self.key.split(".")[:2], ""])

    @property
    def whole(self) -> str:
        """What it says, with the parts that lie dead with it."""
        return "\n\n".join([self.text, *(part.text for part in self.rest)])

    @property
    def platform(self) -> str:
        """The platform's name, "github" say."""
        return self.thread.partition(":")[0]


class Identity(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Who we are on a platform, as our credential tells it.

    name      for people: "@answerbot (app 1234)"
    mentions  the names that address us, to compare with `Event.mentions` (lower case)
    marks     what our own messages carry, to compare with `Event.identities`
    person    whether the credential belongs to a person, whose own messages we cannot tell from ours
    """

    name: str
    mentions: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    person: bool = False

    def wrote(self, identities: Iterable[str]) -> bool:
        """Whether a message whose author can be recognised by `identities` is our own."""
        return not set(self.marks).isdisjoint(identities)


class DeadLetter(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What could not be handled, and why: an event whose turn failed, or a reply that was refused.

    id         the event's dispatch id, or the reply's key
    reason     one line for an operator
    done       what had been done before it failed: names of finished journal steps
    unknown    names of those that had begun and left no result: they may have taken effect
    unreadable newer code wrote it, and this one could not decode it: it is kept as it lay there
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
