"""What is known of the messages that show a reply on its platform while its agent writes it."""

from __future__ import annotations

from answerback.platforms import Place
from answerback.replies import Reply, ShownMessage, StreamedReply
from answerback.store.threads.records import Claim


class ShownMessages:
    """The messages that show one reply of a turn: `claim.streamed`, which the thread's record has once it is stored.

    number  which reply of the turn it is
    """

    def __init__(self, claim: Claim, turn: str, place: Place) -> None:
        event = claim.entries[-1].event
        self._claim, self._turn, self._place = claim, turn, place
        self._at, self._account, self._stored = event.at, event.account, claim.entries[0].stored
        self.number = 0

    @property
    def all(self) -> tuple[ShownMessage, ...]:
        """The messages in their order."""
        return self._claim.streamed.messages if self._claim.streamed else ()

    def set(self, messages: tuple[ShownMessage, ...]) -> None:
        """Replace all messages."""
        self._claim.streamed = StreamedReply(
            f"{self._turn}.{self.number}", self._place.address, self._at, self._stored, self._account, messages
        )

    def replace(self, number: int, shown: ShownMessage) -> None:
        """Replace a message, or add the next one."""
        self.set((*self.all[:number], shown, *self.all[number + 1 :]))

    def remove(self, number: int) -> None:
        """Remove a message, which does not exist on the platform."""
        self.set((*self.all[:number], *self.all[number + 1 :]))

    def key(self, number: int) -> str:
        """Return the key of a message, by which the platform may find it."""
        key = f"{self._turn}.{self.number}"
        return f"{key}.{number}" if number else key

    def reply(self, text: str, shown: ShownMessage) -> Reply:
        """Return the reply that has this text in this message."""
        return Reply(
            key=shown.key, thread=self._place.thread, text=text, address=self._place.address, at=self._at,
            account=self._account, state="streaming", message=shown.message, first=shown.begun, shown=shown,
        )  # fmt: skip
