"""A reply that is shown while it is written: one comment, edited at a calm pace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from answerback.outgoing import ReplyContent
from answerback.platforms import ALWAYS, Exchange, Sent, Streaming
from answerback.platforms.outbound import Prepared
from answerback.replies import Reply

if TYPE_CHECKING:
    from answerback.platforms.github.api import GitHub


class CommentStreaming(Streaming):
    """See `Streaming`. Each edit counts as written content, of which GitHub allows about 80 a minute and 500 an hour.

    https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
    """

    pace = 10.0
    lifetime = ALWAYS

    def __init__(self, client: GitHub) -> None:
        self._client = client

    def begin(self, reply: Reply) -> Exchange[Sent]:
        """Post the comment, with its marker: it is found by it."""
        sent = yield from self._client.post(reply)
        assert not isinstance(sent, Prepared)
        return sent

    def append(self, reply: Reply, piece: str) -> Exchange[None]:
        """Edit the comment to the whole text so far."""
        yield from self._client.post(_edit(reply))

    def end(self, reply: Reply) -> Exchange[Sent]:
        """Edit the comment to the final text."""
        yield from self._client.post(_edit(reply))
        return Sent(reply.message, reply.url)


def _edit(reply: Reply) -> Reply:
    return msgspec.structs.replace(reply, kind="edit", content=ReplyContent(target=reply.message))
