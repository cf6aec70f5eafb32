"""GraphQL connections: lists with windows.

https://docs.github.com/en/graphql/guides/using-pagination-in-the-graphql-api
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from answerback.testing.standins.github.graphql import GraphQLError, Object


def windowed(resolve: Callable[..., Object]) -> Callable[..., Object]:
    """Return a field with a connection's arguments."""

    def field(
        first: int | None = None, last: int | None = None, after: str | None = None, before: str | None = None
    ) -> Object:
        return resolve(first=first, last=last, after=after, before=before)

    return field


def connection(found: list[Object], name: str, window: Mapping[str, Any]) -> Object:
    """Return one window of a list. Raises `GraphQLError`. `name`: the field's."""
    size = window["first"] if window["first"] is not None else window["last"]
    if size is None:
        raise GraphQLError(f"You must provide a `first` or `last` value to properly paginate the `{name}` connection.")
    if not 1 <= size <= 100:
        raise GraphQLError(f"Requesting {size} records on the `{name}` connection exceeds the limit of 100 records.")
    begin = int(window["after"] or 0)
    end = min(int(window["before"] or len(found) + 1) - 1, len(found))
    if window["first"] is not None:
        end = min(end, begin + size)
    else:
        begin = max(begin, end - size)
    shown = found[begin:end]
    edges = [{"__typename": "Edge", "cursor": str(begin + n + 1), "node": node} for n, node in enumerate(shown)]
    page = {
        "__typename": "PageInfo",
        "hasNextPage": end < len(found),
        "hasPreviousPage": begin > 0,
        "startCursor": str(begin + 1) if shown else None,
        "endCursor": str(end) if shown else None,
    }
    return {"__typename": "Connection", "nodes": shown, "edges": edges, "pageInfo": page, "totalCount": len(found)}
