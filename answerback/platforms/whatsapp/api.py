"""WhatsApp's Cloud API: identify ourselves, post a message.

https://developers.facebook.com/documentation/business-messaging/whatsapp/reference/whatsapp-business-phone-number/message-api
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import msgspec

from answerback.errors import Rejected
from answerback.log import get_logger
from answerback.messages import Attachment, Identity
from answerback.outgoing import NO_CONTENT
from answerback.platforms import NATIVE, UNKNOWN, Client, Exchange, Extra, NextPage, Prepared, Rate, Repeat, Sent
from answerback.platforms.answer import read
from answerback.platforms.attempt import LAST, Attempt
from answerback.platforms.decoding import Spare
from answerback.platforms.dialects import WHATSAPP, convert, parts
from answerback.platforms.whatsapp import media, template
from answerback.platforms.whatsapp.buttons import interactive, problems
from answerback.platforms.whatsapp.calls import Calls
from answerback.platforms.whatsapp.place import WhatsAppPlace
from answerback.platforms.whatsapp.presence import WhatsAppPresence
from answerback.platforms.whatsapp.reactions import emoji
from answerback.platforms.whatsapp.refusal import Missing, WindowClosed
from answerback.platforms.whatsapp.statuses import callback_data
from answerback.platforms.whatsapp.template import Template
from answerback.replies import Reply, ReplyKind

log = get_logger(__name__)

LIMIT = 4096
"""Maximum length of a text, in code points."""

WINDOW = 24 * 3600.0
"""Seconds after a user's last message in which WhatsApp takes any reply.

https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages#customer-service-windows
"""


class _Message(msgspec.Struct):
    id: str


class _Posted(msgspec.Struct):
    messages: list[_Message]


class _Who(msgspec.Struct):
    id: Spare[str] = None
    name: Spare[str] = None
    display_phone_number: Spare[str] = None
    verified_name: Spare[str] = None

    @property
    def words(self) -> str:
        """The number and its name, or the account's."""
        name = self.verified_name or self.name or self.id or "unknown"
        return f"{self.display_phone_number} ({name})" if self.display_phone_number else name


class _Permission(msgspec.Struct):
    permission: Spare[str] = None
    status: Spare[str] = None


class _Permissions(msgspec.Struct):
    data: list[_Permission]


_posted = msgspec.json.Decoder(_Posted)
_who = msgspec.json.Decoder(_Who)
_permissions = msgspec.json.Decoder(_Permissions)


class WhatsApp(Client):
    """See `Client`. Nothing can be found again: a status, which carries the reply's key, settles what is unknown."""

    # A status comes within seconds, unless Meta is slow.
    lag = 2.0
    kinds: frozenset[ReplyKind] = frozenset({"message", "reaction"})
    extras: frozenset[Extra] = frozenset({"actions", "files", "template"})
    reports = True

    def __init__(
        self,
        tokens: Mapping[str, str],
        api: str,
        clock: Callable[[], float] = time.time,
        *,
        default_template: str = "",
        rate: int = 80,
    ) -> None:
        """Create a client.

        Args:
            tokens: Access tokens by the id of their number; "": of all others.
            api: Base URL of the Graph API, with its version.
            clock: Returns the time in seconds.
            default_template: Name and language of the template for texts outside of the 24-hour window; "" without.
            rate: Messages a second that each number may send.
        """
        self._api, self._clock, self._rate = api, clock, rate
        self._calls = Calls(tokens, api, clock)
        self._template = Template.of(default_template)
        self._presence = WhatsAppPresence(self._calls)

    def __repr__(self) -> str:
        return f"WhatsApp({self._api})"

    def whoami(self) -> Exchange[Identity]:
        """Ask for each number that has a token of its own, else for the account of the token.

        A number whose token is refused must not keep the others from working.
        """
        found: list[_Who] = []
        for number in self._calls.tokens:
            path = f"{number}?fields=display_phone_number,verified_name" if number else "me?fields=id,name"
            try:
                response = yield from self._calls.get(number, path, "asking who we are", LAST)
            except Rejected as refusal:
                if len(self._calls.tokens) == 1:
                    raise
                log.error("a number's token is refused", number=number, error=str(refusal))
                continue
            found.append(read(response, _who, "WhatsApp", unknown=False))
        if not found:
            raise Rejected("Meta refuses all tokens in WHATSAPP_TOKEN")
        phones = ("".join(filter(str.isdigit, each.display_phone_number or "")) for each in found)
        return Identity(name=", ".join(each.words for each in found), marks=tuple(f"phone:{p}" for p in phones if p))

    def granted(self) -> Exchange[frozenset[str] | None]:
        """Return the permissions that all tokens have: https://developers.facebook.com/docs/graph-api/reference/user/permissions"""
        common: frozenset[str] | None = None
        for number in self._calls.tokens:
            try:
                response = yield from self._calls.get(number, "me/permissions", "asking what we may do", LAST)
            except Rejected:
                return None
            listed = read(response, _permissions, "WhatsApp", unknown=False).data
            granted = frozenset(each.permission or "" for each in listed if each.status == "granted")
            common = granted if common is None else common & granted
        return common

    def split(self, text: str) -> list[str]:
        return parts(text, LIMIT, _converted)

    def check(self, reply: Reply) -> str:
        content = reply.content or NO_CONTENT
        if reply.kind == "reaction":
            known = emoji(content.reaction)
            return "" if known else f'"{content.reaction}" is no emoji: use the character, such as "👀", or "eyes"'
        found = [media.problem(file) for file in content.files]
        own = content.template
        if content.actions and not (own and own.always):
            found += problems(_converted(reply.text), content.actions, reply.key)
        if own:
            found.append(template.problem(own, content.actions, reply.key))
        return next(filter(None, found), "")

    def repeat(self, reply: Reply) -> Repeat:
        """Return that a reaction may be repeated, and an upload, which is not visible."""
        content = reply.content or NO_CONTENT
        return NATIVE if reply.kind == "reaction" or (content.files and not reply.prepared) else UNKNOWN

    def post(self, reply: Reply) -> Exchange[Sent | Prepared]:
        content = reply.content or NO_CONTENT
        if reply.kind == "reaction":
            symbol = "" if content.removed else emoji(content.reaction)
            return (yield from self._send(reply, "reaction", {"message_id": content.target, "emoji": symbol}))
        if content.files:
            return (yield from self._post_file(reply))
        text, own = _converted(reply.text), content.template
        closed = reply.at > 0 and self._clock() - reply.at / 1000 > WINDOW
        # WhatsApp would accept a text, and report later that it failed.
        if own and (closed or own.always):
            return (yield from self._send(reply, "template", template.filled(own, content.actions, reply.key)))
        if closed and self._template and self._template.fits(text) and not content.actions:
            return (yield from self._send(reply, "template", self._template.message(text)))
        try:
            if content.actions:
                return (yield from self._send(reply, "interactive", interactive(text, content.actions, reply.key)))
            return (yield from self._send(reply, "text", {"body": text, "preview_url": False}))
        except WindowClosed:
            if own is None and (self._template is None or content.actions):
                raise
        if own:
            return (yield from self._send(reply, "template", template.filled(own, content.actions, reply.key)))
        assert self._template
        return (yield from self._send(reply, "template", self._template.message(text)))

    def _post_file(self, reply: Reply) -> Exchange[Sent | Prepared]:
        [file] = (reply.content or NO_CONTENT).files
        if reply.prepared:
            try:
                return (yield from self._send(reply, *media.shown(file, reply.prepared)))
            except Missing:
                pass
        return Prepared((yield from media.upload(self._calls, reply, file)))

    def _send(self, reply: Reply, kind: str, content: Mapping[str, object]) -> Exchange[Sent]:
        place = WhatsAppPlace.of(reply.address)
        message = {
            "messaging_product": "whatsapp", **place.recipient, "type": kind, kind: content,
            "biz_opaque_callback_data": callback_data(reply),
        }  # fmt: skip
        response = yield from self._calls.post(
            place.number, f"{place.number}/messages", message, f"posting to {place.whom}", Attempt.of(reply),
            place=place, effect=reply.kind != "reaction",
        )  # fmt: skip
        found = read(response, _posted, "WhatsApp", unknown=True).messages
        return Sent(found[0].id if found else "")

    def find(self, reply: Reply, account: Identity) -> Exchange[Sent | NextPage | None]:
        """Return None: there is nothing to search."""
        yield from ()
        return None

    def limits(self, reply: Reply, *, looking: bool) -> Sequence[str]:
        """Return the scopes: of the app, of our number, of the user.

        https://developers.facebook.com/documentation/business-messaging/whatsapp/throughput
        """
        place = WhatsAppPlace.of(reply.address)
        return ["", place.number, place.pair]

    def rates(self, reply: Reply) -> Sequence[Rate]:
        """Return those of the user, who may be sent a burst of messages on credit, and of our number.

        https://developers.facebook.com/documentation/business-messaging/whatsapp/throughput
        """
        place = WhatsAppPlace.of(reply.address)
        # A burst counts toward the second.
        of_number = Rate(place.number, 1 / (0.9 * self._rate), burst=max(1, self._rate // 10))
        return [Rate(place.pair, 6.0, burst=40), of_number]

    def fetch(self, attachment: Attachment) -> Exchange[bytes]:
        return media.fetch(self._calls, self._api, attachment)

    @property
    def presence(self) -> WhatsAppPresence:
        return self._presence


def _converted(text: str) -> str:
    """Return Markdown in WhatsApp's marks; as it is, if nothing would be left."""
    return convert(text, WHATSAPP) or text
