"""Exchanges that change what is in a chat: edit and delete our messages, react. Each may be repeated."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from answerback.errors import MessageGone
from answerback.outgoing import NO_CONTENT
from answerback.platforms import Exchange, Sent
from answerback.platforms.telegram.calls import Calls
from answerback.platforms.telegram.emoji import emoji_of
from answerback.platforms.telegram.formatting import plain
from answerback.platforms.telegram.keyboard import keyboard
from answerback.platforms.telegram.place import TelegramPlace
from answerback.platforms.telegram.posting import again_where_it_moved, html
from answerback.platforms.telegram.refusal import RefusedForm, TelegramRefused
from answerback.replies import Reply

_UNCHANGED = ("message is not modified",)
_GONE = ("message to delete not found", "message can't be found", "message_id_invalid")


def edit(calls: Calls, reply: Reply, target: str) -> Exchange[Sent]:
    """Replace a message's text and buttons. The same text again is refused, and counts as done.

    https://core.telegram.org/bots/api#editmessagetext
    """
    actions = (reply.content or NO_CONTENT).actions
    shown = {"link_preview_options": {"is_disabled": True}, **keyboard(reply.key, actions)}
    try:
        yield from _change(calls, reply, target, "editMessageText", {**shown, **html(reply.text)}, _UNCHANGED)
    except RefusedForm:
        content = {**shown, "text": plain(reply.text)}
        yield from _change(calls, reply, target, "editMessageText", content, _UNCHANGED)
    except TelegramRefused as refusal:
        if "message to edit not found" in refusal.description:
            raise MessageGone(str(refusal)) from refusal
        raise
    return Sent(target)


def delete(calls: Calls, reply: Reply, target: str) -> Exchange[Sent]:
    """Delete a message, or an album. One that is gone is deleted.

    https://core.telegram.org/bots/api#deletemessage
    """
    for each in target.split(","):
        yield from _change(calls, reply, each, "deleteMessage", {}, _GONE)
    return Sent(target)


def react(calls: Calls, reply: Reply) -> Exchange[Sent]:
    """React to a message, or take the reaction back. A bot has one reaction to a message: another one replaces it.

    https://core.telegram.org/bots/api#setmessagereaction
    """
    content = reply.content or NO_CONTENT
    wanted = [] if content.removed else [{"type": "emoji", "emoji": emoji_of(content.reaction)}]
    yield from _change(calls, reply, content.target, "setMessageReaction", {"reaction": wanted})
    return Sent(content.target)


def _change(
    calls: Calls,
    reply: Reply,
    target: str,
    method: str,
    content: Mapping[str, object],
    accepted: Collection[str] = (),
) -> Exchange[None]:
    place = TelegramPlace.of(reply)
    which = {**place.message_of(target), **({} if method == "setMessageReaction" else place.for_business)}
    doing = f"{_DOING[method]} chat {place.chat}"
    try:
        yield from again_where_it_moved(calls, reply, method, {**which, **content}, doing)
    except TelegramRefused as refusal:
        if not any(each in refusal.description for each in accepted):
            raise


_DOING = {
    "editMessageText": "editing a message in",
    "deleteMessage": "deleting a message in",
    "setMessageReaction": "reacting in",
}
