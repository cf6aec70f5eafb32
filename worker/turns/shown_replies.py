"""What becomes of a reply that is shown before its turn has ended: its messages are brought to its final text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

import msgspec

from answerback.replies import Reply, ShownMessage, StreamedReply
from answerback.store.threads.records import Claim


def concluded(claim: Claim, replies: Sequence[Reply]) -> Sequence[Reply]:
    """Return the replies of a message, each with the platform's message that shows it already.

    A message that shows something of an earlier attempt which is in no reply is to be deleted.
    """
    streamed = claim.streamed
    if streamed is None or not streamed.messages:
        return replies
    if any(reply.content and reply.content.files for reply in replies):
        # Files come with messages of their own.
        return [*replies, *(_removed(claim, streamed, *one) for one in enumerate(streamed.messages))]
    pairs = enumerate(zip_longest(replies, streamed.messages))
    return [
        _removed(claim, streamed, number, shown) if reply is None else _shown(reply, shown) if shown else reply
        for number, (reply, shown) in pairs
    ]


def _shown(reply: Reply, shown: ShownMessage) -> Reply:
    unknown = 0 if shown.message else shown.since
    return msgspec.structs.replace(
        reply, state="streaming", shown=shown, message=shown.message, url=shown.url, first=shown.begun, unknown=unknown
    )


def _removed(claim: Claim, streamed: StreamedReply, number: int, shown: ShownMessage) -> Reply:
    # The fence tells it from what another attempt, or a replay, leaves behind.
    empty = Reply(
        key=f"{streamed.key}.{claim.fence}-{number}",
        thread=claim.thread,
        text="",
        address=streamed.address,
        at=streamed.at,
        stored=streamed.stored,
        account=streamed.account,
    )
    return _shown(empty, shown)
