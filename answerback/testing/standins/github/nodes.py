"""GitHub's global node ids, which identify objects in GraphQL."""

from __future__ import annotations

import base64
import binascii
import struct

import msgspec


def node_id(kind: str, *ids: int) -> str:
    """Return a global node id in GitHub's newer format: base64 of MessagePack [0, repository, object]."""
    packed = bytes([0x91 + len(ids), 0]) + b"".join(
        struct.pack(">BI", 0xCE, number) if number < 1 << 32 else struct.pack(">BQ", 0xCF, number) for number in ids
    )
    return kind + "_" + base64.urlsafe_b64encode(packed).decode().rstrip("=")


def node_ids(node: str) -> tuple[str, list[int]]:
    """Return the kind and the ids of a global node id. Raises ValueError for anything else."""
    kind, _, encoded = node.partition("_")
    try:
        numbers = msgspec.msgpack.decode(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)), type=list[int])
    except (binascii.Error, msgspec.DecodeError, ValueError) as error:
        raise ValueError(f"not a node id: {node!r}") from error
    if not kind or len(numbers) < 2:
        raise ValueError(f"not a node id: {node!r}")
    return kind, numbers[1:]
