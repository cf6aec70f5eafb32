"""The fields that we read from WhatsApp's webhooks; everything else is skipped.

https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from answerback.platforms.decoding import Spare

Id = Annotated[str, msgspec.Meta(pattern=r"\A[!-9;-~]{1,300}\Z")]
"""An id: visible characters without a colon, which separates them in ours."""

Items = Spare[list[msgspec.Raw]]
"""Decoded one by one: one that cannot be read must not take the others with it."""


class Problem(msgspec.Struct):
    """An error of the Graph API, in a response or in a status."""

    code: Spare[int] = None
    title: Spare[str] = None
    message: Spare[str] = None
    details: Spare[str] = None
    error_data: Spare[Details] = None
    is_transient: Spare[bool] = None

    @property
    def words(self) -> str:
        """What it says, and its details."""
        details = (self.error_data.details if self.error_data else None) or self.details or ""
        said = self.message or self.title or ""
        return f"{said}: {details}" if details and details not in said else said


class Details(msgspec.Struct):
    details: Spare[str] = None


class Profile(msgspec.Struct):
    name: Spare[str] = None
    username: Spare[str] = None


class Contact(msgspec.Struct):
    """Who wrote a message of the same change."""

    wa_id: Spare[Id] = None
    user_id: Spare[Id] = None
    profile: Spare[Profile] = None


class Text(msgspec.Struct):
    body: Spare[str] = None


class Media(msgspec.Struct):
    id: Spare[Id] = None
    mime_type: Spare[str] = None
    caption: Spare[str] = None
    filename: Spare[str] = None


class Location(msgspec.Struct):
    latitude: Spare[float] = None
    longitude: Spare[float] = None
    name: Spare[str] = None
    address: Spare[str] = None


class CardName(msgspec.Struct):
    formatted_name: Spare[str] = None


class CardPhone(msgspec.Struct):
    phone: Spare[str] = None


class CardEmail(msgspec.Struct):
    email: Spare[str] = None


class Card(msgspec.Struct):
    """A contact that a person sends."""

    name: Spare[CardName] = None
    phones: Spare[list[CardPhone]] = None
    emails: Spare[list[CardEmail]] = None


class Item(msgspec.Struct):
    product_retailer_id: Spare[str] = None
    quantity: Spare[int | str] = None
    item_price: Spare[float | str] = None
    currency: Spare[str] = None


class Order(msgspec.Struct):
    text: Spare[str] = None
    product_items: Spare[list[Item]] = None


class Pressed(msgspec.Struct):
    """A button or row: `id` is what we gave it."""

    id: Spare[str] = None
    title: Spare[str] = None
    description: Spare[str] = None


class FormReply(msgspec.Struct):
    """A form that was sent (WhatsApp Flows). `response_json`: its fields."""

    name: Spare[str] = None
    body: Spare[str] = None
    response_json: Spare[str] = None


class Interactive(msgspec.Struct):
    button_reply: Spare[Pressed] = None
    list_reply: Spare[Pressed] = None
    nfm_reply: Spare[FormReply] = None


class TemplateButton(msgspec.Struct):
    payload: Spare[str] = None
    text: Spare[str] = None


class Unsupported(msgspec.Struct):
    type: Spare[str] = None


class Context(msgspec.Struct):
    """The message that is answered."""

    id: Spare[Id] = None


class Referral(msgspec.Struct):
    """The advertisement from which a person came."""

    headline: Spare[str] = None
    body: Spare[str] = None
    source_url: Spare[str] = None


class Reaction(msgspec.Struct):
    message_id: Spare[Id] = None
    emoji: Spare[str] = None


class System(msgspec.Struct):
    """A user changed their number or their id. The fields' names differ between versions of the API."""

    type: Spare[str] = None
    body: Spare[str] = None
    wa_id: Spare[Id] = None
    new_wa_id: Spare[Id] = None
    user_id: Spare[Id] = None


class Content(msgspec.Struct):
    """What a message consists of: the field that `type` names."""

    type: Spare[str] = None
    text: Spare[Text] = None
    image: Spare[Media] = None
    video: Spare[Media] = None
    audio: Spare[Media] = None
    document: Spare[Media] = None
    sticker: Spare[Media] = None
    location: Spare[Location] = None
    contacts: Spare[list[Card]] = None
    order: Spare[Order] = None
    interactive: Spare[Interactive] = None
    button: Spare[TemplateButton] = None
    unsupported: Spare[Unsupported] = None


class Edit(msgspec.Struct):
    original_message_id: Spare[Id] = None
    message: Spare[Content] = None


class Revoke(msgspec.Struct):
    original_message_id: Spare[Id] = None


class Message(Content):
    """A message of a user, or one that people wrote in the WhatsApp Business app (then `to` is the user)."""

    id: Spare[Id] = None
    from_: Spare[Id] = msgspec.field(default=None, name="from")
    from_user_id: Spare[Id] = None
    to: Spare[Id] = None
    to_user_id: Spare[Id] = None
    group_id: Spare[Id] = None
    timestamp: Spare[str | int] = None
    context: Spare[Context] = None
    referral: Spare[Referral] = None
    reaction: Spare[Reaction] = None
    edit: Spare[Edit] = None
    revoke: Spare[Revoke] = None
    system: Spare[System] = None


class Status(msgspec.Struct):
    """What became of a message of ours."""

    id: Spare[Id] = None
    status: Spare[str] = None
    biz_opaque_callback_data: Spare[str] = None
    errors: Spare[list[Problem]] = None


class ChangedId(msgspec.Struct):
    previous: Spare[Id] = None
    current: Spare[Id] = None


class UserIdUpdate(msgspec.Struct):
    """A user's business-scoped id has changed."""

    wa_id: Spare[Id] = None
    user_id: Spare[ChangedId] = None


class Metadata(msgspec.Struct):
    phone_number_id: Spare[Id] = None
    display_phone_number: Spare[str] = None


class Value(msgspec.Struct):
    metadata: Spare[Metadata] = None
    contacts: Spare[list[Contact]] = None
    messages: Items = None
    statuses: Items = None
    message_echoes: Items = None
    user_id_update: Items = None
    errors: Spare[list[Problem]] = None


class Change(msgspec.Struct):
    field: Spare[str] = None
    value: Spare[Value] = None


class Entry(msgspec.Struct):
    changes: Items = None


class Envelope(msgspec.Struct):
    object: str = ""
    entry: Items = None


def milliseconds(timestamp: str | int | None) -> int:
    """Return a time in seconds as milliseconds; 0 if it is none."""
    text = str(timestamp or "")
    return int(text) * 1000 if text.isascii() and text.isdigit() and len(text) <= 11 else 0
