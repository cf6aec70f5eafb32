"""Send replies over Standard Webhooks: signed like the incoming ones, to the one configured URL.

    POST STANDARD_WEBHOOKS_REPLY_URL
    webhook-id: <key>

    {
      "type": "message.replied",
      "data": {
        "key":         "k2v…q4.0",      the same in every attempt: the receiver drops duplicates
        "thread":      "ticket-4711",   as it was received
        "in_reply_to": "comment-9",     the message, or its webhook-id
        "text":        "You …",
        "author":      {"id": "answerback", "name": "Answerback"}
      }
    }

A system that sends all its messages back should keep that author: it shows which are replies of the agents.
Any 2xx means that the reply is stored.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import msgspec

from answerback.errors import NotYet, RateLimited, Rejected, TooLong, Unavailable
from answerback.log import get_logger
from answerback.messages import Identity
from answerback.platforms import NATIVE, Client, Exchange, NextPage, Repeat, Request, Response, Sent
from answerback.platforms.answer import clock_off, requested_wait, seconds_to_wait
from answerback.platforms.attempt import Attempt
from answerback.platforms.standard.signature import sign
from answerback.platforms.text import split
from answerback.replies import Reply

log = get_logger(__name__)

LIMIT = 1_000_000
"""Maximum length of a part, in characters. The standard has no limit; receivers do."""

US = "answerback"
_USUAL_WAIT = 30.0
_TOLERATED = 60.0
"""If a signature is refused and our clock is off by more seconds than this, sign again with the receiver's time."""


class Standard(Client):
    """See `Client`. The reply's key is its `webhook-id`; the standard requires receivers to drop duplicates."""

    def __init__(self, secret: str, url: str, clock: Callable[[], float] = time.time) -> None:
        self._secret, self._url, self._clock = secret, url, clock

    def __repr__(self) -> str:
        return f"Standard({self._url})"

    def whoami(self) -> Exchange[Identity]:
        """Return the author of our replies. Makes no request."""
        yield from ()
        return Identity(name=f"{US} ({self._url})", mentions=(US,), marks=(f"user:{US}",))

    def split(self, text: str) -> list[str]:
        return split(text, LIMIT)

    def post(self, reply: Reply) -> Exchange[Sent]:
        """Send the reply. Repeats have the same body, byte for byte; only the signing time differs."""
        data = {
            "key": reply.key,
            "thread": reply.address.get("thread", reply.thread.partition(":")[2]),
            "in_reply_to": reply.address.get("message", ""),
            "text": reply.text,
            "author": {"id": US, "name": US.capitalize()},
        }
        body = msgspec.json.encode({"type": "message.replied", "data": data})
        response = yield self._request(reply, body, self._clock())
        off = clock_off(response.headers, self._clock())
        if response.status in (400, 401, 403) and off is not None and abs(off) > _TOLERATED:
            log.warning(
                "system clock is wrong, signing with the receiver's time: set the clock (NTP)",
                seconds_fast=round(off),
            )
            response = yield self._request(reply, body, self._clock() - off)
        return self._read(response, reply)

    def _request(self, reply: Reply, body: bytes, now: float) -> Request:
        timestamp = str(int(now))
        headers = {
            "content-type": "application/json",
            "user-agent": US,
            "webhook-id": reply.key,
            "webhook-timestamp": timestamp,
            "webhook-signature": sign(self._secret, reply.key, timestamp, body),
        }
        return Request(method="POST", url=self._url, headers=headers, body=body)

    def _read(self, response: Response, reply: Reply) -> Sent:
        """Interpret the receiver's response: any 2xx is success, 410 is final, everything else is retried.

        https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#deliverability-and-reliability
        """
        status, headers, now = response.status, response.headers, self._clock()
        if 200 <= status < 300:
            return Sent(reply.key)
        if status == 429:
            wait = seconds_to_wait(headers, now, Attempt.of(reply).pause(_USUAL_WAIT))
            raise RateLimited(wait, "", f"the reply URL asks for a pause of {wait:.0f} s")
        after = requested_wait(headers, now)
        if status >= 500 or status in (408, 425):
            raise Unavailable(f"the reply URL responded with status {status}", after=after)
        meaning = _MOVED if 300 <= status < 400 else _MEANING.get(status, "")
        words = f"the reply URL refused the reply with status {status}{meaning}"
        if status == 413:
            raise TooLong(words)
        raise Rejected(words) if status == 410 else NotYet(words, after=after)

    def repeat(self, reply: Reply) -> Repeat:
        return NATIVE

    def find(self, reply: Reply, account: Identity) -> Exchange[Sent | NextPage | None]:
        """Return None: there is nothing to search, and posting again is safe."""
        yield from ()
        return None

    def limits(self, reply: Reply, *, looking: bool) -> Sequence[str]:
        """Return the single scope of all replies."""
        return [""]


_MOVED = ": redirects are not followed, set STANDARD_WEBHOOKS_REPLY_URL to the final URL"
_MEANING = {
    401: ": it does not accept the signature, so its secret and the first of STANDARD_WEBHOOKS_SECRET differ",
    403: ": it does not accept the signature, so its secret and the first of STANDARD_WEBHOOKS_SECRET differ",
    404: ": not found, check STANDARD_WEBHOOKS_REPLY_URL",
    410: ": it no longer accepts replies, check STANDARD_WEBHOOKS_REPLY_URL",
    413: ": the reply is too long",
}
