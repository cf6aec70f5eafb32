"""The outbound half: exchanges with a platform, and the client that holds them."""

from __future__ import annotations

import math
from collections.abc import Collection, Generator, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol, Self, TypeVar

import msgspec

from answerback.accounts import Account
from answerback.errors import Rejected
from answerback.events import Address, Event
from answerback.masking import masked
from answerback.messages import Attachment, Author, Identity
from answerback.platforms.inbound import Headers
from answerback.replies import Reply, ReplyKind


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP request to a platform. `url` is absolute; header values may contain a credential."""

    method: Literal["GET", "POST", "PATCH", "PUT", "DELETE"]
    url: str
    headers: dict[str, str] = {}
    body: bytes = b""

    def __repr__(self) -> str:
        return f"Request({self.method} {masked(self.url)}, {len(self.body)} bytes)"


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """A complete HTTP response. A lost connection is raised into the exchange as `Unavailable` instead."""

    status: int
    headers: Headers = {}
    body: bytes = b""


T = TypeVar("T")
Exchange = Generator[Request, Response, T]
"""A conversation with a platform: yields requests, is sent responses, returns a result.

Raises `RateLimited`, `Rejected` or `Unavailable` according to the response.
"""


class Sent(msgspec.Struct, frozen=True):
    """A posted message: its id on the platform, and its URL if there is one.

    Attributes:
        thread: The id of the thread that answers to it have on the platform, if that is not the reply's own.
        delivery: The delivery id by which events name it (`Event.of`), if no webhook tells of our own messages.
    """

    message: str
    url: str = ""
    thread: str = ""
    delivery: str = ""


class Prepared(msgspec.Struct, frozen=True):
    """The reply is prepared and not posted yet: files are uploaded, for example. `post` is to be called again.

    Attributes:
        state: What `post` will find as `reply.prepared`; it is stored before the next request with a body.
    """

    state: str


class NextPage(msgspec.Struct, frozen=True):
    """The reply is not on this page of the search; `cursor` leads to the next page."""

    cursor: str


def scope(platform: str, limit: str) -> str:
    """Return the name of a rate limit of one platform; `limit` is the scope of a `RateLimited`."""
    return f"{platform}/{limit}" if limit else platform


class Repeat(NamedTuple):
    """What happens if a request of unknown outcome is made again.

    Attributes:
        native: Seconds since the first request during which the platform drops a repeat by itself; `ALWAYS` if it
            always does, or if a repeat changes nothing.
        then: After that: "find", look for the message first; "unknown", it cannot be found.
    """

    native: float
    then: Literal["find", "unknown"] = "unknown"


ALWAYS = math.inf
NATIVE, FIND, UNKNOWN = Repeat(ALWAYS), Repeat(0, "find"), Repeat(0, "unknown")
"""A repeat is harmless; a message can be found; neither."""


Extra = Literal["actions", "files"]


class Client(Protocol):
    """A platform's outbound half with one of our credentials. Built by `client(settings)`; does no I/O itself.

    A class that inherits from this has the defaults of what is optional.
    """

    lag: float = 1.0
    """Factor, 1 or more, by which posts take longer to become visible here than on other platforms."""
    kinds: frozenset[ReplyKind] = frozenset({"message"})
    """The kinds of replies that `post` can send."""
    extras: frozenset[Extra] = frozenset()
    """What its messages may have besides their text."""
    files_a_message: int = 1
    """The most files of one message."""
    finds_texts: bool = False
    """Whether `find` knows a reply by its text alone, so that it needs the messages that are others: `known`."""
    reports: bool = False
    """Whether the platform may report later (`ReplyStatus`) that a message failed which it had accepted."""

    def whoami(self) -> Exchange[Identity]:
        """Return the identity that belongs to our credential; its `accounts` if there are several."""
        ...

    def granted(self) -> Exchange[frozenset[str] | None]:
        """Return what our credential may do, in the words of the platform's `MANIFEST`; None if that is not known."""
        yield from ()
        return None

    def concerns(self) -> Exchange[Sequence[str]]:
        """Return what the platform says is wrong with our account or webhook there, as sentences for the operator."""
        yield from ()
        return ()

    def accounts(self) -> Exchange[Sequence[Account] | None]:
        """Return all accounts that our credential opens; None if it opens but the configured one."""
        yield from ()
        return None

    def split(self, text: str) -> list[str]:
        """Split Markdown into parts, in order, each of which fits the platform's limit once it is converted."""
        ...

    def check(self, reply: Reply) -> str:
        """Return why the platform would refuse this reply, in a sentence for the agent's author.

        "" if nothing is known. Called before the reply is stored, if its kind is one of `kinds`. Its files have no
        content yet.
        """
        return ""

    def repeat(self, reply: Reply) -> Repeat:
        """Return how this reply is settled if the outcome of its request is unknown."""
        ...

    def post(self, reply: Reply) -> Exchange[Sent | Prepared]:
        """Send one reply. Its last request is the one that takes effect. Converts Markdown to the dialect there.

        What takes several requests of which a repeat would be noticed returns `Prepared` before the last one. Files
        have their content in `data`.
        """
        ...

    def find(self, reply: Reply, account: Identity) -> Exchange[Sent | NextPage | None]:
        """Search one page for a reply that may have been posted already; only called if `repeat` says "find".

        It is the first page, or the one at `reply.cursor`. A message that `account` did not write never counts, nor
        does one of `reply.known`.
        """
        ...

    def limits(self, reply: Reply, *, looking: bool) -> Sequence[str]:
        """Return the scopes of `RateLimited` that apply to posting this reply, or to looking for it."""
        ...

    @property
    def presence(self) -> Presence | None:
        """How people see that an agent is at work; None if the platform cannot show it."""
        return None

    @property
    def streaming(self) -> Streaming | None:
        """How a reply is shown while it is written; None if the platform cannot show it."""
        return None

    @property
    def history(self) -> History | None:
        """How earlier messages of a thread are read; None if the platform does not give them."""
        return None

    @property
    def names(self) -> Names | None:
        """How people and channels are called; None if the platform's events say so themselves."""
        return None

    def fetch(self, attachment: Attachment) -> Exchange[bytes]:
        """Return the content of a file that an event refers to. Raises `Rejected`, with words for the agent."""
        yield from ()
        raise Rejected(f"files cannot be read from this platform: {attachment.name}")


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where an agent is at work: the thread and address of the event it answers.

    Attributes:
        message: The platform's id of the event's message, if it is one.
        author: The platform's id of its author.
        account: Our account that it came through, as in `Event`.
    """

    thread: str
    address: Address
    message: str = ""
    author: str = ""
    account: str = ""

    @classmethod
    def of(cls, event: Event) -> Self:
        """Return the place of an event."""
        return cls(
            thread=event.thread,
            address=event.address,
            message=event.message,
            author=event.author.id,
            account=event.account,
        )


PresenceOutcome = Literal["completed", "failed", "cancelled"]


class Presence(Protocol):
    """How people see that an agent is at work. Its requests are made beside the turn and their loss never matters.

    Each raises `RateLimited`, `Rejected` or `Unavailable`, as other exchanges do. After a `RateLimited`, presence alone
    is paused: replies have limits of their own. A class that inherits from this has the defaults of what is optional.
    """

    refresh: float
    """Seconds after which `working` is to be shown again, since the platform lets it expire; 0 if it does not."""
    pace: float = 1.0
    """Seconds between two requests on average, of all threads and workers: the rest of a limit is for replies."""
    lasting: bool = False
    """Whether it is shown with the event's message and may stay there, such as a reaction.

    `idle` is then called only for an agent with `presence="outcome"`.
    """

    def with_message(self, place: Place) -> bool:
        """Return whether it is shown with the event's message, so that each message of a thread has its own."""
        return self.lasting

    def working(self, place: Place, words: str) -> Exchange[None]:
        """Show that an agent is at work. `words` says what it does, such as "Searching the tracker…"; "" if unknown."""
        ...

    def idle(self, place: Place, outcome: PresenceOutcome) -> Exchange[None]:
        """Show that the work has ended."""
        ...

    def limits(self, place: Place) -> Sequence[str]:
        """Return the scopes of `RateLimited` that apply to these requests: none is made while one is paused."""
        return [""]


class StreamTask(msgspec.Struct, frozen=True):
    """A tool that an agent uses while it writes, as people see it. `id`: the same when it has ended."""

    id: str
    title: str
    state: Literal["running", "done", "failed"] = "running"


StreamRequest = Literal["begin", "append", "end"]


class Streaming(Protocol):
    """How a reply is shown while it is written. What was shown is brought to the final text at the end.

    Its messages are described by `Reply.shown`. Progress is lost without harm, and the end is sent like a reply.
    """

    default: bool
    """Whether agents that write in pieces are shown, unless they are declared otherwise."""
    appends: bool
    """Whether pieces can be added to a message; otherwise its whole text is replaced each time."""
    pace: float
    """Seconds between two requests that add to a message."""
    edit_pace: float
    """Seconds between two requests that replace a message's text."""
    budget: Mapping[StreamRequest, float]
    """How many requests a minute one worker may make for progress; those that end a message come on top."""

    def begin(self, reply: Reply, place: Place, tasks: Sequence[StreamTask] = ()) -> Exchange[Begun]:
        """Create the message, with `reply.text` as its first piece. Its last request is the one that takes effect."""
        ...

    def append(self, reply: Reply, piece: str, tasks: Sequence[StreamTask] = ()) -> Exchange[None]:
        """Show more. `reply.text` is the whole text of the message, which ends with `piece`.

        Raises `StreamClosed` if the platform takes no more pieces of this message. Only called while `shown.open`.
        """
        ...

    def end(self, reply: Reply) -> Exchange[Sent]:
        """Make the message's text equal to `reply.text` and close it for pieces; without a text, delete it.

        May be repeated, whatever became of earlier requests. Also replaces the text of a message that is still being
        written. Raises `MessageGone` if there is no such message any more.
        """
        ...

    def find(self, reply: Reply, account: Identity, known: Collection[str] = ()) -> Exchange[Sent | NextPage | None]:
        """Search one page for the message that `begin` may have created, as `Client.find` does. `known`: not these."""
        ...

    def limits(self, reply: Reply, request: StreamRequest) -> Sequence[str]:
        """Return the scopes of `RateLimited` that apply to a request."""
        ...


class Begun(msgspec.Struct, frozen=True):
    """A message that has been created to show a reply. `open`: whether pieces may be appended; else it is edited."""

    message: str
    url: str = ""
    open: bool = False


class Spoken(msgspec.Struct, frozen=True, kw_only=True):
    """A message of a thread, as the platform's history has it.

    Attributes:
        message: The platform's id of the message.
        identities: As in `Event`: by these our own messages are recognised.
        at: When it was written, in ms by the platform's clock.
        delivery: The delivery id of its event: a webhook that comes later is then known to be the same message.
        reply: The key of a reply that it carries, as in `Event`.
    """

    message: str
    author: Author
    text: str
    identities: tuple[str, ...] = ()
    at: int = 0
    attachments: tuple[Attachment, ...] = ()
    delivery: str = ""
    reply: str = ""


class HistoryPage(NamedTuple):
    """Messages of a thread, oldest first.

    Attributes:
        cursor: Leads to more of them; "" if there are none.
        forward: Whether those follow these messages, since the platform gives the oldest first; else they precede them.
    """

    messages: Sequence[Spoken]
    cursor: str
    forward: bool = False


class History(Protocol):
    """How earlier messages of a thread are read."""

    def begins(self, place: Place) -> bool:
        """Return whether the event's message is the first one of its thread, so that nothing was said before."""
        return False

    def page(self, place: Place, limit: int, cursor: str = "") -> Exchange[HistoryPage]:
        """Return messages before the event's message: the newest `limit`, or the oldest ones if it is `forward`."""
        ...

    def limits(self, place: Place) -> Sequence[str]:
        """Return the scopes of `RateLimited` that apply to reading the history."""
        ...


class Names(Protocol):
    """What people and channels are called, where events name them by ids.

    Names are looked up before a turn, and kept for days. Their loss never matters: the ids stay.
    """

    def wanted(self, author: Author | None, text: str, channel: str = "") -> Collection[str]:
        """Return the ids in a message that people see as names: of its author, in its text, of its channel."""
        ...

    def named(self, text: str, names: Mapping[str, str]) -> str:
        """Return a text with the names in place of their ids."""
        ...

    def look_up(self, id: str, place: Place) -> Exchange[str]:
        """Return a name; "" if the id names no one and nothing. Raises as other exchanges do."""
        ...

    def limit(self, id: str, place: Place) -> str:
        """Return the scope of `RateLimited` that applies to looking up an id. Replies must not depend on it."""
        ...
