"""Reading a platform's JSON: what an event needs is checked, and nothing else refuses it."""

from __future__ import annotations

import msgspec
import pytest

from answerback.errors import MalformedBody
from answerback.platforms.decoding import Spare, decode


class Inner(msgspec.Struct):
    id: int
    name: Spare[str] = None


class Outer(msgspec.Struct):
    need: int
    spare: Spare[Inner] = None
    strict: Inner | None = None
    items: list[Inner] = []
    outer: Spare[Outer] = None


_outer = msgspec.json.Decoder(Outer)


def _read(body: bytes) -> Outer:
    return decode(_outer, body, "they document")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"need":1,"spare":{"id":null}}', Outer(1)),
        (b'{"need":1,"spare":[],"strict":null,"more":{"id":"x"}}', Outer(1)),
        (b'{"need":1,"spare":{"id":2,"name":3}}', Outer(1, spare=Inner(2))),
        (b'{"need":1,"strict":{"id":2,"name":3}}', Outer(1, strict=Inner(2))),
        (b'{"need":1,"items":[{"id":2,"name":3},{"id":4,"name":"x"}]}', Outer(1, items=[Inner(2), Inner(4, "x")])),
        (b'{"need":1,"outer":{"need":2,"spare":7}}', Outer(1, outer=Outer(2))),
        (b'\xef\xbb\xbf{"need":1}', Outer(1)),
    ],
)
def test_what_can_be_done_without_counts_as_absent(body: bytes, expected: Outer) -> None:
    assert _read(body) == expected


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b'{"spare":5}', "need"),
        (b'{"need":"1"}', "$.need"),
        (b'{"need":1,"spare":5,"strict":{"id":"2"}}', "$.strict.id"),
        (b'{"need":1,"items":[{"id":1},{"id":null}]}', "$.items[1].id"),
        (b"[]", "object"),
        (b"{", "truncated"),
    ],
)
def test_what_is_needed_is_named_where_it_is_wrong(body: bytes, where: str) -> None:
    with pytest.raises(MalformedBody) as refused:
        _read(body)
    assert "what they document" in str(refused.value)
    assert where in str(refused.value)


@pytest.mark.parametrize("depth", [20, 100_000])
def test_what_is_nested_too_deeply_is_refused(depth: int) -> None:
    with pytest.raises(MalformedBody, match="nested too deeply"):
        _read(b'{"need":1,"outer":' * depth + b'{"need":"x","spare":5}' + b"}" * depth)
