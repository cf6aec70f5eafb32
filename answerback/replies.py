"""What leaves a thread: replies to a platform, and dead letters."""

from __future__ import annotations

from hashlib import blake2b
from typing import Literal

import msgspec

from answerback.events import Address
from answerback.outgoing import NO_CONTENT, ReplyContent

ReplyKind = Literal["message", "edit", "delete", "reaction", "review", "check", "form"]
"""message: with buttons and files. edit, delete: of an earlier message. review, check: of a pull request.

form: opened for one person.
"""

TWICE = "sent again after a request of unknown outcome: it may appear twice"
"""What is said of a reply that was sent so."""

PREPARED = "prepared:"
"""Begins the `reply` of an event that carries no key, but something that the platform was given in preparation."""


class ShownMessage(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A message that shows a reply while it is written. What is stored of it is true whatever became of a request.

    Attributes:
        key: The reply's key with which it was begun; in a platform's find.
        message: The platform's id; "" while it is unknown whether it exists.
        url: Its address for people.
        begun: When the request was sent that created it, in ms by the clock of Redis.
        since: The same by the lease clock.
        open: Whether the platform may still take pieces of it.
        length: How many characters of the reply it shows; -1 if that is unknown.
        digest: Of these characters.
        doubt: When an edit was last sent whose outcome is unknown, in ms by the lease clock; 0 if there is none.
    """

    key: str
    message: str = ""
    url: str = ""
    begun: int = 0
    since: int = 0
    open: bool = False
    length: int = -1
    digest: bytes = b""
    doubt: int = 0

    def begins(self, text: str) -> bool:
        """Return whether the text is known to begin with what is shown."""
        return 0 <= self.length <= len(text) and digest(text[: self.length]) == self.digest

    def showing(self, text: str) -> ShownMessage:
        """Return the message when it shows this text."""
        return msgspec.structs.replace(self, length=len(text), digest=digest(text))

    def unsure(self) -> ShownMessage:
        """Return the message while a request may change its text."""
        return msgspec.structs.replace(self, length=-1, digest=b"")


class StreamedReply(msgspec.Struct, frozen=True, omit_defaults=True):
    """A reply that is shown before its turn has ended: the messages that show it, in order. The rest: as in `Reply`."""

    key: str
    address: Address = {}
    at: int = 0
    stored: int = 0
    account: str = ""
    messages: tuple[ShownMessage, ...] = ()


def whole_key(key: str) -> str:
    """Return the key of a reply, "<turn>.<n>", of the key of one of its parts."""
    return ".".join(key.split(".")[:2])


def digest(text: str) -> bytes:
    """Return a short digest of a text."""
    return blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest()


class Reply(msgspec.Struct, frozen=True, omit_defaults=True, gc=False, kw_only=True):
    """A message of an agent on its way to a platform.

    Attributes:
        key: "<turn>.<n>": the same in every attempt of the turn, so that a reply exists once. A reply of several
            messages has keys "<turn>.<n>.<part>". A change of a message, a reaction or a check run has
            "<turn>.<kind><n>".
        state: pending | streaming → sending → sent | failed. `sending` means that a request may have been sent.
            `streaming`: a message shows it as far as it was written, and is to show all of it.
        first: When the first request was sent; 0 before.
        unknown: Since when the outcome of the last request has been unknown; 0 if it is known or a request is in
            flight.
        looks: Number of completed searches for the reply on the platform since then.
        repeats: How often it was sent again after a request of unknown outcome.
        twice: Whether it was sent again although the first one may be there.
        slot: When it may be sent within the platform's rates, in ms by the lease clock; 0 if none is reserved.
        paced: Toward how many of these rates it counts.
        cursor: Where an unfinished search continues, which began at `searching` (ms).
        message: The platform's id of our message, once known.
        at: When the event it answers was sent, in ms by the platform's clock; 0 if unknown.
        refusals: Number of temporary rejections: a resource so new that it is not visible on the whole platform.
        waits: How many times in a row the platform asked for a pause.
        stored: When the event it answers was stored: see `Entry`.
        trace: The context in which its turn made it, as a W3C traceparent; "" if that is not traced.
        kind: What it is.
        content: What it has besides its text.
        account: Our account that sends it: see `Event`.
        prepared: What the platform was given in preparation: see `Prepared`.
        kept: Whether all of it is kept once it is sent, since its platform may report later that it failed.
        shown: The message that shows it already, or may; None if there is none. Without a text it is to be deleted.
        known: The platform's ids of our other messages in the thread, while the reply is looked for by its text; not
            stored.
        rest: In a dead letter: the following parts of the same reply, which are not posted without it.
    """

    key: str
    thread: str
    text: str
    address: Address = {}
    state: Literal["pending", "streaming", "sending", "sent", "failed"] = "pending"
    attempts: int = 0
    first: int = 0
    unknown: int = 0
    looks: int = 0
    repeats: int = 0
    twice: bool = False
    slot: int = 0
    paced: int = 0
    cursor: str = ""
    searching: int = 0
    message: str = ""
    url: str = ""
    error: str = ""
    at: int = 0
    refusals: int = 0
    waits: int = 0
    stored: int = 0
    trace: str = ""
    kind: ReplyKind = "message"
    content: ReplyContent | None = None
    account: str = ""
    prepared: str = ""
    kept: bool = False
    shown: ShownMessage | None = None
    known: tuple[str, ...] = ()
    rest: tuple[Reply, ...] = ()

    @property
    def waiting(self) -> Literal["pending", "streaming"]:
        """Its state while no request is in flight."""
        return "streaming" if self.shown else "pending"

    @property
    def siblings(self) -> str:
        """The common prefix of the keys of all parts of the same reply."""
        return f"{whole_key(self.key)}."

    @property
    def whole(self) -> str:
        """The text, including the parts that are in the same dead letter."""
        return "\n\n".join([self.text, *(part.text for part in self.rest)])

    @property
    def what(self) -> str:
        """What it is, in words for an operator."""
        content = self.content or NO_CONTENT
        match self.kind:
            case "edit":
                return f"edit of {content.target}"
            case "delete":
                return f"deletion of {content.target}"
            case "reaction":
                return f"reaction :{content.reaction}:{' taken back' if content.removed else ''}"
            case "review":
                return f"review ({content.verdict or 'comment'})"
            case "check":
                return f"check run {content.check} ({content.state})"
            case "form":
                return f"form {content.form.name if content.form else ''}".strip()
            case _:
                return f"{len(content.files)} files" if content.files else "message"

    @property
    def platform(self) -> str:
        """The platform's name, such as "github"."""
        return self.thread.partition(":")[0]


class DeadLetter(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """An event whose turn failed permanently, or a reply that was rejected, with the reason.

    Attributes:
        id: The event's dispatch id, or the reply's key.
        reason: One line for an operator.
        done: Names of the journal steps that had finished.
        unknown: Names of the steps that had begun and left no result: they may have had an effect.
        unreadable: Written by a newer version and not readable by this one; kept unchanged.
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
