"""What a message says, for an agent: its text, and the files that come with it."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from answerback.messages import Attachment
from answerback.platforms.subject import BODY, TITLE, shortened
from answerback.platforms.whatsapp.payload import Card, Content, Location, Media, Order

_CARDS, _ITEMS = 20, 50


class Remote(msgspec.Struct, frozen=True):
    """Where a file is: `Attachment.remote` as JSON. `number`: which of our numbers got it."""

    media: str
    number: str


class Said(NamedTuple):
    """What a message says."""

    text: str
    attachments: tuple[Attachment, ...] = ()


def said(content: Content, number: str) -> Said:
    """Return what a message says. One that WhatsApp does not pass on says so: its sender expects an answer."""
    kind = content.type or ""
    media = getattr(content, kind, None) if kind in ("image", "video", "audio", "document", "sticker") else None
    if isinstance(media, Media):
        return Said(media.caption or "", _attached(media, kind, number))
    if kind == "text":
        return Said((content.text.body if content.text else None) or "")
    if kind == "location" and content.location:
        return Said(_location(content.location))
    if kind == "contacts" and content.contacts:
        return Said("\n".join(_card(card) for card in content.contacts[:_CARDS]))
    if kind == "order" and content.order:
        return Said(_order(content.order))
    inner = (content.unsupported.type if content.unsupported else None) or kind
    return Said(f"(sent something that cannot be shown here: {shortened(inner or 'unknown', 40)})")


def _attached(media: Media, kind: str, number: str) -> tuple[Attachment, ...]:
    content_type = (media.mime_type or "application/octet-stream").partition(";")[0].strip().lower()
    name = media.filename or f"{kind}{mimetypes.guess_extension(content_type) or ''}"
    named = Attachment(name=shortened(name, TITLE), content_type=content_type)
    if not media.id:
        return (msgspec.structs.replace(named, problem="WhatsApp does not say where it is"),)
    remote = msgspec.json.encode(Remote(media.id, number)).decode()
    return (msgspec.structs.replace(named, remote=remote),)


def _location(place: Location) -> str:
    named = ", ".join(shortened(part, TITLE) for part in (place.name, place.address) if part)
    where = f"{place.latitude or 0:.6f}, {place.longitude or 0:.6f}"
    return f"Location: {named} ({where})" if named else f"Location: {where}"


def _card(card: Card) -> str:
    return shortened(f"Contact: {', '.join(_parts(card)) or 'without a name'}", TITLE)


def _parts(card: Card) -> Iterator[str]:
    if card.name and card.name.formatted_name:
        yield card.name.formatted_name
    yield from (each.phone for each in card.phones or () if each.phone)
    yield from (each.email for each in card.emails or () if each.email)


def _order(order: Order) -> str:
    lines = [
        f"- {item.quantity or 1} × {item.product_retailer_id or 'unknown'}"
        + (f", {item.item_price} {item.currency or ''}".rstrip() if item.item_price else "")
        for item in (order.product_items or [])[:_ITEMS]
    ]
    return shortened("\n".join(["Order:", *lines, *([order.text] if order.text else [])]), BODY)
