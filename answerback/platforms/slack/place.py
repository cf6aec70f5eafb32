"""Where a reply goes in Slack."""

from __future__ import annotations

from typing import Self

import msgspec

from answerback.errors import Rejected
from answerback.replies import Reply


class SlackPlace(msgspec.Struct, frozen=True):
    """A reply's address; see `webhook.parse`."""

    channel: str
    thread_ts: str
    team: str = ""

    @classmethod
    def of(cls, reply: Reply) -> Self:
        """Return the place of a reply. Raises `Rejected` if its address is unusable."""
        try:
            return msgspec.convert(reply.address, cls)
        except msgspec.ValidationError as error:
            raise Rejected(f"the reply has no usable Slack address: {error}") from error

    def scope(self, method: str) -> str:
        """Return the rate limit scope of a method: https://docs.slack.dev/apis/web-api/rate-limits."""
        return f"{method}:{self.team}"
