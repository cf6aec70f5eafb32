"""Parse Slack's interactions and slash commands, which are forms. Each is an event with an `Action`.

Slack shows the person an error unless the response is 200 within three seconds, and never repeats the request.
https://docs.slack.dev/interactivity/handling-user-interaction
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from answerback.errors import MalformedBody
from answerback.events import Action, ActionType, Event
from answerback.messages import Attachment, Author
from answerback.platforms import Answer, Answered, Delivery, Ignored, Inbound, Parsed
from answerback.platforms.decoding import decode
from answerback.platforms.inbound import OptionSearch
from answerback.platforms.slack.attachments import attached_files
from answerback.platforms.slack.blocks import key_of_block, option
from answerback.platforms.slack.chats import conversation
from answerback.platforms.slack.commands import TRIGGER, address, parse_command
from answerback.platforms.slack.interaction_payload import Container, Element, Interaction, Shown, State, Target, View
from answerback.platforms.slack.payload import milliseconds, printable
from answerback.platforms.slack.visible import visible

NOTHING = Answer(content_type="")
"""The response that shows nothing: 200 without a body."""
_NO_OPTIONS = Answer(b'{"options":[]}')

_interaction = msgspec.json.Decoder(Interaction)
_target = msgspec.json.Decoder(Target)
_json = msgspec.json.Encoder(order="deterministic").encode
_DOCUMENTED = "Slack documents"
_LONGEST = 65_536
"""Bytes of structured input."""


def parse_form(delivery: Delivery) -> Parsed:
    """Parse a form: a slash command, an interaction, or Slack's check of our certificate."""
    try:
        fields = dict(parse_qsl(delivery.body.decode(), keep_blank_values=True, max_num_fields=100))
    except (UnicodeDecodeError, ValueError) as error:
        raise MalformedBody(f"the form cannot be read: {error}") from None
    if fields.get("ssl_check") == "1":
        return Ignored("Slack checks our certificate", answer=NOTHING)
    at = _signed_at(delivery)
    if "command" in fields:
        return Answered([parse_command(fields, at)], NOTHING)
    if "payload" not in fields:
        raise MalformedBody("the form is neither a slash command nor an interaction")
    interaction = decode(_interaction, fields["payload"].encode(), _DOCUMENTED)
    match interaction.type:
        case "block_actions":
            return _pressed(interaction, at)
        case "view_submission":
            return Answered([_submitted(interaction, at)], NOTHING)
        case "shortcut" | "message_action":
            return Answered([_shortcut(interaction, at)], NOTHING)
        case "view_closed":
            return Ignored("a form was closed without being sent", answer=NOTHING)
        case "block_suggestion":
            return Ignored("the options of a menu", answer=_NO_OPTIONS, search=_search(interaction))
        case other:
            return Ignored(f"{printable(other)} interactions are not handled", "not handled", NOTHING)


def _pressed(interaction: Interaction, at: int) -> Parsed:
    """https://docs.slack.dev/reference/interaction-payloads/block_actions-payload: one event for each element."""
    events: list[Inbound] = []
    for number, element in enumerate(interaction.actions or []):
        if not element.action_id:
            raise MalformedBody("an action without its action_id")
        if not _is_link(element, interaction.message):
            events.append(_event_of(element, interaction, number, at))
    if not events:
        return Ignored("a button that opens a page", answer=NOTHING)
    return Answered(events, NOTHING)


def _event_of(element: Element, interaction: Interaction, number: int, at: int) -> Event:
    container, message = interaction.container or Container(), interaction.message or Shown()
    ts = container.message_ts or message.ts or ""
    channel = container.channel_id or (interaction.channel.id if interaction.channel else None)
    button = (element.type or "").endswith("button") or element.type == "feedback_buttons"
    entered = element.entered
    value = entered if isinstance(entered, str) else "" if entered is None else _json(entered).decode()
    name = element.action_id or ""
    words = f"{'pressed' if button else 'chose'} {_label(element) or name}"
    return _event(
        interaction,
        type="button" if button else "select",
        name=name,
        text=f"{words} (value: {value})" if value and value != _label(element) else words,
        value=value,
        values=(interaction.state or State()).by_name,
        channel=channel or "",
        root=container.thread_ts or message.thread_ts or ts,
        message=ts,
        at=milliseconds(element.action_ts or "0") or at,
        number=number,
        reply=key_of_block(element.block_id or ""),
        input_json=_structured(value),
    )


def _submitted(interaction: Interaction, at: int) -> Event:
    """https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload#view_submission

    A form belongs to the thread that its private metadata names, as JSON: {"channel": …, "thread_ts": …}; in ours also
    what began a thread without a message, and the key of the reply that opened it.
    """
    view = interaction.view or View()
    values = (view.state or State()).by_name
    target = _target_of(view)
    chosen = next((url for url in interaction.response_urls or [] if url.channel_id), None)
    fields = "\n".join(f"{name}: {_spoken(value)}" for name, value in values.items() if value is not None)
    title = _text(view.title) or view.callback_id or "a form"
    return _event(
        interaction,
        type="form",
        name=view.callback_id or "",
        text=f"sent {title}\n{fields}".strip(),
        value="",
        values=values,
        channel=target.channel if target else (chosen.channel_id if chosen and chosen.channel_id else ""),
        root=(target.thread_ts if target else None) or "",
        begun=(target.begun if target else None) or "",
        message="",
        at=at,
        reply=(target.reply if target else None) or "",
        response_url=chosen.response_url if chosen else None,
        input_json=_bounded(_json(values)),
    )


def _search(interaction: Interaction) -> OptionSearch | None:
    """https://docs.slack.dev/reference/interaction-payloads/block_suggestion-payload

    None if neither a reply of ours nor a form of ours has the menu.
    """
    container, message = interaction.container or Container(), interaction.message or Shown()
    target = _target_of(interaction.view) if interaction.view else None
    channel = container.channel_id or (interaction.channel.id if interaction.channel else None)
    root = container.thread_ts or message.thread_ts or container.message_ts or message.ts
    key = key_of_block(interaction.block_id or "")
    if target is not None:
        channel, root, key = target.channel, target.thread_ts or target.begun, target.reply or ""
    team, name = interaction.installation, interaction.action_id
    if not (team and channel and key and name):
        return None
    room = f"slack:{team}:{channel}"
    threads = (f"{room}:{root}", room) if root and channel.startswith("D") else (f"{room}:{root}" if root else room,)
    return OptionSearch(threads=threads, reply=key, name=name, text=interaction.value or "", answer=_options)


def _options(options: Sequence[tuple[str, str]]) -> Answer:
    return Answer(_json({"options": [option(label, value) for label, value in options]}))


def _shortcut(interaction: Interaction, at: int) -> Event:
    """https://docs.slack.dev/reference/interaction-payloads/shortcuts-interaction-payload"""
    name, message = interaction.callback_id or "", interaction.message
    words, files, ts = f"used the shortcut {name}", tuple[Attachment, ...](), ""
    if message is not None:
        ts = interaction.message_ts or message.ts or ""
        content = visible(message.text or "", message.blocks, message.attachments, message.files)
        words = f"{words} on this message:\n\n{content.text}" if content.text.strip() else f"{words} on a message"
        files = attached_files(message.files)
    return _event(
        interaction,
        type="shortcut",
        name=name,
        text=words,
        value="",
        values={},
        channel=(interaction.channel.id if interaction.channel else None) or "",
        root=(message.thread_ts if message else None) or ts,
        message=ts,
        at=milliseconds(interaction.action_ts or "0") or at,
        attachments=files,
    )


def _event(
    interaction: Interaction,
    *,
    type: ActionType,
    name: str,
    text: str,
    value: str,
    values: dict[str, Any],
    channel: str,
    root: str,
    message: str,
    at: int,
    number: int = 0,
    reply: str = "",
    begun: str = "",
    response_url: str | None = None,
    input_json: bytes = b"",
    attachments: tuple[Attachment, ...] = (),
) -> Event:
    """Return the event of an interaction. One that belongs to no channel is answered in a direct message.

    `begun`: the trigger that began its thread, if that has no message.
    """
    team, user = interaction.installation, interaction.user
    if not team:
        raise MalformedBody(f"{printable(interaction.type)} without its team")
    if user is None or not user.id:
        raise MalformedBody(f"{printable(interaction.type)} without its user")
    trigger = interaction.trigger_id or ""
    if not TRIGGER.fullmatch(trigger):
        raise MalformedBody(f"{printable(interaction.type)} without its trigger_id")
    room = f"slack:{team}:{channel or user.id}"
    place = address(team, channel or user.id, trigger, root, response_url or interaction.response_url)
    return Event(
        delivery=f"{room}:{trigger}:{number}" if number else f"{room}:{trigger}",
        thread=f"{room}:{root or begun or trigger}",
        kind=interaction.type,
        text=text,
        author=Author(user.id, user.username or user.name or ""),
        channel=channel or user.id,
        direct=not channel or channel[0] in "DUW",
        identities=(f"user:{user.id}",),
        address=place,
        reply=reply,
        at=at,
        attachments=attachments,
        input_json=input_json,
        action=Action(type=type, name=name, value=value, values=values, message=message),
        account=team,
        conversation=conversation(team, channel, place) if channel.startswith("D") and root in ("", message) else None,
    )


def _target_of(view: View) -> Target | None:
    try:
        return _target.decode(view.private_metadata or "null")
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None  # of another program, or none


def _is_link(element: Element, message: Shown | None) -> bool:
    """Return whether a button only opens a page: Slack reports that, too."""
    if element.url:
        return True
    if message is None or element.type != "button" or element.value is not None:
        return False
    try:
        blocks = msgspec.json.decode(message.blocks, type=list[dict[str, Any]])
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False
    elements = [each for block in blocks for each in (*_listed(block.get("elements")), block.get("accessory"))]
    return any(isinstance(one, dict) and one.get("action_id") == element.action_id and "url" in one for one in elements)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _label(element: Element) -> str:
    return _text(element.text)


def _text(node: dict[str, Any] | None) -> str:
    text = (node or {}).get("text")
    return text if isinstance(text, str) else ""


def _spoken(value: Any) -> str:
    return value if isinstance(value, str) else _json(value).decode()


def _structured(value: str) -> bytes:
    """Return the value of a button as structured input, if it is an object or a list in JSON."""
    if value[:1] not in ("{", "["):
        return b""
    try:
        return _bounded(_json(msgspec.json.decode(value)))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return b""


def _bounded(encoded: bytes) -> bytes:
    return encoded if len(encoded) <= _LONGEST else b""


def _signed_at(delivery: Delivery) -> int:
    stamp = delivery.headers.get("x-slack-request-timestamp", "")
    return int(stamp) * 1000 if stamp.isascii() and stamp.isdigit() and len(stamp) <= 11 else 0
