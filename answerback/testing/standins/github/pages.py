"""Lists of comments as GitHub gives them out: since when, and page by page."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import datetime

from aiohttp import web

from answerback.testing.standins.github.comments import Comment, Repository
from answerback.testing.standins.github.credentials import failure
from answerback.testing.standins.standin import Refusal, answer
from answerback.testing.standins.values import Json


def by_id(path: str, repository: Repository) -> str:
    """A path with the repository's id in place of its name."""
    return re.sub(r"/repos/[^/]+/[^/]+/", f"/repositories/{repository.id}/", path)


def since(request: web.Request, found: Sequence[Comment]) -> Sequence[Comment]:
    """The comments that are not older than the request's `since`."""
    if not request.query.get("since"):
        return found
    try:
        begin = datetime.fromisoformat(request.query["since"]).timestamp()
    except ValueError:
        raise Refusal(failure(422, "Validation Failed")) from None
    # By the time of the last change, in whole seconds.
    return [comment for comment in found if math.floor(comment.edited or comment.at) >= begin]


def page(request: web.Request, repository: Repository, found: Sequence[Json], name: str = "") -> web.Response:
    """One page of a list, with links to the others. `name`: of the field with the list, where there is one.

    GitHub's own links name a repository by its id, as it may be renamed meanwhile.
    https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api
    """
    try:
        size = min(max(int(request.query.get("per_page", 30)), 1), 100)
        current = max(int(request.query.get("page", 1)), 1)
    except ValueError:
        raise Refusal(failure(422, "Validation Failed")) from None
    last = max(math.ceil(len(found) / size), 1)
    turns = {"prev": current - 1, "next": current + 1, "last": last, "first": 1}
    if current == 1:
        del turns["prev"], turns["first"]
    if current >= last:
        del turns["next"], turns["last"]
    here = request.url.with_path(by_id(request.path, repository)).with_query(request.query)
    link = ", ".join(f'<{here.update_query(page=turn)}>; rel="{where}"' for where, turn in turns.items())
    shown = found[(current - 1) * size : current * size]
    return answer({"total_count": len(found), name: shown} if name else shown, 200, {"Link": link} if link else None)
