"""Checks what an agent gives with a reply, and makes plain data of it."""

from __future__ import annotations

import mimetypes
from collections.abc import Sequence
from typing import get_args

import msgspec

from answerback.errors import UnsupportedReply
from answerback.messages import Attachment
from answerback.outgoing import Button, Field, FieldKind, File, Form, ReplyContent, Select, Template


def message_content(
    actions: Sequence[Button | Select],
    files: Sequence[File | Attachment],
    *,
    text: str,
    template: Template | None = None,
) -> ReplyContent | None:
    """Return what a message has besides its text; None if that is nothing.

    Raises:
        UnsupportedReply: It makes no sense on any platform.
        TypeError: It is of another type.
    """
    if not actions and not files and template is None:
        return None
    if actions and not text.strip():
        raise UnsupportedReply("buttons and menus need a text above them: it is empty")
    return ReplyContent(
        actions=_actions(actions),
        files=tuple([_file(file) for file in files]),
        template=None if template is None else _template(template, text),
    )


def checked_form(form: object) -> Form:
    """Return a form as plain data.

    Raises:
        UnsupportedReply: It makes no sense on any platform.
        TypeError: It is of another type.
    """
    if not isinstance(form, Form):
        raise TypeError(f"a form is Form(…), not {type(form).__name__}")
    if not form.name or not form.title.strip() or not form.submit.strip():
        raise UnsupportedReply("a form needs a name, a title, and words on the button that sends it")
    if not form.fields:
        raise UnsupportedReply(f'the form "{form.name}" has no fields')
    fields = tuple([_field(field) for field in form.fields])
    names = [field.name for field in fields]
    for name in names:
        if names.count(name) > 1:
            raise UnsupportedReply(f'two fields of the form "{form.name}" are named "{name}": give each another name')
    return msgspec.structs.replace(form, fields=fields)


def _field(field: object) -> Field:
    if not isinstance(field, Field):
        raise TypeError(f"the fields of a form are Field(…), not {type(field).__name__}")
    if not field.name or not field.label.strip():
        raise UnsupportedReply("a field of a form needs a name and a label")
    if field.kind not in get_args(FieldKind):
        raise UnsupportedReply(f"the kind of a field is one of {', '.join(get_args(FieldKind))}, not {field.kind!r}")
    options = _options(field.options)
    if (field.kind in ("choice", "choices")) != bool(options) or not all(label.strip() for label, _ in options):
        raise UnsupportedReply(
            f'the field "{field.name}" needs options, each with a label, if it is a choice; else none'
        )
    if options and field.value and field.value not in [value for _, value in options]:
        raise UnsupportedReply(f'the value of the field "{field.name}" is none of its options: {field.value!r}')
    return msgspec.structs.replace(field, options=options)


def _options(given: Sequence[str | tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple([(each, each) if isinstance(each, str) else (each[0], each[1] or each[0]) for each in given])


def _template(template: object, text: str) -> Template:
    if not isinstance(template, Template):
        raise TypeError(f"a template is Template(…), not {type(template).__name__}")
    if not template.name:
        raise UnsupportedReply("a template needs its name")
    if not text.strip():
        raise UnsupportedReply(
            "a template needs a text beside it, for the history and for other platforms: it is empty"
        )
    return msgspec.structs.replace(template, values={str(key): str(value) for key, value in template.values.items()})


def _actions(actions: Sequence[Button | Select]) -> tuple[Button | Select, ...]:
    checked = tuple([_action(action) for action in actions])
    names = [action.name for action in checked]
    for name in names:
        if names.count(name) > 1:
            raise UnsupportedReply(
                f'two buttons or menus of a reply are named "{name}": give each another name, as in '
                f'Button("{name}", name="first")'
            )
    return checked


def _action(action: object) -> Button | Select:
    if isinstance(action, Button):
        if not action.label.strip():
            raise UnsupportedReply("a button needs a label")
        return action if action.name else msgspec.structs.replace(action, name=action.label)
    if isinstance(action, Select):
        options = _options(action.options)
        if not options or not all(label.strip() for label, _ in options):
            raise UnsupportedReply(f'the menu "{action.name}" needs options, each with a label')
        if not action.name:
            raise UnsupportedReply("a menu needs a name")
        return msgspec.structs.replace(action, options=options)
    raise TypeError(f"actions are Button(…) and Select(…), not {type(action).__name__}")


def _file(file: object) -> File:
    if isinstance(file, Attachment):
        data = file.data or file.text.encode()
        file = File(file.name, data, file.content_type, file=file.file, size=file.size)
    if not isinstance(file, File):
        raise TypeError(f"files are File(…), not {type(file).__name__}")
    if not file.name.strip():
        raise UnsupportedReply("a file needs a name")
    if not file.data and not file.file:
        raise UnsupportedReply(f"the file {file.name} is empty")
    guessed = file.content_type or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return msgspec.structs.replace(file, content_type=guessed, size=len(file.data) or file.size)
