"""Interpret Telegram's errors: wait, give up, or retry. https://core.telegram.org/bots/api#making-requests

Its descriptions are for people and not documented: they are those of https://github.com/tdlib/telegram-bot-api.
"""

from __future__ import annotations

import msgspec

from answerback.errors import NotYet, RateLimited, Rejected, TooLong, Unavailable
from answerback.platforms import Response
from answerback.platforms.answer import requested_wait, seconds_to_wait
from answerback.platforms.attempt import FINAL, LAST, PASSING, Attempt
from answerback.platforms.decoding import Spare, tolerant

USUAL_WAIT = 5.0
"""Seconds to wait if Telegram does not say how long; doubled each time."""
LONGEST_WAIT = 86_400.0

_TOKEN = "set the TELEGRAM_BOT_TOKEN that @BotFather shows, then replay what failed"
_GROUP = "let an admin of the group allow it, then replay the reply"

_MEANING = {
    "unauthorized": f"the bot's token was revoked: {_TOKEN}",
    "bot was blocked by the user": "the person has blocked the bot: drop the reply",
    "user is deactivated": "the person has deleted their account: drop the reply",
    "bot can't initiate conversation": "a bot may write only to people who have written to it first",
    "bot was kicked": "the bot was removed from the group: invite it again, then replay the reply",
    "bot is not a member": "the bot is not in the chat: invite it, then replay the reply",
    "bot can't send messages to bots": "the author is a bot that takes no messages of bots",
    "group chat was deleted": "the group was deleted: drop the reply",
    "chat not found": "the chat is gone, or the bot was never in it",
    "message thread not found": "the topic was deleted: drop the reply",
    "topic_closed": f"the topic is closed: {_GROUP}",
    "topic_deleted": "the topic was deleted: drop the reply",
    "not enough rights": f"the bot may not do this in the group: {_GROUP}",
    "have no rights": f"the bot may not do this in the group: {_GROUP}",
    "chat_write_forbidden": f"the bot may not write there: {_GROUP}",
    "need administrator rights": f"the bot has to be an admin for this: {_GROUP}",
    "message to edit not found": "the message is gone",
    "message to react not found": "the message is gone",
    "message can't be edited": "a bot may edit only its own messages",
    "message can't be deleted": "a bot may delete a message of others only as an admin",
    "reaction_invalid": "the chat does not allow this reaction",
    "button_data_invalid": "a button has more than 64 bytes of data",
    "message text is empty": "the reply is empty",
    "file is too big": "a bot may read files of up to 20 MB",
    "request entity too large": "a bot may send files of up to 50 MB",
    "business_connection_invalid": "the business account has disconnected the bot",
    "business_peer_usage_missing": "Telegram lets a bot answer for a business account within 24 hours of a message",
}  # fmt: skip
"""Part of a description, in lower case → what it means, and what to do."""

_LONG = ("message is too long", "message_too_long", "caption is too long")
_FORM = ("can't parse entities", "can't find end", "unsupported start tag", "entity_bounds_invalid")


class Parameters(msgspec.Struct):
    """https://core.telegram.org/bots/api#responseparameters"""

    migrate_to_chat_id: Spare[int] = None
    retry_after: Spare[float] = None


class ApiResponse(msgspec.Struct):
    """The fields of every response of the Bot API."""

    ok: bool = False
    description: Spare[str] = None
    parameters: Spare[Parameters] = None


class TelegramRefused(Rejected):
    """Telegram refused a request for good. `description`: its words, in lower case."""

    def __init__(self, message: str, description: str) -> None:
        self.description = description
        super().__init__(message)


class RefusedForm(TelegramRefused):
    """Telegram refused a message because of its formatting."""


class Moved(TelegramRefused):
    """The group has become a supergroup with another id: nothing was done."""

    def __init__(self, message: str, chat: int) -> None:
        self.chat = chat
        super().__init__(message, "group chat was upgraded to a supergroup chat")


_answer = msgspec.json.Decoder(ApiResponse)


def check(response: Response, now: float, *, doing: str, scope: str, unknown: bool, attempt: Attempt = LAST) -> None:
    """Return if the response is a success, else raise the matching error with a text for the operator.

    `doing` is the operation ("posting to chat 7"), `scope` its rate limit scope, `unknown` whether the request may have
    taken effect if Telegram fails.
    """
    status = response.status
    try:
        answer = tolerant(_answer, response.body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        answer = ApiResponse()
    if answer.ok and 200 <= status < 300:
        return
    description, parameters = answer.description or "", answer.parameters or Parameters()
    if status == 429:
        # https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
        wait = parameters.retry_after or seconds_to_wait(response.headers, now, attempt.pause(USUAL_WAIT))
        wait = min(max(wait, 1.0), LONGEST_WAIT)
        raise RateLimited(wait, scope, f"Telegram asks for a pause of {wait:.0f} s while {doing}")
    after = requested_wait(response.headers, now)
    if status >= 500 or status == 408:
        raise Unavailable(
            f"Telegram responded with {status} {description[:100]} while {doing}", unknown=unknown, after=after
        )
    if not description:
        if 400 <= status < 500:
            raise attempt.refused(f"Telegram refused {doing} with status {status} and no reason", PASSING)
        raise Unavailable(
            f"a response with status {status} while {doing} is not Telegram's", unknown=unknown, after=after
        )
    raise _refusal(status, description, parameters, doing, attempt)


def _refusal(
    status: int, description: str, parameters: Parameters, doing: str, attempt: Attempt
) -> Rejected | NotYet | Unavailable:
    words = f"Telegram refused {doing}: {description[:200]}"
    low = description.lower()
    if parameters.migrate_to_chat_id:
        return Moved(words, parameters.migrate_to_chat_id)
    if any(each in low for each in _LONG):
        return TooLong(words)
    if any(each in low for each in _FORM):
        return RefusedForm(words, low)
    if status == 409:
        return Unavailable(words, unknown=False)
    other = (
        f"Telegram has no bot with this token: {_TOKEN}" if status == 404 else "see https://core.telegram.org/bots/api"
    )
    meaning = next((meaning for part, meaning in _MEANING.items() if part in low), other)
    # A proxy or an outage may also answer so; a chat that is new may not be known everywhere.
    patience = PASSING if status in (401, 404) or "chat not found" in low else FINAL
    refused = attempt.refused(f"{words} — {meaning}", patience)
    return TelegramRefused(str(refused), low) if isinstance(refused, Rejected) else refused
