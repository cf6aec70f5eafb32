"""Post replies with Twilio's API, and find those whose outcome is unknown.

https://www.twilio.com/docs/messaging/api/message-resource
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlencode

import msgspec

from answerback.errors import Rejected
from answerback.messages import Attachment, Identity
from answerback.platforms import (
    FIND,
    Client,
    Exchange,
    Extra,
    NextPage,
    Presence,
    Rate,
    Repeat,
    Request,
    Response,
    Sent,
)
from answerback.platforms.answer import read
from answerback.platforms.attempt import LAST, Attempt
from answerback.platforms.twilio.codes import FAILED, explained
from answerback.platforms.twilio.content import Contents
from answerback.platforms.twilio.dialect import split
from answerback.platforms.twilio.media import Downloads
from answerback.platforms.twilio.message import Message
from answerback.platforms.twilio.numbers import Numbers
from answerback.platforms.twilio.place import TwilioPlace
from answerback.platforms.twilio.presence import TwilioPresence
from answerback.platforms.twilio.refusal import check
from answerback.platforms.twilio.search import Search
from answerback.platforms.twilio.settings import Credential
from answerback.platforms.twilio.status import callback
from answerback.replies import Reply
from answerback.shared_files import SharedFiles

_message = msgspec.json.Decoder(Message)


class Twilio(Client):
    """See `Client`.

    Twilio drops no repeats. A reply of unknown outcome is settled by the status that Twilio sends to the URL of the
    reply, which has its key; else it is looked for among the messages to the same person.

    Args:
        credentials: By account; the first is used for accounts that are not named, such as its subaccounts.
        api: Base URL of the API.
        webhook: Our URL for its webhooks, to which statuses are sent; "" without a public one.
        template: The SID of a content template with one variable, for WhatsApp; "" without one.
        rate: Messages a second of each of our numbers; None: Twilio queues them.
        shared: Makes the URLs from which Twilio fetches files; None if there are none.
    """

    extras: frozenset[Extra] = frozenset({"actions", "files", "template"})
    finds_texts = True
    reports = True

    def __init__(
        self,
        credentials: Mapping[str, Credential],
        api: str,
        *,
        webhook: str = "",
        template: str = "",
        rate: float | None = None,
        shared: SharedFiles | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._credentials = credentials
        self._main = next(iter(credentials))
        self._api, self._webhook, self._rate, self._clock = api, webhook, rate, clock
        self._contents = Contents(template, shared, clock)
        self._numbers = Numbers(self._get, api, list(credentials), clock)
        self._search = Search(self._get, api, clock)
        self._downloads = Downloads(self._authorization, api)
        self._presence = TwilioPresence(self._post, self._check_typing, api.replace("://api.", "://messaging.", 1))

    def __repr__(self) -> str:
        return f"Twilio({', '.join(self._credentials)})"

    def whoami(self) -> Exchange[Identity]:
        """Return the accounts with their numbers. All messages that come in are other people's."""
        return (yield from self._numbers.whoami())

    def concerns(self) -> Exchange[Sequence[str]]:
        """Return which of our numbers send their messages elsewhere."""
        return (yield from self._numbers.concerns(self._webhook))

    def split(self, text: str) -> list[str]:
        return split(text)

    def check(self, reply: Reply) -> str:
        return self._contents.problem(reply)

    def repeat(self, reply: Reply) -> Repeat:
        return FIND

    def post(self, reply: Reply) -> Exchange[Sent]:
        """https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource"""
        place = TwilioPlace.of(reply)
        form = {"To": place.theirs, "From": place.ours} | self._contents.form(reply, place)
        if place.service:
            form["MessagingServiceSid"] = place.service
        if url := callback(self._webhook, reply):
            form["StatusCallback"] = url
        url = f"{self._api}/2010-04-01/Accounts/{place.account}/Messages.json"
        response = yield self._post(place, url, urlencode(form).encode(errors="surrogatepass"))
        doing, attempt = f"sending to {place.theirs}", Attempt.of(reply)
        check(response, self._clock(), doing=doing, account=place.account, place=place, unknown=True, attempt=attempt)
        made = read(response, _message, "Twilio", unknown=True)
        if made.status in FAILED:
            raise Rejected(f"{doing}: {explained(made.error_code or 0, made.error_message or '')}")
        return Sent(made.sid)

    def find(self, reply: Reply, account: Identity) -> Exchange[Sent | NextPage | None]:
        place = TwilioPlace.of(reply)
        texts, whole = self._contents.known_by(reply, place)
        return (yield from self._search.find(reply, place, texts, whole=whole))

    def limits(self, reply: Reply, *, looking: bool) -> Sequence[str]:
        place = TwilioPlace.of(reply)
        return ["", place.account] if looking else ["", place.account, place.sender]

    def rates(self, reply: Reply) -> Sequence[Rate]:
        """Return that of our number, if it is configured: Twilio queues what a number cannot send yet.

        https://help.twilio.com/articles/115002943027
        """
        return [Rate(TwilioPlace.of(reply).sender, 1 / self._rate)] if self._rate else ()

    def fetch(self, attachment: Attachment) -> Exchange[bytes]:
        return (yield from self._downloads.fetch(attachment))

    @property
    def presence(self) -> Presence:
        """WhatsApp's typing indicator."""
        return self._presence

    def _authorization(self, account: str) -> str:
        user, password = self._credentials.get(account) or self._credentials[self._main]
        return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"

    def _get(self, account: str, url: str) -> Request:
        return Request(method="GET", url=url, headers={"authorization": self._authorization(account)})

    def _post(self, place: TwilioPlace, url: str, form: bytes) -> Request:
        headers = {
            "authorization": self._authorization(place.account),
            "content-type": "application/x-www-form-urlencoded",
        }
        return Request(method="POST", url=url, headers=headers, body=form)

    def _check_typing(self, response: Response, place: TwilioPlace) -> None:
        check(response, self._clock(), doing="showing that we type", account=place.account, attempt=LAST)
