"""Whatever a stranger writes, to read it takes time in proportion to its length.

Each of these texts would keep a process busy for minutes if a part of it were looked at again from each of its places.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import pytest

from answerback.flows import schema, templates
from answerback.masking import masked
from answerback.platforms import blocks
from answerback.platforms.github import mentions as github
from answerback.platforms.github import spoken, teams
from answerback.platforms.slack import mrkdwn, parts
from answerback.platforms.text import split
from answerback.store.access.api_keys import InvalidKey, _origin
from answerback.store.stream.stored_events import place

LENGTH = 40_000
CPU = 0.8
"""Seconds of processor time, not of a clock: a loaded machine changes nothing. None needs more than a fifth of it.

Half the length needs a quarter of the time if it grows with its square: shorter texts find as much, if CPU follows.
"""

Read = Callable[[str], object]


@contextmanager
def bounded() -> Iterator[None]:
    """Raise in the middle of what takes too long: `re` looks for signals while it works."""

    def late(number: int, frame: FrameType | None) -> None:
        raise AssertionError("it takes time that grows faster than the text")

    before = signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, CPU)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _hidden(text: str) -> object:
    return masked(text)


def _refused(read: Read, *errors: type[Exception]) -> Read:
    def refused(text: str) -> None:
        with suppress(*errors):
            read(text)

    return refused


def _rendered(template: str) -> Read:
    def render(text: str) -> object:
        try:
            return templates.render(template, {"message": text})
        except templates.TemplateFailed as refused:
            return refused

    return render


READERS: dict[str, tuple[Read, tuple[str, ...]]] = {
    "the log": (
        _hidden,
        (
            "eyJ",
            '"eyJ',
            "eyJ.",
            "eyJa.eyJ",
            "xox",
            "xoxb-",
            "ghp_",
            "sk-",
            "bearer ",
            "Bearer \t",
            "a://",
            "a://b:",
            "a://b:c",
            "-----BEGIN ",
            "-----BEGIN PRIVATE KEY-----",
            "-----BEGIN A|PRIVATE KEY ",
            "earer| ",
            "a://b|:",
            "eyJ|a.",
            r"\n",
            "KEY-----",
        ),
    ),
    "what a comment says": (
        spoken.spoken,
        (
            "`",
            "``` ",
            "`a",
            "```\n",
            "~~~\n",
            "```|x",
            "```x\n|~~~\n",
            "<!--",
            "<!-- -->",
            "<!--|-->",
            "\n \n",
            "`\n|\t",
            "`|\n",
            "`` ` ",
            "<a>",
            "<a ",
            "<pre>|</pre",
            "[",
            "[x](",
            "](|)",
            "- ",
            "- |x",
            "1. ",
            "> ",
            "  - a\n",
            "* _ ",
            "www.",
            "http://|<",
            "\\",
            "\t",
        ),
    ),
    "which block is open": (
        blocks.follow,
        ("- ", "> ", "10. a|\n    b", "```", "```\n", "~~~\n```\n", "   `", "```x|`", "```|x\n~~~"),
    ),
    "a long reply": (lambda text: split(text, 4000), ("a", " ", "\n", "```\n", "a.", '."', "```|\n~~~", "e\u0301")),
    "mentions on GitHub": (
        github.mentions,
        ("@", "@a", "@a-", "@a_", "@a[bot]", "@|a", "@|-", "a@b.c ", "@a/", "`@a", "@a@", "@|a-"),
    ),
    "mentions on Slack": (mrkdwn.mentions, ("<", "<@", "<@U|A", "<@U1\\|", "<@U1", "<@U1>", "<@U1\\||a")),
    "a text of Slack's": (
        mrkdwn.plain,
        ("<", "<a", "<|a", "<a\\|", "&amp;", "<a\\|b>", "<!date^", "<http://a/\\||/", ">"),
    ),
    "teams on GitHub": (
        teams.calm,
        ("@", "@a/b", "@|a", "`@a/b", "`|@a/b\n", "    @a/b\n", "```|@a/b\n", "- @a/b\n\n"),
    ),
    "blocks for Slack": (parts.cut, ("# a\n", "- ", "> ", "- |> ", "10. a|\n    b", "![", "---\n", "- -", "|a\n\n")),
    "plain text for Slack": (mrkdwn.escaped, ("<", "<@", "<@U|A", r"<@U1\||a", "&")),
    "a text for Slack": (mrkdwn.calm, ("<!", "<!here", "<!here\\|", "<!here\\||a", "<!channel>")),
    "an answer in a flow": (
        lambda text: schema.said({"properties": {"n": {"type": "number"}}, "required": ["n"]}, text),
        ("1", "1.", "+", " ", "1 ", "-1|."),
    ),
    "a pattern of a flow": (_rendered(r"{{ message is matches('^(a+)+$') }}"), ("a", "ab", "a|b")),
    "a format of a flow": (_rendered("{{ message | format }}"), ("%", "% ", "%|1", "%1", "%%", "%(a)")),
    "words in a flow": (_rendered("{{ message | title | trim | wordcount }}"), ("a", " ", "-", "({[<", "a |-")),
    "an origin": (_refused(_origin, InvalidKey), ("http://", "a.", "http://a|.a", "http://|a")),
    "an event's id": (_refused(place, ValueError), ("1", "1-", "-")),
}
"""What reads a stranger's text, and what it is given: a beginning and, behind "|", what is repeated; or only that."""


CASES = [(name, shape) for name, (_, shapes) in READERS.items() for shape in shapes]


@pytest.mark.parametrize(("name", "shape"), CASES)
def test_a_text_is_read_in_linear_time(name: str, shape: str) -> None:
    read = READERS[name][0]
    head, _, again = shape.replace(r"\|", "\0").rpartition("|")
    head, again = (part.replace("\0", "|") for part in (head, again))
    with bounded():
        read(head + again * (LENGTH // len(again)))
        read(head + again * (LENGTH // len(again)) + "!")
