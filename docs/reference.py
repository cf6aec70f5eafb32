"""Write docs/reference.md from the docstrings of the package: `make docs`. A unit test compares the page with the code.

A docstring is prose, then sections as in Google's style: Args, Attributes, Returns, Raises, Example.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard, get_args

import msgspec

import answerback
from answerback import asgi, dialogs, dispatching, errors, events, messages, outgoing, testing
from answerback.agents import listen, memory, presence, turn_replies

PAGE = Path(__file__).with_name("reference.md")
WIDTH = 120

INTRODUCTION = """\
# Reference of the Python package

Made from the docstrings by `make docs`. What an agent needs is imported from `answerback`; the data of a turn is in
`answerback.events` and `answerback.messages`, the errors are in `answerback.errors`, and what tests need is in
`answerback.testing`. Other modules are internal.
"""
PLAYED = (
    "history", "state", "replies", "outbox", "waiting", "steps", "turn_ends", "dead_letters", "stream",
    "say", "send", "press", "edit", "delete", "upload", "delete_file", "resume", "cancel", "kill_at", "follow",
)  # fmt: skip
"""Members of a played thread that tests use."""
LONGEST_TYPE = 100
"""Characters of a type that are repeated in the list of arguments."""

CHAPTERS: dict[str, Sequence[tuple[Any, Sequence[str]]]] = {
    "Agents": [(answerback.Agent, ()), (answerback.Listen, ())],
    "Dispatch": [
        (answerback.dispatch, ()),
        (answerback.Dispatcher, ("dispatch", "dispatch_sync")),
        (dispatching.DispatchReceipt, ("reply", "reply_sync")),
        (dispatching.Answer, ("text",)),
    ],
    "A turn": [
        (
            answerback.Turn,
            (
                *("event", "text", "attachments", "key", "progress", "read", "reply", "retrieve", "step", "write"),
                *("sent", "react", "open", "review", "check"),
                *("subscribe", "unsubscribe", "mute", "unmute"),
            ),
        ),
        (answerback.SentReply, ("edit", "delete")),
        (answerback.UnsupportedReply, ()),
    ],
    "Buttons, files and reviews": [
        (outgoing.Button, ()),
        (outgoing.Select, ()),
        (outgoing.Form, ()),
        (outgoing.Template, ()),
        (outgoing.Field, ()),
        (outgoing.File, ()),
        (outgoing.ReviewComment, ()),
    ],
    "Steps and tools": [
        (answerback.NoEffect, ()),
        (answerback.OutcomeUnknown, ()),
        (answerback.idempotent, ()),
        (answerback.public, ()),
    ],
    "Events": [(events.Event, ("id", "platform", "input", "raw")), (events.Subject, ())],
    "Messages": [
        (messages.Message, ()),
        (messages.Gap, ()),
        (messages.Author, ()),
        (messages.Attachment, ()),
        (messages.ToolCall, ()),
        (messages.Document, ()),
        (messages.Retrieval, ()),
        (messages.Usage, ()),
    ],
    "Dialogs as a library": [
        (answerback.Dialog, ("history", "save", "turn", "stream", "reset")),
        (answerback.SessionWorker, ("acquire", "close")),
        (dialogs.RedisSessions, ()),
        (dialogs.MemorySessions, ()),
        (dialogs.NullSessions, ()),
    ],
    "Mounts": [(asgi.dialog, ()), (asgi.chat, ()), (asgi.webhooks, ()), (asgi.Caller, ())],
    "Tests": [
        (testing.play, ()),
        (memory.MemoryThread, PLAYED),
        (testing.answers, ()),
        (testing.call, ()),
        (testing.recorded, ()),
        (testing.event, ()),
        (testing.event_names, ()),
        (testing.attachment, ()),
        (testing.MovableClock, ("now", "move")),
    ],
}
"""What is described: each object, and those of its members that agents use."""

SECTIONS = {"Args": "Arguments", "Attributes": "Attributes", "Returns": "Returns", "Raises": "Raises", "Example": ""}
"""The sections of a docstring, and their titles on the page."""


def _literal(alias: Any) -> str:
    return f"Literal[{', '.join(repr(value) for value in get_args(alias))}]"


ALIASES = {
    "Think | Generate": "Callable[[Turn], Awaitable[str | None] | AsyncIterator[str]]",
    "Verdict": _literal(turn_replies.Verdict),
    "CheckState": _literal(turn_replies.CheckState),
    "When": _literal(listen.When),
    "Arrival": "str",
    "Presence": _literal(presence.Presence),
    "Moment": _literal(memory.killing.Moment),
    "Prepare": "Callable[[Turn], dict | Awaitable[dict | None] | None]",
    "AuthorKind": _literal(messages.AuthorKind),
    "Source": "str | Path | Sequence[Document] | Callable[[str, int], Awaitable[Sequence[Document]]]",
    "Address": "dict[str, str | int]",
}
"""Names that a reader of the page does not know, and what they stand for."""


class Item(NamedTuple):
    """An entry of a section: `name (type): text`."""

    name: str
    type: str
    text: str


def parse(doc: str | None) -> tuple[str, dict[str, str]]:
    """Return a docstring's prose, and its sections by their names."""
    prose, *rest = re.split(rf"^({'|'.join(SECTIONS)}):\n", inspect.cleandoc(doc or ""), flags=re.MULTILINE)
    return prose.strip(), {
        name: textwrap.dedent(text).strip("\n") for name, text in zip(rest[::2], rest[1::2], strict=True)
    }


def items(section: str) -> list[Item]:
    """Return the entries of a section, whose continuation lines are indented."""
    parsed = []
    for entry in re.split(r"\n(?=\S)", section):
        label, _, text = " ".join(entry.split()).partition(": ")
        name, _, kind = label.partition(" (")
        parsed.append(Item(name, kind.removesuffix(")"), text))
    return parsed


def fields(struct: type) -> dict[str, str]:
    """Return the types of a struct's fields, as the source spells them."""
    return {name: _plain(str(kind)) for name, kind in inspect.get_annotations(struct).items()}


def signature(name: str, call: Callable[..., Any]) -> str:
    """Return a signature, on one line if it fits; otherwise each parameter has a line of its own."""
    declared = inspect.signature(call)
    kinds = fields(call) if _is_struct(call) else {}
    shown: list[str] = []
    for parameter in declared.parameters.values():
        if parameter.name == "self":
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not any(one.startswith("*") for one in shown):
            shown.append("*")
        shown.append(_parameter(parameter, kinds))
    start = f"await {name}(" if inspect.iscoroutinefunction(call) else f"{name}("
    result = declared.return_annotation
    end = f") -> {result}" if isinstance(result, str) and result != "None" else ")"
    line = start + ", ".join(shown) + end
    return line if len(line) <= 88 else "\n".join([start, *(f"    {one}," for one in shown), end])


def _parameter(parameter: inspect.Parameter, kinds: Mapping[str, str]) -> str:
    star = "*" if parameter.kind is parameter.VAR_POSITIONAL else ""
    kind = kinds.get(parameter.name) or _plain(inspect.formatannotation(parameter.annotation).strip("'"))
    default = parameter.default
    if default is parameter.empty:
        return f"{star}{parameter.name}: {kind}"
    return f"{parameter.name}: {kind} = {'Listen()' if default == listen.ADDRESSED else _plain(repr(default))}"


def _plain(code: str) -> str:
    for alias, meaning in ALIASES.items():
        code = re.sub(rf"(?<!\w){re.escape(alias)}(?!\w)", meaning, code)
    return code.replace("'", '"')


def _is_struct(what: object) -> TypeGuard[type]:
    return isinstance(what, type) and issubclass(what, msgspec.Struct)


def described(what: Any, members: Sequence[str]) -> Iterator[str]:
    """Yield the Markdown blocks that describe an object and its members."""
    name = what.__name__
    homes = [package.__name__ for package in (answerback, testing, memory) if name in package.__all__]
    home = next(iter(homes), what.__module__)
    yield f"### {name}"
    yield f"    from {home} import {name}"
    prose, sections = parse(what.__doc__)
    yield from _prose(prose)
    if "Args" in sections:
        yield f"```python\n{signature(name, what)}\n```"
    static = {member: inspect.getattr_static(what, member) for member in members}
    properties = [
        Item(member, value.fget.__annotations__["return"], " ".join(parse(value.fget.__doc__)[0].split()))
        for member, value in static.items()
        if isinstance(value, property)
    ]
    yield from _sections(sections, fields(what) if _is_struct(what) else {}, properties)
    for member, value in static.items():
        if not isinstance(value, property):
            # "SessionWorker" is called `worker` in the examples.
            called = f"{re.findall('[A-Z][a-z]*', name)[-1].lower()}.{member}"
            prose, sections = parse(value.__doc__)
            yield f"#### {called}"
            yield from _prose(prose)
            yield f"```python\n{signature(called, value)}\n```"
            yield from _sections(sections, {}, [])


def _sections(sections: Mapping[str, str], kinds: Mapping[str, str], properties: Sequence[Item]) -> Iterator[str]:
    for section, text in sections.items():
        title = SECTIONS[section]
        if section == "Example":
            yield f"```python\n{text}\n```"
        elif section == "Returns":
            yield _wrapped(f"{title}: {' '.join(text.split())}")
        else:
            entries = [*items(text), *(properties if section == "Attributes" else ())]
            yield f"{title}:"
            yield "\n".join(_entry(entry, entry.type or kinds.get(entry.name, "")) for entry in entries)


def _entry(entry: Item, kind: str) -> str:
    if len(kind) > LONGEST_TYPE:
        kind = ""  # the signature above says it
    return _wrapped(f"- `{entry.name}`{f' (`{kind}`)' if kind else ''}: {entry.text}", "  ")


def _prose(text: str) -> Iterator[str]:
    for paragraph in text.split("\n\n"):
        yield _wrapped(" ".join(paragraph.split()))


def _wrapped(text: str, indent: str = "") -> str:
    # Code is not broken: its spaces are something else while the lines are filled.
    solid = re.sub(r"`[^`]+`", lambda code: code[0].replace(" ", "\0"), text)
    lines = textwrap.fill(solid, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return lines.replace("\0", " ")


def page() -> str:
    """Return the page."""
    blocks = [INTRODUCTION.strip()]
    for title, contents in CHAPTERS.items():
        blocks.append(f"## {title}")
        for what, members in contents:
            blocks += described(what, members)
    tree = (errors.__doc__ or "").partition("\n\n")[2].strip()
    blocks += ["## Errors", "Raised on purpose, and found in `answerback.errors`.", f"```text\n{tree}\n```"]
    return "\n\n".join(blocks) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
