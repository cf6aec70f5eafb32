"""A reply that is shown while it is written: a message that is edited.

Telegram's drafts (`sendMessageDraft`) are not used: they are gone after 30 seconds and exist in private chats only, and
the message that follows one could be posted twice.
https://core.telegram.org/bots/api#editmessagetext
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from answerback.messages import Identity
from answerback.platforms import Begun, Exchange, NextPage, Place, Sent, Streaming, StreamRequest, StreamTask
from answerback.platforms.telegram import changes
from answerback.platforms.telegram.calls import Calls
from answerback.platforms.telegram.place import TelegramPlace
from answerback.platforms.telegram.posting import named, post_text
from answerback.replies import Reply


class TelegramStreaming(Streaming):
    """See `Streaming`. Edits count as messages, of which a group takes 20 a minute."""

    default = False
    appends = False
    pace = 3.5
    edit_pace = 3.5
    budget: Mapping[StreamRequest, float] = {"begin": 120, "append": 0, "end": 600}

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def begin(self, reply: Reply, place: Place, tasks: Sequence[StreamTask] = ()) -> Exchange[Begun]:
        sent = yield from post_text(self._calls, reply)
        return Begun(sent.message, sent.url)

    def append(self, reply: Reply, piece: str, tasks: Sequence[StreamTask] = ()) -> Exchange[None]:
        yield from self.end(reply)

    def end(self, reply: Reply) -> Exchange[Sent]:
        if not reply.text:
            yield from changes.delete(self._calls, reply, reply.message)
            return Sent("")
        yield from changes.edit(self._calls, reply, reply.message)
        return named(reply, reply.message)

    def find(self, reply: Reply, account: Identity, known: Collection[str] = ()) -> Exchange[Sent | NextPage | None]:
        """Find nothing: a bot cannot read what it has written."""
        yield from ()
        return None

    def limits(self, reply: Reply, request: StreamRequest) -> Sequence[str]:
        chat = TelegramPlace.of(reply).chat
        return [self._calls.scope(reply.account), self._calls.scope(reply.account, chat)]
