"""Threads as lines: what is written can be read again and harms no terminal; what cannot be a thread is explained."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerback.archive import Archive, Dead, line, parse
from answerback.errors import MalformedArchive
from answerback.events import Entry, Event
from answerback.messages import Author, Message
from answerback.replies import DeadLetter, Reply

T = "github:1:1"
EVENT = Event(delivery="github:1", thread=T, kind="message", text="hello", author=Author("1"))
texts = st.text(st.characters(exclude_categories=["Cs"]))


def archive(text: str = "hello", model: bytes = b"", record: bytes = b"\x80\xff") -> Archive:
    """A thread with something of everything."""
    return Archive(
        version=1,
        thread=T,
        updated=1763990000000,
        fields={"title": text, "position": "3"},
        binary={"state": record},
        messages=[Message(role="user", text=text, author=Author("1", text), model=model)],
        waiting=[Entry(EVENT, {text: record})],
        journal={"look#1": record},
        replies=[Reply(key="t.0", thread=T, text=text, address={"issue": 1})],
        unsent=["t.0"],
        dead=[
            Dead(letter=DeadLetter(id="e", kind="event", thread=T, reason=text), entry=Entry(EVENT)),
            Dead(
                letter=DeadLetter(id="r", kind="reply", thread=T, reason=text), reply=Reply(key="r", thread=T, text="")
            ),
        ],
    )


@given(texts, st.binary())
def test_what_is_written_is_read_again(text: str, record: bytes) -> None:
    found = archive(text, record=record)
    written = line(found)
    assert parse(written) == found
    assert written.endswith(b"\n")
    assert written[:-1].decode().isprintable()


def test_a_line_is_read_by_people() -> None:
    record = [{"parts": [{"part_kind": "text", "content": "naïve \u202e"}], "n": 10**30}]
    found = archive("日本 \x1b[2J", model=json.dumps(record).encode())
    written = line(found)
    assert written.startswith(b'{"answerback":1,"thread":"github:1:1",')
    assert "日本 \\u001b[2J" in written.decode()
    data = json.loads(written)
    assert data["messages"][0]["model"] == record
    assert data["journal"] == {"look#1": "gP8="}
    again = parse(written)
    assert json.loads(again.messages[0].model) == record
    assert again.waiting == found.waiting


@pytest.mark.parametrize("record", [b"\xff\x00", b'"text"', b"{", b"7", b'{"a":1}'])
def test_whatever_a_model_has_left_is_kept(record: bytes) -> None:
    found = archive(model=record)
    assert parse(line(found)) == found


@pytest.mark.parametrize("depth", [900, 1_400, 9_000, 20_000, 50_000, 100_000])
def test_a_record_of_any_depth_is_read_or_refused(depth: int) -> None:
    raw = line(archive(model=b"7")).replace(b'"model":7', b'"model":' + b"[" * depth + b"]" * depth)
    assert b"[[[" in raw
    with suppress(MalformedArchive):
        parse(raw)


def test_a_field_of_a_later_version_is_no_trouble() -> None:
    data = json.loads(line(archive()))
    data["new"] = data["messages"][0]["new"] = 1
    assert parse(json.dumps(data).encode()) == archive()


def _with(**changes: object) -> bytes:
    return json.dumps(json.loads(line(archive())) | changes).encode()


STRANGER = {"event": {"delivery": "github:2", "thread": "other", "kind": "m", "text": "", "author": {"id": "1"}}}


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"nonsense", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"{}", "not an archived thread"),
        (b"[]", "not an archived thread"),
        (_with(answerback=2), "version 2"),
        (_with(thread=""), "no thread id"),
        (_with(thread=7), "`str`"),
        (_with(updated=None), "updated"),
        (_with(messages=7), "not a valid thread"),
        (_with(messages=[7]), "not a valid thread"),
        (_with(messages=[{"role": "user", "text": "\ud800"}]), "not a valid thread"),
        (_with(journal={"look#1": "?"}), "base64"),
        (_with(fields={"position": "-1"}), "position is not a number"),
        (_with(fields={"attempts": "many"}), "attempts is not a number"),
        (_with(waiting=[STRANGER]), "another thread: 'other'"),
        (_with(unsent=["t.1"]), "not among the replies"),
        (_with(dead=[{"letter": {"id": "x", "kind": "event", "thread": T, "reason": ""}}]), "dead letter x"),
    ],
)
def test_what_cannot_be_a_thread_is_explained(raw: bytes, words: str) -> None:
    with pytest.raises(MalformedArchive, match=words):
        parse(raw)
