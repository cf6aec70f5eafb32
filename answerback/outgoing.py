"""What a reply has besides its text: buttons, files, a form, a review. Plain data, the same for every platform."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

FieldKind = Literal["text", "long", "number", "date", "time", "choice", "choices", "person", "people"]

SHOWN_OPTIONS = 100
"""Options that a menu or a choice shows. Of more, a person sees those that contain what they type."""


def matching(options: Sequence[tuple[str, str]], text: str) -> list[tuple[str, str]]:
    """Return the options whose labels contain a text, at most as many as a menu shows: first those that begin so."""
    wanted = text.strip().casefold()
    found = [option for option in options if wanted in option[0].casefold()]
    return sorted(found, key=lambda option: not option[0].casefold().startswith(wanted))[:SHOWN_OPTIONS]


class Button(msgspec.Struct, frozen=True, omit_defaults=True, tag="button"):
    """A button below a message. Pressed, it becomes an event of the thread, with an `Action`.

    Attributes:
        label: Its words.
        value: What the event's `action.value` will be.
        name: What the event's `action.name` will be, different for each button of a message; "": the label.
        style: Its emphasis.
        url: An address that it opens instead; no event follows.
    """

    label: str
    value: str = ""
    name: str = ""
    style: Literal["", "primary", "danger"] = ""
    url: str = ""


class Select(msgspec.Struct, frozen=True, omit_defaults=True, tag="select"):
    """A menu below a message, of which a person chooses one option.

    Attributes:
        name: What the event's `action.name` will be.
        options: Pairs of label and value.
        placeholder: Its words while nothing is chosen.
    """

    name: str
    options: tuple[tuple[str, str], ...]
    placeholder: str = ""


class Field(msgspec.Struct, frozen=True, omit_defaults=True):
    """A field of a form.

    Attributes:
        name: Its key in the event's `action.values`, different for each field.
        label: Its words.
        kind: text: one line. long: several. number, date (2026-11-30), time (14:30). choice, choices: of `options`.
            person, people: ids of people.
        options: Pairs of label and value.
        value: What it shows at first.
        hint: More words below it.
        optional: Whether it may stay empty; its value is None then.
    """

    name: str
    label: str
    kind: FieldKind = "text"
    options: tuple[tuple[str, str], ...] = ()
    value: str = ""
    hint: str = ""
    optional: bool = False


class Form(msgspec.Struct, frozen=True, omit_defaults=True):
    """A form that one person fills in. Sent, it becomes an event of the thread, with an `Action` "form".

    Attributes:
        name: What the event's `action.name` will be.
        title: Its title.
        fields: What is asked.
        submit: The words of the button that sends it.
    """

    name: str
    title: str
    fields: tuple[Field, ...]
    submit: str = "Send"


class File(msgspec.Struct, frozen=True, omit_defaults=True):
    """A file that is sent with a message.

    Attributes:
        name: Its name.
        data: Its content; b"" if it is a file of the thread.
        content_type: Its media type; "": as its name suggests.
        file: The id of a file of the thread.
        size: Its size in bytes.
    """

    name: str
    data: bytes = b""
    content_type: str = ""
    file: str = ""
    size: int = 0


class Template(msgspec.Struct, frozen=True, omit_defaults=True):
    """A message whose words were approved: what WhatsApp takes from a business when a person has not written for a day.

    Attributes:
        name: Its name; on Twilio the SID of a content template, "HX…".
        language: Its language, such as "en_US"; not needed on Twilio.
        values: What its variables stand for: {"1": "Ada", "2": "1.4"}, or by their names. One line each.
        header: What the variable of its heading stands for; not on Twilio, where all variables are in `values`.
        always: Whether it is sent although the text could be.
    """

    name: str
    language: str = ""
    values: dict[str, str] = {}
    header: str = ""
    always: bool = False


class ReviewComment(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A comment on lines of a pull request.

    Attributes:
        path: The file.
        line: The last line.
        text: What is said about the lines, as markdown.
        start: The first line, if there are several.
        side: Whether the lines are those before ("LEFT") or after the change ("RIGHT").
        suggestion: What replaces the lines; None if nothing is suggested.
    """

    path: str
    line: int
    text: str = ""
    start: int = 0
    side: Literal["LEFT", "RIGHT"] = "RIGHT"
    suggestion: str | None = None


class ReplyContent(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a reply has besides its text.

    Attributes:
        actions: Buttons and menus below a message.
        files: Files of a message.
        template: What is sent instead of a message where its text may not be.
        target: What is edited, deleted or reacted to, or the check run that changes: the key of a reply of ours, or the
            platform's id of a message. A `Client` is always given the platform's id.
        reaction: The name of an emoji; `removed`: whether the reaction is taken back.
        verdict: Of a review.
        comments: The comments of a review.
        check: The name of a check run; `state` and `summary` are what it shows.
        form: What is opened for the person who has pressed, commanded or chosen something.
    """

    actions: tuple[Button | Select, ...] = ()
    files: tuple[File, ...] = ()
    template: Template | None = None
    target: str = ""
    reaction: str = ""
    removed: bool = False
    verdict: Literal["", "approve", "request_changes", "comment"] = ""
    comments: tuple[ReviewComment, ...] = ()
    check: str = ""
    state: Literal["", "queued", "in_progress", "success", "failure", "neutral", "cancelled"] = ""
    summary: str = ""
    form: Form | None = None


NO_CONTENT = ReplyContent()
"""That of a plain text."""
