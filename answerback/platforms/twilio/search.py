"""Find a reply among the messages to a person, newest first.

https://www.twilio.com/docs/messaging/api/message-resource#read-multiple-message-resources
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from urllib.parse import urlencode

import msgspec

from answerback.errors import Rejected
from answerback.platforms import Exchange, NextPage, Request, Sent
from answerback.platforms.answer import harmless, read
from answerback.platforms.attempt import Attempt
from answerback.platforms.decoding import Spare
from answerback.platforms.dialects.sms import simple
from answerback.platforms.twilio.codes import FAILED, explained
from answerback.platforms.twilio.message import Message
from answerback.platforms.twilio.place import TwilioPlace
from answerback.platforms.twilio.refusal import check
from answerback.replies import Reply

MARGIN = 600.0
"""Seconds before our first request in which our message may seem to be made, since clocks differ."""

_PAGE = 100
_TRIAL = "Sent from your Twilio trial account - "
_SPACE = re.compile(r"\s+")


class _Page(msgspec.Struct):
    messages: list[Message]
    next_page_uri: Spare[str] = None


_page = msgspec.json.Decoder(_Page)


class Search:
    """Looks for messages."""

    def __init__(self, get: Callable[[str, str], Request], api: str, clock: Callable[[], float]) -> None:
        self._get, self._api, self._clock = get, api, clock

    def find(
        self, reply: Reply, place: TwilioPlace, texts: Sequence[str], *, whole: bool
    ) -> Exchange[Sent | NextPage | None]:
        """Return the message that has the texts of a reply. Raises `Rejected` if it is there, and has failed.

        `whole`: whether it says nothing else, as a template does.
        """
        # Without a date: Twilio filters by when a message was sent, which one that waits has not been.
        wanted = {"To": place.theirs, "PageSize": str(_PAGE)} | ({} if place.service else {"From": place.ours})
        messages = f"/2010-04-01/Accounts/{place.account}/Messages.json"
        path = reply.cursor if reply.cursor.startswith(f"{messages}?") else f"{messages}?{urlencode(wanted)}"
        response = yield from harmless(self._get(place.account, f"{self._api}{path}"))
        check(response, self._clock(), doing="looking for a reply", account=place.account, attempt=Attempt.of(reply))
        files = len(reply.content.files) if reply.content else 0
        page = read(response, _page, "Twilio", unknown=False)
        since = reply.first / 1000 - MARGIN
        for message in page.messages:
            ours = message.created >= since and message.of(place) and message.sid not in reply.known
            if ours and message.files == files and _says(message.body or "", texts, whole=whole):
                if message.status in FAILED:
                    raise Rejected(f"Twilio reports {message.status}: {explained(message.error_code or 0)}")
                return Sent(message.sid)
        if page.next_page_uri and page.messages and page.messages[-1].created >= since:
            return NextPage(page.next_page_uri)
        return None


def _says(body: str, texts: Sequence[str], *, whole: bool) -> bool:
    """Return whether a message says this: Twilio may replace signs and spaces."""
    said, wanted = _plain(body.removeprefix(_TRIAL)), [_plain(text) for text in texts]
    # A template without variables has the same text for everyone: its messages cannot be distinguished.
    return [said] == wanted if whole else bool(wanted) and all(each in said for each in wanted)


def _plain(text: str) -> str:
    return _SPACE.sub(" ", simple(text)).strip()
