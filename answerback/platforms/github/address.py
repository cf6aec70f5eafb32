"""Where a reply goes on GitHub."""

from __future__ import annotations

from typing import Self

import msgspec

from answerback.errors import Rejected
from answerback.replies import Reply


class Address(msgspec.Struct, frozen=True):
    """A reply's address; see `webhook.parse`."""

    repo: str
    number: int
    root: int = 0
    discussion: str = ""
    comment: str = ""
    node: str = ""
    message: str = ""
    pull: int = 0
    installation: int = 0

    @property
    def name(self) -> str:
        """The name of the issue, pull request or discussion, "acme/widgets#7"."""
        return f"{self.repo}#{self.number}"

    @classmethod
    def of(cls, reply: Reply) -> Self:
        """Return the address of a reply. Raises `Rejected` if it is unusable."""
        try:
            return msgspec.convert(reply.address, cls)
        except msgspec.ValidationError as error:
            raise Rejected(f"the reply has no usable GitHub address: {error}") from error
