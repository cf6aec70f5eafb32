"""Parse Telegram's updates, from a webhook or from `getUpdates`."""

from __future__ import annotations

import re
from typing import TypeVar
from urllib.parse import parse_qsl

import msgspec

from answerback.platforms import Delivery, Ignored, Parsed
from answerback.platforms.decoding import decode
from answerback.platforms.telegram import notices
from answerback.platforms.telegram.messages import edited, written
from answerback.platforms.telegram.payload import (
    BusinessConnection,
    BusinessDeleted,
    CallbackQuery,
    MemberUpdated,
    Message,
    Reacted,
    Update,
)
from answerback.platforms.telegram.presses import press

T = TypeVar("T")

_update = msgspec.json.Decoder(Update)
_message = msgspec.json.Decoder(Message)
_query = msgspec.json.Decoder(CallbackQuery)
_reacted = msgspec.json.Decoder(Reacted)
_member = msgspec.json.Decoder(MemberUpdated)
_connection = msgspec.json.Decoder(BusinessConnection)
_deleted = msgspec.json.Decoder(BusinessDeleted)
_DOCUMENTED = "Telegram documents"
_BOT = re.compile(r"[0-9]{1,20}", re.ASCII)


def parse(delivery: Delivery) -> Parsed:
    """Parse an update.

    Thread ids: "telegram:<bot>:<chat>", in a forum with ":t<topic>"; of a business account
    "telegram:<bot>:b<connection>:<chat>". `bot` is "0" for the first bot, whose webhook has no `?bot=` in its URL.
    Delivery ids: the chat and "<message id>"; an edit adds its update's id. What is no message has its update's id.
    Address: chat, topic, business, message (what is answered in a group), group.
    Identities: "user:<id>", "chat:<id>".
    """
    bot = _account(delivery.query)
    update = decode(_update, delivery.body, _DOCUMENTED)
    id = update.update_id
    for kind in ("message", "channel_post", "business_message"):
        if _is(raw := getattr(update, kind)):
            return written(bot, _read(_message, raw), kind)
        if _is(raw := getattr(update, f"edited_{kind}")):
            return edited(bot, _read(_message, raw), f"edited_{kind}", id)
    if _is(update.callback_query):
        return press(bot, _read(_query, update.callback_query))
    if _is(update.message_reaction):
        return notices.reactions(bot, _read(_reacted, update.message_reaction), id)
    if _is(update.my_chat_member):
        return notices.membership(bot, _read(_member, update.my_chat_member), id)
    if _is(update.business_connection):
        return notices.business(_read(_connection, update.business_connection))
    if _is(update.deleted_business_messages):
        return notices.deleted(bot, _read(_deleted, update.deleted_business_messages), id)
    return Ignored("an update of a kind that is not read")


def _account(query: str) -> str:
    try:
        given = dict(parse_qsl(query, max_num_fields=20)).get("bot", "")
    except ValueError:
        return ""
    return given if _BOT.fullmatch(given) else ""


def _is(raw: msgspec.Raw) -> bool:
    return bytes(raw) != b"null"


def _read(decoder: msgspec.json.Decoder[T], raw: msgspec.Raw) -> T:
    return decode(decoder, raw, _DOCUMENTED)
