"""Routes are declared beside their handlers, and collected in reading order."""

from __future__ import annotations

from functools import partial

from aiohttp import web

from ingress.api.context import RequestContext
from ingress.api.route import Route, collect, route

read = partial(route, "GET", scope="chat:read", summary="")


class Handlers:
    """Three routes of two methods."""

    def __init__(self, name: str) -> None:
        self.name = name

    @read("/b", aliases=("/other",))
    @read("/a/{id}", session="id")
    async def show(self, call: RequestContext) -> web.Response:
        """Show it."""
        return web.Response(text=self.name)

    async def helper(self) -> None:
        """Not a route."""

    @route("POST", "/c", scope=None, summary="")
    async def make(self, call: RequestContext) -> web.Response:
        """Make it."""
        return web.Response()


def paths(routes: list[Route]) -> list[tuple[str, ...]]:
    """The method and paths of each."""
    return [(each.method, *each.paths) for each in routes]


def test_routes_are_collected_in_reading_order_below_their_base() -> None:
    expected = [("GET", "/api/v1/b", "/other"), ("GET", "/api/v1/a/{id}"), ("POST", "/api/v1/c")]
    assert paths(collect(Handlers("one"), tag="Things")) == expected
    assert paths(collect(Handlers("one"), tag="Things", base=""))[1:] == [("GET", "/a/{id}"), ("POST", "/c")]


def test_a_collected_route_is_bound_to_its_object() -> None:
    one, two = Handlers("one"), Handlers("two")
    for handlers in (one, two):
        first, *_, last = collect(handlers, tag="Things")
        assert first.handler == handlers.show
        assert last.handler == handlers.make


def test_what_is_common_is_given_when_they_are_collected() -> None:
    routes = collect(Handlers("one"), tag="Things", parameters={"id": "an id"})
    assert {each.tag for each in routes} == {"Things"}
    assert all(each.parameters == {"id": "an id"} for each in routes)
    assert [each.session for each in routes] == ["", "id", ""]
    assert {each.session for each in collect(Handlers("one"), tag="", session="thread")} == {"thread"}
