"""Forms as modals: https://docs.slack.dev/surfaces/modals

A modal is opened with the trigger of what a person did, within three seconds, and once for each trigger.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from answerback.outgoing import NO_CONTENT, Field, Form
from answerback.platforms import Exchange, Prepared, Sent
from answerback.platforms.attempt import Attempt
from answerback.platforms.slack.blocks import OPTIONS, Json, longer, menu, option, plain_text
from answerback.platforms.slack.changes import Call
from answerback.platforms.slack.place import SlackPlace
from answerback.platforms.slack.refusal import error_of
from answerback.replies import Reply

METHOD = "views.open"
EXPIRED = "expired"
"""What a reply is prepared with whose trigger has expired: the person gets a message."""

_TITLE, _LABEL, _HINT, _NAME, _VALUE = 24, 2000, 2000, 255, 3000
_OPTION, _OPTION_VALUE = 75, 150
_FIELDS = 100
_ELEMENTS = {
    "text": "plain_text_input",
    "long": "plain_text_input",
    "number": "number_input",
    "date": "datepicker",
    "time": "timepicker",
    "person": "users_select",
    "people": "multi_users_select",
}
_INITIAL = {
    "date": "initial_date", "time": "initial_time", "person": "initial_user", "choice": "initial_option",
    "choices": "initial_options", "people": "initial_users",
}  # fmt: skip


def check(form: Form, address: dict[str, str | int]) -> str:
    """Return why Slack would refuse a form; "" if it would not."""
    if not address.get("trigger_id"):
        return (
            "a form is opened for a person who has just pressed a button, chosen an option, or used a command or "
            "shortcut: this event is something else"
        )
    if len(form.fields) > _FIELDS:
        return f"Slack shows at most {_FIELDS} fields in a form, not {len(form.fields)}"
    return next(_problems(form), "")


def _problems(form: Form) -> Iterator[str]:
    yield from longer("the name of the form", form.name, _NAME)
    yield from longer(f"the title {form.title[:80]!r}", form.title, _TITLE)
    yield from longer(f"the button {form.submit[:80]!r}", form.submit, _TITLE)
    for field in form.fields:
        yield from longer(f"the name of the field {field.name[:80]!r}", field.name, _NAME)
        yield from longer(f"the label of the field {field.name!r}", field.label, _LABEL)
        yield from longer(f"the hint of the field {field.name!r}", field.hint, _HINT)
        yield from longer(f"the value of the field {field.name!r}", field.value, _VALUE)
        if len(field.options) > OPTIONS:
            yield f"a choice has at most {OPTIONS} options; {field.name!r} has {len(field.options)}"
        for label, value in field.options:
            yield from longer(f"the option {label[:80]!r} of {field.name!r}", label, _OPTION)
            yield from longer(f"the value of the option {label!r} of {field.name!r}", value, _OPTION_VALUE)


def open_form(call: Call, reply: Reply) -> Exchange[Sent | Prepared]:
    """Open the form, unless its trigger has expired: then `reply` is to be prepared to say so.

    https://docs.slack.dev/reference/methods/views.open
    """
    place, form = SlackPlace.of(reply), (reply.content or NO_CONTENT).form
    assert form is not None
    # A trigger that was used by an earlier attempt has opened the form.
    opened = ("exchanged_trigger_id",) if reply.attempts > 1 else ()
    content = {"trigger_id": place.trigger_id, "view": view(form, reply)}
    response = yield from call(
        "POST", METHOD, content, f"opening the form {form.name}", Attempt.of(reply),
        scope=place.scope(METHOD), effect=True, accepted=(*opened, "expired_trigger_id"),
    )  # fmt: skip
    return Prepared(EXPIRED) if error_of(response) == "expired_trigger_id" else Sent("")


def missed(reply: Reply) -> str:
    """Return the message to a person whose form was not opened in time."""
    form = (reply.content or NO_CONTENT).form
    return f"“{form.title if form else 'The form'}” could not be opened in time. Please try again."


def view(form: Form, reply: Reply) -> Json:
    """Return a form as Slack's view. What is entered comes back with what its private metadata says."""
    return {
        "type": "modal",
        "callback_id": form.name,
        "title": plain_text(form.title),
        "submit": plain_text(form.submit),
        "private_metadata": msgspec.json.encode(_target(reply)).decode(),
        "blocks": [_block(field) for field in form.fields],
    }


def _target(reply: Reply) -> Json:
    """Return where the form belongs: `interactions` reads it."""
    place = SlackPlace.of(reply)
    begun = reply.thread.rpartition(":")[2]
    # The thread of a command or shortcut has no message.
    where = {} if place.thread_ts or "." not in begun else {"begun": begun}
    return {**place.where, **where, "reply": reply.key}


def _block(field: Field) -> Json:
    element: Json = {"type": _ELEMENTS.get(field.kind, ""), "action_id": field.name}
    many = field.kind in ("choices", "people")
    if field.options:
        element |= menu(field.options, "multi_" if many else "")
    if field.kind == "long":
        element["multiline"] = True
    if field.kind == "number":
        element["is_decimal_allowed"] = True
    if field.value:
        initial = next((option(*each) for each in field.options if each[1] == field.value), field.value)
        element[_INITIAL.get(field.kind, "initial_value")] = [initial] if many else initial
    block: Json = {"type": "input", "block_id": field.name, "label": plain_text(field.label), "element": element}
    return (
        block
        | ({"hint": plain_text(field.hint)} if field.hint else {})
        | ({"optional": True} if field.optional else {})
    )
