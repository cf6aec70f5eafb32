"""Logging: readable lines on a terminal, JSON elsewhere. Secrets are masked, and logged text cannot forge a line.

Code that works on a thread binds `delivery`, `thread`, `turn` and `attempt` with `bind`, which adds them to each line.
The standard library's loggers write here, too, and the other way round: warnings and errors of ours are passed to its
handlers, since that is where error trackers listen.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TextIO, cast

from answerback import tracing
from answerback.masking import masked, masked_value

if TYPE_CHECKING:
    from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

# Loggers that write a line per job or request at "info", which our own lines cover better.
_TALKATIVE = ("aiohttp", "anthropic", "arq", "asyncio", "httpcore2", "httpx2", "openai", "urllib3")

_encode = json.JSONEncoder(default=repr, skipkeys=True).encode

_bound: ContextVar[Mapping[str, object]] = ContextVar("answerback_bound")


def get_logger(name: str) -> FilteringBoundLogger:
    """Return a module's logger. Log a short event in plain words, with the details as keyword arguments."""
    return cast("FilteringBoundLogger", _Logger(name))


class _Logger:
    """A logger that loads structlog, and with it rich, when it writes its first line: most commands write none."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("_"):
            raise AttributeError(attribute)
        import structlog

        method = getattr(structlog.get_logger(self._name), attribute)
        if structlog.get_config()["cache_logger_on_first_use"]:
            # Next time it is found without this: a line that is not written costs nothing.
            setattr(self, attribute, method)
        return method


def bind(**values: object) -> None:
    """Add these values to each line that the running task writes from now on, instead of those bound before."""
    # One variable for all of them: structlog sets one for each, and a worker binds five for each turn.
    _bound.set(values)


def configure(level: str = "info", stream: TextIO | None = None) -> None:
    """Log lines of this level and above ("debug", "info", "warning", "error") to `stream` (default: stderr)."""
    import structlog

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
        cast("Processor", _hide_known),
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
    import structlog

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
            cast("Processor", _hide_known),
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


def _hide_named(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    for name, value in event.items():
        event[name] = masked_value(name, value)
    return event


def _hide_known(_: WrappedLogger, __: str, line: str) -> str:
    return masked(line)


def _add_trace(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    if tracing.current is not None:
        event.update(tracing.current.log_fields())
    return event


def _pass_on(_: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Pass a warning or an error to the handlers of `logging`, with its exception, and its fields as `answerback`."""
    level = logging.getLevelNamesMapping().get("ERROR" if method == "exception" else method.upper(), 0)
    if level >= logging.WARNING:
        error = event.get("exc_info")
        info = (type(error), error, error.__traceback__) if isinstance(error, BaseException) else None
        target = logging.getLogger(event.get("logger") or "answerback")
        fields = {name: _masked_field(name, value) for name, value in event.items() if name not in _NO_FIELDS}
        record = target.makeRecord(target.name, level, "", 0, masked(str(event["event"])), (), info or _raised(error))
        record.answerback = fields
        # A handler that fails must not fail a turn.
        with suppress(Exception):
            target.handle(record)
    return event


_NO_FIELDS = frozenset({"event", "exc_info", "level", "logger", "timestamp", "stack_info"})


def _raised(exc_info: object) -> Any:
    return exc_info if isinstance(exc_info, tuple) else sys.exc_info() if exc_info else None


def _masked_field(name: str, value: object) -> object:
    hidden = masked_value(name, value)
    return hidden if isinstance(hidden, (int, float)) or hidden is None else masked(str(hidden))


def _is_foreign(record: logging.LogRecord) -> bool:
    """Return whether a record is from another package's logger: our own lines are written already."""
    return not hasattr(record, "answerback")


def _as_json(_: WrappedLogger, __: str, event: EventDict) -> str:
    first = {name: event.pop(name, None) for name in ("timestamp", "level", "event")}
    return _encode({**first, **event})


def _for_people(stream: TextIO) -> Iterable[Processor]:
    import structlog

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
