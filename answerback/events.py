"""What happens on a platform: events, amendments of their messages, entries of a thread's inbox."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import Any, Literal

import msgspec

from answerback.messages import Attachment, Author, Message

Address = dict[str, str | int]
Arrival = Literal["", "queue", "merge", "debounce", "interrupt", "drop"]


@lru_cache(4096)
def dispatch_id(delivery: str) -> str:
    """Return our id of an event and of the turn that answers it: 20 hex digits derived from its delivery id.

    Derived rather than random: a redelivery finds the receipt, dead letter and replies of the first delivery without a
    lookup, and `accept` can be repeated after a lost connection. Cached, since a turn uses its id in many places.
    """
    return hashlib.blake2b(delivery.encode(errors="surrogatepass"), digest_size=10).hexdigest()


class Subject(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What an event's text is about, as far as its delivery contains it.

    Attributes:
        kind: "issue", "pull_request" or "discussion"; "advertisement" from which a person came; "message" that is
            quoted.
        title: Its title.
        body: Its text, cut to a few thousand characters; "" if it is the event's own text.
        author: Who opened it.
        path: The file that a comment is about.
        start: The first line that the comment is about, if there are several.
        line: The last line that the comment is about; 0: the whole file, or unknown.
        diff: The end of the diff shown above the comment.
        message: The platform's id of the message that is quoted.
    """

    kind: str = ""
    title: str = ""
    body: str = ""
    author: str = ""
    path: str = ""
    start: int = 0
    line: int = 0
    diff: str = ""
    message: str = ""


ActionType = Literal[
    "button", "select", "form", "shortcut", "command", "reaction",
    "assigned", "unassigned", "review_requested", "labeled", "unlabeled", "state",
]  # fmt: skip


class Action(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a person did instead of writing a message.

    Attributes:
        type: button, select: in a message of ours. form: submitted. shortcut: of a message, or of the whole app.
            command: "/deploy". reaction: an emoji. assigned, review_requested, labeled: to an account, with a label;
            unassigned, unlabeled: the opposite. state: closed, reopened, locked, transferred.
        name: The button's or form's name, the command with its "/", the emoji without colons, the label, the login,
            the state.
        value: Its plain value: of a button, the chosen option, the text after a command.
        values: The fields of a form, by name: plain data.
        message: The platform's id of the message that it is about; "" if it is about none.
        removed: Whether a reaction was taken back.
        to: The name of the account that a command is addressed to, where it names one ("/deploy@answerbot"). One that
            is addressed to another account is not answered.
    """

    type: ActionType
    name: str
    value: str = ""
    values: dict[str, Any] = {}
    message: str = ""
    removed: bool = False
    to: str = ""


class Conversation(msgspec.Struct, frozen=True):
    """A whole direct chat as one thread: its id, and the address of replies there."""

    thread: str
    address: Address


class Event(msgspec.Struct, frozen=True, omit_defaults=True, gc=False, kw_only=True):
    """One thing that happened on a platform and that an agent may answer.

    Attributes:
        delivery: `<platform>:<id>`, the same for every redelivery; identifies the event.
        thread: The thread id: `<platform>:<ids…>`, made of the platform's ids, never of names.
        kind: The platform's name of the event: "issue_comment.created", "message", …
        text: The message, as plain text or the platform's markdown.
        author: Who wrote it.
        former: The delivery id used by older versions: an event stored under it is a duplicate, too.
        message: The platform's id of the message; an amendment finds a waiting event by it.
        channel: Where the thread lives, for display and routing: "acme/widgets", "C024BE91L".
        channel_name: What people call the channel, if `channel` is an id; "" if that is not known.
        mentions: Names mentioned in the text: logins without "@", Slack user ids.
        mentioned: Whether the platform itself reports that the agents' account is mentioned.
        direct: Whether it is a one-to-one conversation (a Slack DM).
        identities: All marks by which the author can be recognised ("user:583231", "bot:B061"). If one of them
            belongs to the agents' own account, the event is ignored.
        address: Where a reply goes; only this platform's client reads it.
        subject: What the text is about, if the platform includes it.
        title: The title of the thread, if it has one.
        url: The address of the message for people.
        at: When it was sent, in ms since 1970 by the platform's clock; 0 if unknown.
        agent: The name of the agent it is addressed to; "" leaves the choice to the thread and the worker.
        arrival: What to do if the agent is working or other events are waiting, as for `Agent`; "" leaves that to the
            agent.
        attachments: The attachments of the message.
        order: The order of texts and attachments, unless it is one text followed by all attachments: a text, or the
            index of an attachment.
        context: The conversation as given by the sender; it replaces the thread's history.
        system: Instructions given with this event, for this turn only.
        reply: The key of a reply that the message carries. In a message of the agents' own account it proves that this
            reply was posted; in anyone else's it means nothing. Of a pressed button: the reply that has it.
            "prepared:<id>": what was given to the platform in preparation of a reply, see `Reply`.
        visitor: Whether it was sent by a visitor of a page with the token of their session.
        input_json: Structured input as JSON, bounded; b"" if there is none. Read it as `input`.
        raw_body: The body of its webhook, compressed, if an agent asks for it; not kept once the turn has committed.
            Read it as `raw`.
        edited: "mention": an edit that added `mentions`, answered only because of them. "earlier": its edit arrived
            first and was an event of its own. Either way the message is answered once. "text": an edit of a message
            that was answered, for an agent with `edits="tell"`; "again": the same for one with `edits="again"`.
        action: What a person did, if they did not write a message; `text` then says it in words.
        account: Our account that it came through, such as a workspace's id; "" for the configured one.
        gesture: Another id that is the same for each event of one gesture of a person: a second event with it is a
            duplicate. "" if the platform has none.
        of: The delivery id of the message that it is about, if the platform does not say in which thread that is: the
            event then belongs to that thread. `thread` is the one that the message itself may have begun.
        answered: Whether a person has answered it before it was stored, because it was missed: no agent does then.
        choice: The number that the text consists of, where people choose by number: the event becomes the press of what
            the last reply offers under it. 0 if it says anything else.
        conversation: The whole chat, of a direct message that begins a thread of its own. Used in place of `thread`
            where an agent declares `direct="conversation"`, and not stored.
    """

    delivery: str
    thread: str
    kind: str
    text: str
    author: Author
    former: str = ""
    message: str = ""
    channel: str = ""
    channel_name: str = ""
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
    input_json: bytes = b""
    raw_body: bytes = b""
    edited: Literal["", "mention", "earlier", "text", "again"] = ""
    action: Action | None = None
    account: str = ""
    gesture: str = ""
    of: str = ""
    answered: bool = False
    choice: int = 0
    conversation: Conversation | None = None

    @property
    def id(self) -> str:
        """The dispatch id."""
        return dispatch_id(self.delivery)

    @property
    def is_edit(self) -> bool:
        """Whether it is an edit, not the message itself."""
        return self.edited in ("mention", "text", "again")

    @property
    def platform(self) -> str:
        """The platform's name, such as "github"."""
        return self.delivery.partition(":")[0]

    @property
    def input(self) -> Any:
        """Its structured input: plain JSON data; None if there is none."""
        return json.loads(self.input_json) if self.input_json else None

    @property
    def raw(self) -> Any:
        """The platform's payload, decoded at each access.

        None unless an agent is declared with `raw=True`, and for a payload above 256 KB.
        """
        if not self.raw_body:
            return None
        from answerback.raw_body import unpacked

        return unpacked(self.raw_body)


class Amendment(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A message was edited (`text`) or deleted (`text` is None).

    It changes the waiting event of that `message` in that `thread`, or one that arrives later; after the answer, the
    message in the history. An edit that added a mention then becomes an `event` of its own instead. Any other
    becomes the event `edit`, where an agent receives edits.
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
    edit: Event | None = None
    conversation: Conversation | None = None


class Entry(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """An entry of an inbox: an event and, if it was replayed from the dead letters, the state of its turn.

    Attributes:
        merged: Earlier events that the same turn answers.
        journal: Journal records of that turn.
        stored: When ingress or the dispatching process stored the event: ms since 1970 by its clock; 0 if it was
            replayed, or stored by an older version.
        trace: The context in which it was stored, as a W3C traceparent; "" if that is not traced.
    """

    event: Event
    journal: dict[str, bytes] = {}
    merged: tuple[Event, ...] = ()
    stored: int = 0
    trace: str = ""

    @property
    def events(self) -> tuple[Event, ...]:
        """All events, oldest first."""
        return (*self.merged, self.event)
