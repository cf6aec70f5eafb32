"""The log: readable by people and by machines, and nothing in it that should not be."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from answerback import log, masking

# Put together here, so that no scanner takes this file for a leak.
MADE_UP = "0123456789abcdefghij"
PREFIXES = [
    "ghp_",
    "ghs_",
    "github_pat_11A_",
    "xoxb-1-",
    "xoxp-1-",
    "xapp-1-",
    "whsec_",
    "ab_live_",
    "ab_pub_",
    "ab_ses_",
    "ab_user_",
    "sk-",
    "sk-ant-",
    "Bearer ",
]
SECRETS = [*(prefix + MADE_UP for prefix in PREFIXES), f"eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIxMiJ9.{MADE_UP}"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("NO_COLOR", "1")
    handlers, level = logging.root.handlers, logging.root.level
    yield
    structlog.reset_defaults()
    log.bind()
    masking._configured.clear()
    logging.captureWarnings(False)
    logging.root.handlers, logging.root.level = handlers, level


def only(stream: io.StringIO) -> dict[str, Any]:
    (line,) = stream.getvalue().splitlines()
    answer: dict[str, Any] = json.loads(line)
    return answer


@pytest.fixture
def machine() -> io.StringIO:
    stream = io.StringIO()
    log.configure("info", stream)
    return stream


@pytest.fixture
def terminal() -> io.StringIO:
    stream = Terminal()
    log.configure("info", stream)
    return stream


def test_a_line_is_one_json_object_with_its_context(machine: io.StringIO) -> None:
    log.bind(delivery="github:0", agent="gone")
    log.bind(delivery="github:1", thread="github:acme/1", turn="t", attempt=2)
    log.get_logger("worker.turns.turns").info("reply sent", reply="t.1")
    line = only(machine)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "level": "info",
        "event": "reply sent",
        "logger": "worker.turns.turns",
        "reply": "t.1",
        "delivery": "github:1",
        "thread": "github:acme/1",
        "turn": "t",
        "attempt": 2,
    }


def test_a_terminal_gets_text(terminal: io.StringIO) -> None:
    log.get_logger("ingress").warning("Redis unavailable", attempt=3)
    text = terminal.getvalue()
    assert "Redis unavailable" in text
    assert "attempt=3" in text
    assert "{" not in text


def test_what_is_below_the_level_is_not_written() -> None:
    stream = io.StringIO()
    log.configure("warning", stream)
    log.get_logger("worker").info("quiet")
    logging.getLogger("some.agent").info("quiet")
    assert stream.getvalue() == ""


def test_the_standard_library_writes_the_same_lines(machine: io.StringIO) -> None:
    log.bind(thread="slack:T:C:1")
    logging.getLogger("my.agent").info("looked up %s", "x")
    line = only(machine)
    assert (line["event"], line["logger"], line["level"]) == ("looked up x", "my.agent", "info")
    assert line["thread"] == "slack:T:C:1"


@pytest.mark.parametrize(("level", "written"), [("info", 0), ("debug", 1)])
def test_libraries_that_tell_each_step_are_heard_only_when_debugging(level: str, written: int) -> None:
    stream = io.StringIO()
    log.configure(level, stream)
    logging.getLogger("arq.worker").info("0.10s → job")
    assert len(stream.getvalue().splitlines()) == written
    logging.getLogger("arq.worker").warning("job lost")
    assert "job lost" in stream.getvalue()


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("kind", [io.StringIO, Terminal])
def test_a_known_secret_is_hidden_wherever_it_stands(secret: str, kind: type[io.StringIO]) -> None:
    for before in ("", " ", "'", "token=", "\n", "\t", "\x1b", "\u2028", "word "):
        stream = kind()
        log.configure("info", stream)
        logger = log.get_logger("t")
        text = f"{before}{secret}"
        logger.info(text)
        logger.info("said", text=text, nested={"a": [text, (text,)]}, raw=text.encode(), some={text})
        try:
            raise ValueError(text)
        except ValueError as error:
            logger.exception("failed")
            logger.warning("again", exc_info=error)
        logging.getLogger("other").error("said %s", text, exc_info=ValueError(text))
        assert MADE_UP not in stream.getvalue(), repr(before)
        assert stream.getvalue().count("***") >= 10, repr(before)


@pytest.mark.parametrize("kind", [io.StringIO, Terminal])
def test_a_private_key_is_hidden(kind: type[io.StringIO]) -> None:
    stream = kind()
    log.configure("info", stream)
    log.get_logger("t").info(
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEabcd\nefgh\n-----END RSA PRIVATE KEY-----", then="kept"
    )
    log.get_logger("t").info("-----BEGIN PRIVATE KEY-----\nMIIEabcd")
    assert "MIIE" not in stream.getvalue()
    assert "kept" in stream.getvalue()


def test_the_password_in_a_url_is_hidden_and_the_rest_is_not(machine: io.StringIO) -> None:
    log.get_logger("t").info(
        "using", url="rediss://user:hunter2@redis.example.com:6380/0", plain="redis://localhost:6379/0"
    )
    line = only(machine)
    assert line["url"] == "rediss://user:***@redis.example.com:6380/0"
    assert line["plain"] == "redis://localhost:6379/0"


def test_what_is_named_a_secret_is_hidden_and_a_count_is_not(machine: io.StringIO) -> None:
    log.get_logger("t").info(
        "sent",
        token="a",
        Authorization="b",
        app={"client_secret": "c", "passwords": ["d"]},
        input_tokens=12,
        api_key="",
    )
    line = only(machine)
    assert (line["token"], line["Authorization"], line["app"]) == (
        "***",
        "***",
        {"client_secret": "***", "passwords": ["***"]},
    )
    assert (line["input_tokens"], line["api_key"]) == (12, "")


def test_ordinary_words_are_left_alone(machine: io.StringIO) -> None:
    words = "task-management-of-all-tasks, high_availability, github.com/acme/widgets, the bearer of news"
    log.get_logger("t").info(words)
    assert only(machine)["event"] == words


@pytest.mark.parametrize("kind", [io.StringIO, Terminal])
def test_no_text_begins_a_line_of_its_own(kind: type[io.StringIO]) -> None:
    stream = kind()
    log.configure("info", stream)
    forged = "hello\n2026-01-01 [error] forged\r\x1b[2J\x9b31m\u2028forged\u202e\x85forged\x00\udc80"
    log.get_logger("t").info(forged, text=forged, nested=[forged])
    assert len(stream.getvalue().splitlines()) == 1
    log.get_logger("t").error("failed", exc_info=ValueError(forged))
    logging.getLogger("other").warning("%s", forged)
    written = stream.getvalue()
    assert not any(line.startswith(("2026-01-01", "forged")) for line in written.splitlines())
    assert all(char == "\n" or char.isprintable() for char in written)


def test_anything_can_be_logged(machine: io.StringIO) -> None:
    endless: list[object] = []
    endless.append(endless)
    log.get_logger("t").info(
        "odd", endless=endless, keys={(1, 2): 3, None: 4}, thing=object(), number=float("nan"), raw=b"\xff"
    )
    assert "..." in json.dumps(only(machine)["endless"])


def test_a_log_that_nobody_can_read_does_not_stop_the_work() -> None:
    class Broken(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

    log.configure("info", Broken())
    log.get_logger("t").info("lost")
    closed = io.StringIO()
    log.configure("info", closed)
    closed.close()
    log.get_logger("t").info("lost")


def test_a_secret_right_behind_what_only_begins_like_a_token_is_hidden_too(machine: io.StringIO) -> None:
    log.get_logger("x").info(f"eyJhbGci ghp_{MADE_UP} eyJ_ghp_{MADE_UP} eyJa.ghp_{MADE_UP}")
    assert only(machine)["event"] == "eyJhbGci ghp_*** eyJ_ghp_*** eyJa.ghp_***"


def test_in_a_host_application_lines_go_to_its_logging(caplog: pytest.LogCaptureFixture) -> None:
    structlog.reset_defaults()
    log.join_host()
    logger = log.get_logger("answerback.test")
    with caplog.at_level(logging.INFO, "answerback.test"):
        logger.debug("unseen")
        logger.warning("mount cannot start", token="hidden", error="redis://:hidden@host")
    assert [(record.name, record.levelname, record.message) for record in caplog.records] == [
        ("answerback.test", "WARNING", "event='mount cannot start' token='***' error='redis://:***@host'")
    ]


def test_a_host_applications_own_structlog_stays_as_it_is() -> None:
    structlog.reset_defaults()
    structlog.configure(processors=[])
    log.join_host()
    assert structlog.get_config()["processors"] == []


@pytest.mark.parametrize(
    "secret", ["plain-of-no-known-shape", 'a secret of toy\'s \\ "webhook"', "größer, als man denkt"]
)
@pytest.mark.parametrize("kind", [io.StringIO, Terminal])
def test_a_configured_secret_is_hidden_whatever_it_looks_like(secret: str, kind: type[io.StringIO]) -> None:
    masking.mask(["short", secret[:12], secret])
    stream = kind()
    log.configure("info", stream)
    log.get_logger("t").info(f"said {secret}", text=secret, nested=[{"a": secret}], thing=ValueError(f'"{secret}'))
    logging.getLogger("other").error("said %r", secret, exc_info=ValueError(secret))
    log.get_logger("t").info("a short word stays")
    written = stream.getvalue()
    assert written.count("***") == 6
    assert "a short word" in written
    assert not any(secret[i : i + 8] in written for i in range(len(secret) - 8))


class Tracker(logging.Handler):
    """Listens as error trackers do."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


def test_warnings_and_errors_reach_the_handlers_of_others_once_with_their_fields() -> None:
    stream, tracker = io.StringIO(), Tracker()
    log.configure("info", stream)
    logging.root.addHandler(tracker)
    structlog.contextvars.bind_contextvars(thread="github:1:1", turn="abc", agent="support")
    lines = log.get_logger("worker.turns.failures")
    lines.info("reply sent")
    error = ValueError("out of stock")
    lines.warning("turn failed; will be retried", exc_info=error, token="shown nowhere", attempt=1)
    try:
        raise KeyError("x")
    except KeyError:
        lines.exception("background task failed; restarting it", url=f"redis://:{MADE_UP}@host")
    logging.getLogger("somebody.else").error("theirs")

    assert [(record.name, record.levelname, record.getMessage()) for record in tracker.records] == [
        ("worker.turns.failures", "WARNING", "turn failed; will be retried"),
        ("worker.turns.failures", "ERROR", "background task failed; restarting it"),
        ("somebody.else", "ERROR", "theirs"),
    ]
    warning, crash, _ = tracker.records
    assert warning.exc_info
    assert warning.exc_info[1] is error
    assert crash.exc_info
    assert crash.exc_info[0] is KeyError
    fields = vars(warning)["answerback"]
    assert fields == {"thread": "github:1:1", "turn": "abc", "agent": "support", "token": "***", "attempt": 1}
    assert MADE_UP not in str(vars(crash)["answerback"])
    # Each is one line of the log nevertheless.
    assert len(stream.getvalue().splitlines()) == 4


def test_a_handler_of_others_that_fails_does_no_harm(capsys: pytest.CaptureFixture[str]) -> None:
    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise OSError("no network")

    stream = io.StringIO()
    log.configure("info", stream)
    logging.root.addHandler(Broken())
    log.get_logger("worker").error("turn failed permanently")
    assert only(stream)["event"] == "turn failed permanently"
