"""Post messages: texts with buttons, and files.

Telegram has neither keys that recognise a repeat, nor a way to look for a message: a request of unknown outcome is made
once more at most.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from answerback.outgoing import NO_CONTENT, File
from answerback.platforms import Exchange, Response, Sent
from answerback.platforms.answer import read
from answerback.platforms.attempt import Attempt
from answerback.platforms.decoding import Spare
from answerback.platforms.telegram.calls import Calls
from answerback.platforms.telegram.formatting import formatted, plain
from answerback.platforms.telegram.keyboard import keyboard
from answerback.platforms.telegram.multipart import media_type
from answerback.platforms.telegram.place import Room, TelegramPlace
from answerback.platforms.telegram.refusal import Moved, RefusedForm
from answerback.replies import Reply

FILES = 10
"""The most files of one message: https://core.telegram.org/bots/api#sendmediagroup"""
_PHOTO = 10_000_000
"""Bytes of a photo: https://core.telegram.org/bots/api#sendphoto"""
_LATER = re.compile(r"\A[^.]*\.[0-9]+\.[1-9]")
"""The key of a part that is not the first one."""


class _Chat(msgspec.Struct):
    id: int
    username: Spare[str] = None


class _Posted(msgspec.Struct):
    message_id: int
    chat: Spare[_Chat] = None


class _One(msgspec.Struct):
    result: _Posted


class _Several(msgspec.Struct):
    result: list[_Posted]


_one = msgspec.json.Decoder(_One)
_several = msgspec.json.Decoder(_Several)


def post_text(calls: Calls, reply: Reply) -> Exchange[Sent]:
    """Post a text as HTML; if Telegram refuses the formatting, without. What is refused has had no effect.

    https://core.telegram.org/bots/api#sendmessage
    """
    actions = (reply.content or NO_CONTENT).actions
    shown = {"link_preview_options": {"is_disabled": True}, **keyboard(reply.key, actions)}
    try:
        response = yield from _send(calls, reply, "sendMessage", {**shown, **html(reply.text)})
    except RefusedForm:
        response = yield from _send(calls, reply, "sendMessage", {**shown, "text": plain(reply.text)})
    return _sent(reply, read(response, _one, "Telegram", unknown=True).result)


def post_files(calls: Calls, reply: Reply, files: tuple[File, ...]) -> Exchange[Sent]:
    """Post files: one as a photo or a document, several as one album.

    https://core.telegram.org/bots/api#senddocument, https://core.telegram.org/bots/api#sendphoto
    https://core.telegram.org/bots/api#sendmediagroup
    """
    if len(files) == 1:
        kind = "photo" if _is_photo(files[0]) else "document"
        response = yield from _send(calls, reply, f"send{kind.capitalize()}", {}, {kind: files[0]})
        return _sent(reply, read(response, _one, "Telegram", unknown=True).result)
    # Documents can only be in an album with documents.
    kind = "photo" if all(map(_is_photo, files)) else "document"
    named = {f"file{number}": file for number, file in enumerate(files)}
    media = [{"type": kind, "media": f"attach://{name}"} for name in named]
    response = yield from _send(calls, reply, "sendMediaGroup", {"media": media}, named)
    posted = read(response, _several, "Telegram", unknown=True).result
    return msgspec.structs.replace(
        _sent(reply, posted[0]), message=",".join(_sent(reply, each).message for each in posted)
    )


def html(text: str) -> dict[str, object]:
    """Return the arguments of a text with its formatting."""
    return {"text": formatted(text), "parse_mode": "HTML"}


def again_where_it_moved(
    calls: Calls,
    reply: Reply,
    method: str,
    content: Mapping[str, object],
    doing: str,
    *,
    files: Mapping[str, File] | None = None,
) -> Exchange[Response]:
    """Call a method that has an effect in a chat; in the supergroup that it has become, if there is one.

    The ids of the group's messages mean nothing there, so that nothing is quoted.
    """
    attempt, account = Attempt.of(reply), reply.account
    scope = calls.scope(account, str(content["chat_id"]))
    try:
        return (yield from calls.call(account, method, content, doing, attempt, scope=scope, effect=True, files=files))
    except Moved as moved:
        there = {name: value for name, value in content.items() if name != "reply_parameters"}
        there["chat_id"], scope = moved.chat, calls.scope(account, moved.chat)
    return (yield from calls.call(account, method, there, doing, attempt, scope=scope, effect=True, files=files))


def _send(
    calls: Calls, reply: Reply, method: str, content: Mapping[str, object], files: Mapping[str, File] | None = None
) -> Exchange[Response]:
    place = TelegramPlace.of(reply)
    quoted: dict[str, object] = {}
    if place.message and not _LATER.match(reply.key):
        quoted = {"reply_parameters": {"message_id": place.message, "allow_sending_without_reply": True}}
    doing = f"posting to chat {place.chat}"
    return (
        yield from again_where_it_moved(calls, reply, method, {**place.where, **quoted, **content}, doing, files=files)
    )


def named(reply: Reply, message: str) -> Sent:
    """Return a message of ours. Reactions to it do not name its topic, and no update tells of it."""
    place = TelegramPlace.of(reply)
    # An album has several ids, and a group that has moved has no topics.
    listed = place.topic and message.isdecimal()
    return Sent(message, delivery=Room(reply.account, place.chat).message(int(message)) if listed else "")


def _sent(reply: Reply, posted: _Posted) -> Sent:
    """Return what was posted. The id names the chat, too, if this is another one by now."""
    asked, chat = TelegramPlace.of(reply).chat, posted.chat
    if chat is None or chat.id == asked:
        return named(reply, str(posted.message_id))
    return Sent(f"{chat.id}:{posted.message_id}")


def _is_photo(file: File) -> bool:
    size = len(file.data) or file.size
    return media_type(file) in ("image/jpeg", "image/png") and size <= _PHOTO
