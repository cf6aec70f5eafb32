"""Where a reply goes in Slack."""

from __future__ import annotations

import re
from typing import Self

import msgspec

from answerback.errors import Rejected
from answerback.platforms import Sent
from answerback.replies import Reply

_TIME = re.compile(r"[0-9]{1,12}\.[0-9]{1,9}", re.ASCII)


class SlackPlace(msgspec.Struct, frozen=True):
    """A reply's address; see `webhook.parse`."""

    channel: str
    thread_ts: str = ""
    team: str = ""
    response_url: str = ""
    trigger_id: str = ""

    @classmethod
    def of(cls, reply: Reply) -> Self:
        """Return the place of a reply. Raises `Rejected` if its address is unusable.

        Without a thread in the address, as that of a reaction, it is that of the reply's thread, if this is one: a
        slash command and a conversation of direct messages are not.
        """
        try:
            place = msgspec.convert(reply.address, cls)
        except msgspec.ValidationError as error:
            raise Rejected(f"the reply has no usable Slack address: {error}") from error
        root = reply.thread.rpartition(":")[2]
        if place.thread_ts or not _TIME.fullmatch(root):
            return place
        return msgspec.structs.replace(place, thread_ts=root)

    @property
    def where(self) -> dict[str, str]:
        """The arguments that name it."""
        return {"channel": self.channel} | ({"thread_ts": self.thread_ts} if self.thread_ts else {})

    def sent(self, ts: str) -> Sent:
        """Return a posted message. One that begins a thread in a channel is answered in that thread."""
        begins = not self.thread_ts and not self.channel.startswith("D")
        return Sent(ts, thread=f"slack:{self.team}:{self.channel}:{ts}" if begins else "")

    def scope(self, method: str) -> str:
        """Return the rate limit scope of a method: https://docs.slack.dev/apis/web-api/rate-limits."""
        return f"{method}:{self.team}"
