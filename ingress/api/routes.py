"""Every route of the API. The router, the OpenAPI document and its page are made from this list."""

from __future__ import annotations

from ingress.api.description import Description
from ingress.api.me import Me
from ingress.api.route import Route


def routes() -> list[Route]:
    """All of them, in the order in which the page shows them."""
    found = [
        *Me().routes(),
    ]
    return [*found, *Description(found).routes()]
