"""Logging: readable lines on a terminal, JSON elsewhere. Secrets are masked, and logged text cannot forge a line.

Code that works on a thread binds `delivery`, `thread`, `turn` and `attempt` with `bind`, which adds them to each line.
The standard library's loggers write here, too, and the other way round: warnings and errors of ours are passed to its
handlers, since that is where error trackers listen.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, TextIO, cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from answerback import tracing

# Loggers that write a line per job or request at "info", which our own lines cover better.
_TALKATIVE = ("aiohttp", "anthropic", "arq", "asyncio", "httpcore2", "httpx2", "openai", "urllib3")

_SECRET_NAME = re.compile(
    r"token|secret|password|passwd|authorization|signature|credential|cookie|api_?key|private_?key", re.IGNORECASE
)
# Matched in finished lines, so that nothing can hide in a nested value or a traceback. Line breaks are already escaped
# there as two characters, "\\n", so a secret may appear to be inside a word.
_SECRET = (
    r"(?P<kind>gh[pousr]_|github_pat_|xox[a-z]{1,8}-|xapp-|whsec_|whsk_|ab_(?:live|pub|ses|user)_|(?i:bearer)\s+"
    r"|(?:(?<![A-Za-z0-9])|(?<=\\[bfnrt])|(?<=\\x[0-9a-f]{2})|(?<=\\u[0-9a-f]{4}))sk-(?=\S{16})"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r")(?:(?<=KEY-----)[^\"]*?(?=-----END|\"|$)|[\w.~+/=-]{8,})"
    r"|(?P<address>\w://[^\s:/@\"']*:)[^\s/@\"']+(?=@)"
)
# A JSON Web Token. Everything that could start one is consumed at once, whether or not it is one: trying each "eyJ" of
# a long text would take quadratic time.
_TOKEN = r"(?P<token>eyJ)(?P<head>[\w-]*+)(?P<rest>\.[\w-]++\.[\w.~+/=-]*+)?"
_SECRET_TEXT = re.compile(f"{_SECRET}|{_TOKEN}")
_SECRET_IN_WORD = re.compile(_SECRET)
# Every match contains one of these, and few lines do: far cheaper to search for than the pattern.
# fmt: off
_MARKS = (
    "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "xox", "xapp-", "whsec_", "whsk_", "ab_live_", "ab_pub_",
    "ab_ses_", "ab_user_", "sk-", "eyJ", "earer", "EARER", "KEY-----", "://",
)
# fmt: on
_encode = json.JSONEncoder(default=repr, skipkeys=True).encode

SHORTEST = 8
"""Characters of a configured secret that is masked: a shorter one would mask parts of ordinary words."""
_bound: ContextVar[Mapping[str, object]] = ContextVar("answerback_bound")
_configured: list[str] = []
"""The configured secrets, in each form that a line may have them in; the longest first."""


def get_logger(name: str) -> FilteringBoundLogger:
    """Return a module's logger. Log a short event in plain words, with the details as keyword arguments."""
    return cast(FilteringBoundLogger, structlog.get_logger(name))


def bind(**values: object) -> None:
    """Add these values to each line that the running task writes from now on, instead of those bound before."""
    # One variable for all of them: structlog sets one for each, and a worker binds five for each turn.
    _bound.set(values)


def mask(secrets: Iterable[str]) -> None:
    """Mask these values in all lines from now on, whatever they look like: the configured secrets."""
    forms = {form for secret in secrets if len(secret) >= SHORTEST for form in _forms(secret)}
    _configured[:] = sorted({*_configured, *forms}, key=len, reverse=True)


def _forms(secret: str) -> set[str]:
    """Return a secret as it is, and as escaped by `repr`, by JSON, or by both."""
    # `repr` escapes "'" only in a text that has '"', too.
    texts = (secret, repr(secret)[1:-1], repr(f'"{secret}')[2:-1])
    return {*texts, *(_encode(text)[1:-1] for text in texts)}


def configure(level: str = "info", stream: TextIO | None = None) -> None:
    """Log lines of this level and above ("debug", "info", "warning", "error") to `stream` (default: stderr)."""
    out = sys.stderr if stream is None else stream
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.stdlib.add_logger_name,
        structlog.contextvars.merge_contextvars,
        _add_bound,
        _add_trace,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    final: list[Processor] = [
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        _hide_named,
        *(_for_people(out) if out.isatty() else [_as_json]),
        cast(Processor, _hide_known),
    ]
    structlog.configure(
        processors=[*shared, _pass_on, *final],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda name="": _Lines(out, name),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *final],
        )
    )
    handler.addFilter(_is_foreign)
    logging.root.handlers = [handler]
    logging.root.setLevel(number)
    logging.captureWarnings(True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.INFO if number < logging.INFO else logging.WARNING)


def join_host() -> None:
    """Log to the standard library's loggers, for the host application to handle, unless structlog is configured."""
    if structlog.is_configured():
        return
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            _add_bound,
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            _hide_named,
            structlog.processors.KeyValueRenderer(key_order=["event"], drop_missing=True),
            cast(Processor, _hide_known),
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )


class _Lines:
    """Writes whole lines. A closed or broken log stream never stops the process."""

    def __init__(self, stream: TextIO, name: str) -> None:
        self.name = name
        self._stream = stream

    def msg(self, line: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(line + "\n")
            self._stream.flush()

    debug = info = warning = error = critical = msg


def _add_bound(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    return {**_bound.get({}), **event}


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None


def _hidden(name: object, value: object, depth: int = 5) -> object:
    # A number under such a name is a count, for example of model tokens, and not a secret.
    if isinstance(value, (str, bytes)):
        return "***" if value and isinstance(name, str) and _is_secret(name) else value
    if not isinstance(value, (dict, list, tuple)):
        return value
    if not depth:  # too deep for a log line, or recursive
        return "..."
    if isinstance(value, dict):
        return {key: _hidden(key, inner, depth - 1) for key, inner in value.items()}
    return [_hidden(name, inner, depth - 1) for inner in value]


def _hide_named(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    for name, value in event.items():
        event[name] = _hidden(name, value)
    return event


def _hide_known(_: WrappedLogger, __: str, line: str) -> str:
    for secret in _configured:
        line = line.replace(secret, "***")
    if not any(mark in line for mark in _MARKS):
        return line
    return _SECRET_TEXT.sub(_masked, line)


def _masked(found: re.Match[str]) -> str:
    if found["token"] and not found["rest"]:
        return found["token"] + _SECRET_IN_WORD.sub(_kept, found["head"])
    return f"{found['token']}***" if found["token"] else _kept(found)


def _kept(found: re.Match[str]) -> str:
    return f"{found['kind'] or found['address']}***"


def _add_trace(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    if tracing.current is not None:
        event.update(tracing.current.log_fields())
    return event


def _pass_on(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Pass a warning or an error to the handlers of `logging`, with its exception, and its fields as `answerback`."""
    level = logging.getLevelNamesMapping().get("ERROR" if method == "exception" else method.upper(), 0)
    if level >= logging.WARNING:
        error = event.get("exc_info")
        info = (type(error), error, error.__traceback__) if isinstance(error, BaseException) else None
        target = logging.getLogger(event.get("logger") or "answerback")
        fields = {name: _masked_field(name, value) for name, value in event.items() if name not in _NO_FIELDS}
        record = target.makeRecord(
            target.name, level, "", 0, _hide_known(logger, method, str(event["event"])), (), info or _raised(error)
        )
        record.answerback = fields
        # A handler that fails must not fail a turn.
        with suppress(Exception):
            target.handle(record)
    return event


_NO_FIELDS = frozenset({"event", "exc_info", "level", "logger", "timestamp", "stack_info"})


def _raised(exc_info: object) -> Any:
    return exc_info if isinstance(exc_info, tuple) else sys.exc_info() if exc_info else None


def _masked_field(name: str, value: object) -> object:
    hidden = _hidden(name, value)
    return hidden if isinstance(hidden, (int, float)) or hidden is None else _hide_known(None, "", str(hidden))


def _is_foreign(record: logging.LogRecord) -> bool:
    """Return whether a record is of somebody else's logger: our own lines are written already."""
    return not hasattr(record, "answerback")


def _as_json(_: WrappedLogger, __: str, event: EventDict) -> str:
    first = {name: event.pop(name, None) for name in ("timestamp", "level", "event")}
    return _encode({**first, **event})


def _for_people(stream: TextIO) -> Iterable[Processor]:
    colors = "NO_COLOR" not in os.environ
    plain = structlog.dev.plain_traceback  # the others print local variables with their values
    return [_escape, structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain, sort_keys=False)]


def _escape(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    for name, value in event.items():
        if name in ("exception", "stack") and isinstance(value, str):
            event[name] = "\n".join("    " + _printable(line) for line in value.split("\n"))
        elif isinstance(value, str):
            event[name] = _printable(value)
    return event


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
