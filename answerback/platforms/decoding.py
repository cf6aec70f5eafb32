"""Decode a platform's JSON: strict about the fields that an event needs, tolerant of all others."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar, get_args, get_origin

import msgspec

from answerback.errors import MalformedBody

T = TypeVar("T")

Spare = Annotated[T | None, msgspec.Meta(extra={"spare": True})]
"""Type of an optional field: a value of the wrong type counts as absent.

Platforms change fields that we do not need, and send null where their documentation promises a value. That must
not cause a refusal: GitHub, for example, would not deliver the message again.
"""

_BOM = b"\xef\xbb\xbf"  # RFC 8259, section 8.1: a parser may ignore one
_DEEPEST = 8

_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_items = msgspec.json.Decoder(list[msgspec.Raw])


def decode(decoder: msgspec.json.Decoder[T], body: bytes | msgspec.Raw, documented: str) -> T:
    """Decode the body of a webhook.

    Raises `MalformedBody` for invalid JSON or a missing field; `documented` is the source of the format.
    """
    try:
        return tolerant(decoder, body)
    except RecursionError:
        raise MalformedBody("the JSON is nested too deeply") from None
    except (msgspec.MsgspecError, ValueError) as error:
        raise MalformedBody(f"the body is not what {documented}: {error}") from error


def tolerant(decoder: msgspec.json.Decoder[T], body: bytes | msgspec.Raw) -> T:
    """Decode a struct or a list of structs. Raises msgspec's errors, `ValueError` or `RecursionError`."""
    if isinstance(body, bytes):
        body = body.removeprefix(_BOM)
    try:
        return decoder.decode(body)
    except msgspec.ValidationError:
        return _value(decoder.type, body, "$", 0)  # type: ignore[no-any-return]


def _struct(kind: Any, body: bytes | msgspec.Raw, path: str, depth: int) -> Any:
    """Decode a struct field by field, dropping invalid spare fields. Slow: used only after a whole decode failed."""
    if depth > _DEEPEST:
        raise RecursionError
    given = _fields.decode(body)
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        raw = given.get(field.encode_name)
        if raw is None:
            if field.required:
                raise msgspec.ValidationError(f"Object missing required field `{field.encode_name}` - at `{path}`")
            continue
        try:
            values[field.name] = _value(field.type, raw, f"{path}.{field.encode_name}", depth)
        except msgspec.ValidationError:
            if not _is_spare(field.type):
                raise
    return kind(**values)


def _value(kind: Any, raw: bytes | msgspec.Raw, path: str, depth: int) -> Any:
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        text = bytes(raw).lstrip()
        for option in _options(kind):
            if _is_struct(option) and text.startswith(b"{"):
                return _struct(option, raw, path, depth + 1)
            if get_origin(option) is list and text.startswith(b"["):
                (item,) = get_args(option)
                each = enumerate(_items.decode(raw))
                return [_value(item, part, f"{path}[{index}]", depth) for index, part in each]
        raise msgspec.ValidationError(f"{str(error).partition(' - at ')[0]} - at `{path}`") from None


def _options(kind: Any) -> tuple[Any, ...]:
    """Return the members of an optional type, without annotations; any other type is its own only member."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    return get_args(kind) if type(None) in get_args(kind) else (kind,)


def _is_spare(kind: Any) -> bool:
    return get_origin(kind) is Annotated and any(
        isinstance(meta, msgspec.Meta) and meta.extra == {"spare": True} for meta in get_args(kind)[1:]
    )


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)
