"""What the model was asked: no more than needed, but for answers that nobody could record."""

from __future__ import annotations

import re
import zlib
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from tests.standins.client import StandIns

_ANSWER = re.compile(rb"chatcmpl-([0-9a-f]{8})")


@dataclass
class Bill:
    """made = needed + failed + unseen + awoken, and `twice` is 0; nothing is in `charged_twice`.

    failed  requests to which the model stand-in gave no good answer, because a fault told it so
    unseen  requests whose answer came, or would have come, to a worker that was killed, stood still or was cut off
            from Redis before it could record it: nobody can know of it, so it had to be asked again
    awoken  requests by a worker that stood still in the middle of asking, and went on when another one had asked
    twice   requests for what was recorded already: paid for nothing
    """

    made: int
    needed: int
    failed: int
    unseen: int
    awoken: int
    twice: int
    missing: int
    late: list[str]
    """Of those that were paid twice: how many ms after the first answer was recorded."""
    charges: int = 0
    charged_twice: list[str] = field(default_factory=list)
    """Messages for which the step that may be done only once was done more often."""

    @property
    def good(self) -> bool:
        """Whether it adds up."""
        return (
            not self.twice
            and not self.missing
            and not self.charged_twice
            and self.made == self.needed + self.failed + self.unseen + self.awoken
        )


async def bill(standins: StandIns, recorded: Path, charges: Path, needed: int, awakenings: list[int]) -> Bill:
    """Compare the requests that came to the stand-in with the answers that workers recorded, and count the charges."""
    at: dict[str, int] = {}
    for line in recorded.read_text().splitlines() if recorded.exists() else []:
        mark, moment = line.split()
        at.setdefault(mark, int(moment))
    # The same conversation is the same request, to the byte; its answer's id is derived from it.
    asked = defaultdict(list)
    for request in await standins.requests("model", "chat.completions"):
        asked[f"{zlib.crc32(request.body.encode()):08x}"].append(request)
    found = Bill(0, needed, 0, 0, 0, 0, needed - len(asked), [])
    for mark, requests in asked.items():
        found.made += len(requests)
        late = [request for request in requests if request.at > at.get(mark, request.at)]
        awoken = [request for request in late if any(0 <= request.at - moment < 1000 for moment in awakenings)]
        found.awoken += len(awoken)
        found.twice += len(late) - len(awoken)
        found.late += [f"{mark} {request.at - at[mark]} ms" for request in late if request not in awoken]
        again = len(requests) - 1 - len(late)
        failed = sum(request.fault not in (None, "stall") for request in requests if request not in late)
        found.failed += min(failed, again)
        found.unseen += again - min(failed, again)
    charged = Counter(charges.read_text().split() if charges.exists() else [])
    found.charges = charged.total()
    found.charged_twice = [name for name, count in charged.items() if count > 1]
    return found
