"""What a reply has besides its text: buttons, files, a reaction, a review. Plain data, the same for every platform."""

from __future__ import annotations

from typing import Literal

import msgspec


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
        target: What is edited, deleted or reacted to, or the check run that changes: the key of a reply of ours, or the
            platform's id of a message. A `Client` is always given the platform's id.
        reaction: The name of an emoji; `removed`: whether the reaction is taken back.
        verdict: Of a review.
        comments: The comments of a review.
        check: The name of a check run; `state` and `summary` are what it shows.
    """

    actions: tuple[Button | Select, ...] = ()
    files: tuple[File, ...] = ()
    target: str = ""
    reaction: str = ""
    removed: bool = False
    verdict: Literal["", "approve", "request_changes", "comment"] = ""
    comments: tuple[ReviewComment, ...] = ()
    check: str = ""
    state: Literal["", "queued", "in_progress", "success", "failure", "neutral", "cancelled"] = ""
    summary: str = ""


NO_CONTENT = ReplyContent()
"""That of a plain text."""
