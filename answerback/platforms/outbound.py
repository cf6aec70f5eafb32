"""The outbound half of a platform: the client, which holds the exchanges, and the results of posting."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

import msgspec

from answerback.accounts import Account
from answerback.errors import Rejected
from answerback.messages import Attachment, Identity
from answerback.platforms.exchange import Exchange
from answerback.replies import Reply, ReplyKind

if TYPE_CHECKING:
    from answerback.platforms.context import History, Names
    from answerback.platforms.progress import Presence, Streaming


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


class Rate(NamedTuple):
    """How fast a platform accepts replies, before it refuses them.

    Attributes:
        scope: What they have in common, such as a channel; as in `RateLimited`.
        interval: Seconds between two of them, on average.
        burst: How many may follow one another at once after a rest.
    """

    scope: str
    interval: float
    burst: int = 1


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


Extra = Literal["actions", "files", "template"]


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

    def rates(self, reply: Reply) -> Sequence[Rate]:
        """Return the rates within which a reply is sent, the narrowest first: it waits for one after the other.

        `limits` still apply to what the platform refuses.
        """
        return ()

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
