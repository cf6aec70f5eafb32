"""Telegram's Bot API with the tokens of our bots: identify ourselves, post, change, react, read files.

https://core.telegram.org/bots/api
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import msgspec

from answerback.errors import Rejected
from answerback.log import get_logger
from answerback.messages import Attachment, Identity
from answerback.outgoing import NO_CONTENT
from answerback.platforms import NATIVE, UNKNOWN, Client, Exchange, Extra, NextPage, Rate, Repeat, Sent
from answerback.platforms.telegram import changes, downloads, keyboard, posting
from answerback.platforms.telegram.calls import Calls
from answerback.platforms.telegram.emoji import emoji_of, usual_names
from answerback.platforms.telegram.formatting import split
from answerback.platforms.telegram.payload import User
from answerback.platforms.telegram.place import TelegramPlace
from answerback.platforms.telegram.presence import TypingPresence
from answerback.platforms.telegram.settings import id_of
from answerback.platforms.telegram.streaming import TelegramStreaming
from answerback.platforms.telegram.webhook_info import allowed, concerns, webhook_info
from answerback.replies import Reply, ReplyKind

log = get_logger(__name__)

_UPLOAD = 50_000_000
"""Bytes of a file that a bot may send: https://core.telegram.org/bots/api#sending-files"""


class _Who(msgspec.Struct):
    result: User


_who = msgspec.json.Decoder(_Who)


class Telegram(Client):
    """See `Client`. One client has the tokens of all bots, and takes that of the account that a reply belongs to."""

    kinds: frozenset[ReplyKind] = frozenset({"message", "edit", "delete", "reaction"})
    extras: frozenset[Extra] = frozenset({"actions", "files"})
    files_a_message = posting.FILES

    def __init__(
        self, bots: Mapping[str, str], api: str, clock: Callable[[], float] = time.time, *, polls: bool = False
    ) -> None:
        """Create a client. `bots`: tokens by account, "" for the first one. `polls`: whether updates are asked for."""
        self._bots, self._api, self._clock, self._polls = bots, api, clock, polls
        self._calls = Calls(bots, api, clock)
        self._presence = TypingPresence(self._calls)
        self._streaming = TelegramStreaming(self._calls)

    def __repr__(self) -> str:
        return f"Telegram({self._api})"

    def whoami(self) -> Exchange[Identity]:
        """Ask for each bot. One whose token is refused must not keep the others from working.

        https://core.telegram.org/bots/api#getme
        """
        found: dict[str, Identity] = {}
        for account, token in self._bots.items():
            try:
                me = (yield from self._calls.read(account, "getMe", _who, f"asking who bot {id_of(token)} is")).result
            except Rejected as refusal:
                if len(self._bots) == 1:
                    raise
                log.error("a bot's token is refused", bot=id_of(token), error=str(refusal))
                continue
            names = (me.username.lower(), str(me.id)) if me.username else (str(me.id),)
            found[account] = Identity(name=f"@{me.username or me.id}", mentions=names, marks=(f"user:{me.id}",))
        if not found:
            raise Rejected("Telegram refuses all tokens in TELEGRAM_BOT_TOKEN")
        if len(self._bots) == 1:
            return found[""]
        return Identity(
            name=", ".join(each.name for each in found.values()),
            mentions=tuple(name for each in found.values() for name in each.mentions),
            marks=tuple(mark for each in found.values() for mark in each.marks),
            accounts=found,
        )

    def granted(self) -> Exchange[frozenset[str] | None]:
        """Return the kinds of updates that all webhooks are sent; None if there is none, or updates are asked for."""
        if self._polls:
            return None
        each = []
        for account in self._bots:
            info = yield from webhook_info(self._calls, account)
            if info.url:
                each.append(allowed(info))
        return frozenset.intersection(*each) if each else None

    def concerns(self) -> Exchange[Sequence[str]]:
        found: list[str] = []
        for account, token in self._bots.items():
            info = yield from webhook_info(self._calls, account)
            found += concerns(id_of(token), info, polls=self._polls, now=self._clock())
        return found

    def split(self, text: str) -> list[str]:
        return split(text)

    def check(self, reply: Reply) -> str:
        content = reply.content
        if content is None:
            return ""
        if reply.kind == "reaction" and not content.removed and not emoji_of(content.reaction):
            return (
                f'Telegram has no reaction "{content.reaction}": use one of its emoji, such as "🔥", or one of '
                f"{usual_names()}"
            )
        large = next((file for file in content.files if max(len(file.data), file.size) > _UPLOAD), None)
        if large is not None:
            return f"{large.name} is larger than 50 MB, the most that a bot may send"
        return keyboard.check(reply.key, content.actions)

    def repeat(self, reply: Reply) -> Repeat:
        return UNKNOWN if reply.kind == "message" else NATIVE

    def post(self, reply: Reply) -> Exchange[Sent]:
        content = reply.content or NO_CONTENT
        match reply.kind:
            case "edit":
                return (yield from changes.edit(self._calls, reply, content.target))
            case "delete":
                return (yield from changes.delete(self._calls, reply, content.target))
            case "reaction":
                return (yield from changes.react(self._calls, reply))
        if content.files:
            return (yield from posting.post_files(self._calls, reply, content.files))
        return (yield from posting.post_text(self._calls, reply))

    def find(self, reply: Reply, account: Identity) -> Exchange[Sent | NextPage | None]:
        """Find nothing: a bot cannot read what it has written."""
        yield from ()
        return None

    def limits(self, reply: Reply, *, looking: bool) -> Sequence[str]:
        account = reply.account
        return [self._calls.scope(account), self._calls.scope(account, TelegramPlace.of(reply).chat)]

    def rates(self, reply: Reply) -> Sequence[Rate]:
        """Return those that Telegram documents, for messages and edits: a burst counts toward the minute.

        https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
        """
        if reply.kind not in ("message", "edit"):
            return ()
        bot, chat = self.limits(reply, looking=False)
        of_chat = Rate(chat, 4.0, burst=5) if TelegramPlace.of(reply).group else Rate(chat, 1.0, burst=3)
        return [of_chat, Rate(bot, 1 / 25, burst=5)]

    def fetch(self, attachment: Attachment) -> Exchange[bytes]:
        return (yield from downloads.fetch(self._calls, attachment))

    @property
    def presence(self) -> TypingPresence:
        return self._presence

    @property
    def streaming(self) -> TelegramStreaming:
        return self._streaming
