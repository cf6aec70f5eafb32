"""What is stored of a thread in memory, and the writes that change it: as the store's scripts do in Redis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from answerback import edits
from answerback.attention import Attention
from answerback.errors import LeaseLost, NoSuchFile
from answerback.events import Amendment, Entry, Event
from answerback.messages import Message, TurnEnd
from answerback.outgoing import File
from answerback.replies import DeadLetter, Reply

Accepted = Literal["accepted", "revived", "duplicate", "ignored"]


class Records:
    """The records of one thread.

    Attributes:
        inbox: The events that are not handled yet, oldest first.
        history: What was committed, oldest first.
        journal: The steps of the turn that has begun.
        state: The agents' encoded data; b"" before there is any.
        agent: The name of the agent that answered last.
        attention: How attentive agents are in the thread.
        outbox: The replies to a platform, by key.
        turn_ends: How turns ended, oldest first.
        dead_letters: Events whose turns failed for good, by dispatch id.
        attempt: The number of the attempt that runs, or ran last.
        crashes: How many attempts were killed.
        taken: How many events of the inbox belong to the turn that has begun.
        not_before: The time of the next attempt at the earliest, in ms.
        fence: Grows with each attempt: a write of an older one changes nothing.
        files: The contents of files, by id.
    """

    def __init__(self, history: Sequence[Message], state: bytes, agent: str) -> None:
        self.inbox: list[Entry] = []
        self.history = list(history)
        self.journal: dict[str, bytes] = {}
        self.state = state
        self.agent = agent
        self.attention: Attention = "default"
        self.outbox: dict[str, Reply] = {}
        self.turn_ends: list[TurnEnd] = []
        self.dead_letters: dict[str, DeadLetter] = {}
        self.attempt = 0
        self.crashes = 0
        self.taken = 0
        self.fence = 0
        self.not_before = 0
        self.files: dict[str, bytes] = {}
        self._amendments: dict[str, Amendment] = {}
        self._stored: set[str] = set()
        self._dead: dict[str, Entry] = {}

    def accept(self, event: Event) -> Accepted:
        """Store an event, once. One that is a dead letter is put back, with the steps that were recorded."""
        if event.id in self._dead:
            self.inbox.append(self._dead.pop(event.id))
            del self.dead_letters[event.id]
            return "revived"
        if event.id in self._stored:
            return "duplicate"
        if event.message and not event.is_edit and (earlier := self._amendments.get(event.message)):
            if earlier.text is None:
                return "ignored"  # its message was deleted before it arrived
            event = edits.with_edit(event, earlier)
        self._stored.add(event.id)
        self.inbox.append(Entry(event))
        return "accepted"

    def amend(self, amendment: Amendment) -> Event | None:
        """Change or remove the waiting events of an edited or deleted message.

        Return, if none is waiting, the event that the amendment itself is.
        """
        earlier, is_edit = self._amendments.get(amendment.message), amendment.text is not None
        if earlier and is_edit and earlier.text is None:
            return None  # an edit of a deleted message
        if earlier and is_edit and earlier.at > amendment.at > 0:
            return edits.event_of_older_edit(amendment.event, earlier)
        self._amendments[amendment.message] = amendment
        changed, inbox = False, self.inbox[: self.taken]
        for position, entry in enumerate(self.inbox[self.taken :], self.taken):
            if entry.event.message != amendment.message or entry.journal:
                inbox.append(entry)
                continue
            changed = True
            if is_edit:
                inbox.append(edits.edited_entry(entry, amendment))
            elif position == 0:
                # The failed attempts belong to this event, not to the next one.
                self.attempt = self.crashes = self.not_before = 0
        self.inbox = inbox
        if not changed and not self.taken:
            self.history = [
                edits.edited_message(each, amendment) if edits.changes_history(each, amendment) else each
                for each in self.history
            ]
        return None if changed else amendment.event or amendment.edit

    async def read_file(self, id: str) -> bytes:
        """Return the content of an uploaded file. Raises `NoSuchFile`."""
        if id not in self.files:
            raise NoSuchFile
        return self.files[id]

    async def write_file(self, file: File) -> None:
        """Store a file of a reply."""
        self.files[file.file] = file.data

    def claim(self) -> int:
        """Begin an attempt. Return its fence."""
        self.fence += 1
        self.attempt += 1
        return self.fence

    def ensure_held(self, fence: int) -> None:
        """Raise `LeaseLost` if another attempt has begun, or this one was killed."""
        if fence != self.fence:
            raise LeaseLost

    def step(self, fence: int, name: str, record: bytes, replies: Sequence[Reply]) -> None:
        """Store a step's record, and the replies it adds to the outbox."""
        self.ensure_held(fence)
        self.journal[name] = record
        self.post(replies)

    def commit(
        self,
        handled: int,
        end: TurnEnd,
        messages: Sequence[Message],
        *,
        replaced: Sequence[Message] = (),
        replies: Sequence[Reply] = (),
        agent: str,
        state: bytes,
        attention: Attention | None = None,
    ) -> None:
        """End a turn: history, inbox, outbox and state change together."""
        self.post(replies)
        self.agent = agent
        self.state = state or self.state
        self.attention = attention or self.attention
        self._finish(handled, end, messages, replaced)

    def add_dead_letter(
        self,
        handled: int,
        end: TurnEnd,
        messages: Sequence[Message],
        *,
        replaced: Sequence[Message],
        letter: DeadLetter,
        entry: Entry,
    ) -> None:
        """Move the events of a turn to the dead letters; the users' messages stay in the thread."""
        self.dead_letters[letter.id] = letter
        self._dead[letter.id] = entry
        self._finish(handled, end, messages, replaced)

    def interrupt(self, end: TurnEnd, messages: Sequence[Message], replaced: Sequence[Message]) -> None:
        """Stop a turn, which starts again with all events that wait. Its messages and replies stay."""
        self._record(end, messages, replaced)
        self.fence += 1
        self.journal = {}
        self.attempt -= 1
        self.taken = len(self.inbox)

    def hand_back(self) -> None:
        """Release the thread unchanged: the attempt does not count."""
        self.fence += 1
        self.attempt -= 1

    def crash(self) -> None:
        """Lose the attempt that runs."""
        self.fence += 1
        self.crashes += 1

    def post(self, replies: Sequence[Reply]) -> None:
        """Put replies into the outbox, each once."""
        for reply in replies:
            self.outbox.setdefault(reply.key, reply)

    def _finish(self, handled: int, end: TurnEnd, messages: Sequence[Message], replaced: Sequence[Message]) -> None:
        del self.inbox[:handled]
        self.fence += 1
        self.journal = {}
        self.attempt = self.crashes = self.taken = 0
        self._record(end, messages, replaced)

    def _record(self, end: TurnEnd, messages: Sequence[Message], replaced: Sequence[Message]) -> None:
        self.turn_ends.append(end)
        self.history = [*(message for message in self.history if message not in replaced), *messages]
