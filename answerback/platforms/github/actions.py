"""What people do on GitHub besides writing: assign, label, request a review, close, lock, move, press a button."""

from __future__ import annotations

import msgspec

from answerback.errors import MalformedBody
from answerback.events import Action, ActionType, Address, Event
from answerback.messages import Author
from answerback.notifications import Moved
from answerback.platforms import Ignored, Inbound
from answerback.platforms.decoding import decode
from answerback.platforms.github.action_payload import Check, Done, Moves, ReviewThread
from answerback.platforms.github.authors import identities, is_bot
from answerback.platforms.github.checks import parse_external_id, parse_identifier
from answerback.platforms.github.digest import digest
from answerback.platforms.github.kinds import KINDS
from answerback.platforms.github.payload import Payload, Post, User, milliseconds
from answerback.platforms.github.subject import subject

_DOCUMENTED = "GitHub documents"
_NOUNS = {"issue": "issue", "pull_request": "pull request", "discussion": "discussion"}

_STATES = {
    "closed": "closed this {noun}",
    "reopened": "reopened this {noun}",
    "locked": "locked this conversation",
    "unlocked": "unlocked this conversation",
    "synchronize": "pushed commits to this pull request",
    "ready_for_review": "marked this pull request as ready for review",
    "answered": "marked an answer of this discussion",
}
"""The action of a webhook → what was done, in words."""
_PEOPLE: dict[str, tuple[ActionType, str]] = {
    "assigned": ("assigned", "assigned @{name}"),
    "unassigned": ("unassigned", "unassigned @{name}"),
    "review_requested": ("review_requested", "requested a review from @{name}"),
}
_LABELS: dict[str, tuple[ActionType, str]] = {
    "labeled": ("labeled", "added the label {name}"),
    "unlabeled": ("unlabeled", "removed the label {name}"),
}

DONE = frozenset({*_STATES, *_PEOPLE, *_LABELS, "transferred"})
"""The actions of issues, pull requests and discussions that are events."""

REVIEWS: dict[str, str] = {"approved": "approved this pull request", "changes_requested": "requested changes"}
"""The state of a review without a text → what was done."""
THREADS = frozenset({"resolved", "unresolved"})


_done = msgspec.json.Decoder(Done)
_review_thread = msgspec.json.Decoder(ReviewThread)
_check = msgspec.json.Decoder(Check)
_moves = msgspec.json.Decoder(Moves)


def parse_action(name: str, body: bytes) -> list[Inbound] | Ignored:
    """Parse what was done with an issue, a pull request or a discussion; its action is one of `DONE`."""
    payload = decode(_done, body, _DOCUMENTED)
    about = KINDS[name].about
    post: Post | None = getattr(payload, about)
    if post is None or not post.number:
        raise MalformedBody(f"{name} {payload.action} without the {about} or its number")
    thread = f"github:{payload.repository.id}:{post.number}"
    delivery = f"github:{payload.repository.id}:{name}.{payload.action}:{post.id}"
    if payload.action == "transferred":
        moved = decode(_moves, msgspec.json.encode(payload.changes or {}), _DOCUMENTED)
        there = moved.new_issue or moved.new_discussion
        if not there or not moved.new_repository:
            return Ignored(f"{name} transferred to an unknown place")
        return [Moved(delivery=delivery, thread=thread, to=f"github:{moved.new_repository.id}:{there.number}")]
    value = ""
    if payload.action in _PEOPLE:
        which = _who(payload)
        if not which:
            return Ignored(f"{name} {payload.action} without an account")
        kind, words = _PEOPLE[payload.action]
    elif payload.action in _LABELS:
        if payload.label is None:
            return Ignored(f"{name} {payload.action} without a label")
        kind, words = _LABELS[payload.action]
        which = payload.label.name
    else:
        merged = payload.action == "closed" and post.merged
        kind, which = "state", "merged" if merged else payload.action
        words = "merged this pull request" if merged else _STATES[payload.action].format(noun=_NOUNS[about])
        value = (payload.after or "") if payload.action == "synchronize" else ""
    # Whatever is done with the same thing twice is done at different times.
    again = digest(which, value, post.updated_at or "")
    return [
        _event(
            payload,
            delivery=f"{delivery}:{again}",
            kind=f"{name}.{payload.action}",
            thread=thread,
            number=post.number,
            post=post,
            about=about,
            text=words.format(name=which),
            action=Action(type=kind, name=which, value=value),
        )
    ]


def _who(payload: Done) -> str:
    """Return who was assigned or asked for a review, a team as "acme/oilers"; "" if the payload does not say."""
    asked = payload.action == "review_requested"
    if asked and payload.requested_team:
        return f"{payload.repository.full_name.partition('/')[0]}/{payload.requested_team.slug}"
    person = payload.requested_reviewer if asked else payload.assignee
    return person.name.removesuffix("[bot]") if person else ""


def moved_here(thread: str, delivery: str, changes: dict[str, msgspec.Raw] | None) -> Moved | None:
    """Return the notification of an issue that was opened because it was transferred; None for any other."""
    if not changes or "old_issue" not in changes:
        return None
    found = decode(_moves, msgspec.json.encode(changes), _DOCUMENTED)
    if not found.old_issue or not found.old_repository:
        return None
    return Moved(delivery=delivery, thread=f"github:{found.old_repository.id}:{found.old_issue.number}", to=thread)


def parse_review_thread(body: bytes) -> list[Inbound] | Ignored:
    """Parse `pull_request_review_thread`: a thread on lines was resolved, or reopened."""
    payload = decode(_review_thread, body, _DOCUMENTED)
    pull, comments = payload.pull_request, payload.thread.comments
    if payload.action not in THREADS or pull is None or not pull.number or not comments:
        return Ignored("a review thread without comments")
    root = comments[0].id
    thread = f"github:{payload.repository.id}:{pull.number}:review:{root}"
    name = "pull_request_review_thread"
    return [
        _event(
            payload,
            delivery=f"github:{payload.repository.id}:{name}.{payload.action}:{root}:{digest(pull.updated_at or '')}",
            kind=f"{name}.{payload.action}",
            thread=thread,
            number=pull.number,
            post=pull,
            about="pull_request",
            text=f"marked this conversation as {payload.action}",
            action=Action(type="state", name=payload.action),
            more={"root": root},
        )
    ]


def parse_check_run(body: bytes) -> list[Inbound] | Ignored:
    """Parse `check_run`: a person pressed a button of one of our check runs."""
    payload = decode(_check, body, _DOCUMENTED)
    if payload.action not in ("requested_action", "rerequested"):
        return Ignored(f"check_run {payload.action if payload.action.isidentifier() else 'unnamed'}")
    run = payload.check_run
    place = parse_external_id(run.external_id or "")
    numbers = [pull.number for pull in run.pull_requests or []]
    if not place and not numbers:
        return Ignored("a check run that belongs to no pull request and was not made here")
    place = place or str(numbers[0])
    number, _, rest = place.partition(":")
    more: Address = {"root": int(rest.removeprefix("review:"))} if rest.startswith("review:") else {}
    if payload.action == "requested_action":
        if payload.requested_action is None:
            return Ignored("a check run's button without an identifier")
        button, value = parse_identifier(payload.requested_action.identifier)
    else:
        button, value = "rerequested", ""
    text = f"pressed {button}{f' (value: {value})' if value else ''} of the check run {run.name}"
    # While a run is unchanged, a button pressed twice is one event.
    again = digest(button, value, run.completed_at or "")
    return [
        _event(
            payload,
            delivery=f"github:{payload.repository.id}:check_run.{payload.action}:{run.id}:{again}",
            kind=f"check_run.{payload.action}",
            thread=f"github:{payload.repository.id}:{place}",
            number=int(number),
            post=Post(id=run.id, html_url=run.html_url),
            about="pull_request",
            text=text,
            action=Action(type="button", name=button, value=value, message=f"check_run:{run.id}"),
            more=more,
        )
    ]


def _event(
    payload: Payload,
    *,
    delivery: str,
    kind: str,
    thread: str,
    number: int,
    post: Post,
    about: str,
    text: str,
    action: Action,
    more: Address | None = None,
) -> Event:
    """Return the event of something that was done, with an address at which it can be replied to."""
    actor = payload.sender or User(id=0, login="ghost")
    address: Address = {"repo": payload.repository.full_name, "number": number, **(more or {})}
    if payload.installation:
        address["installation"] = payload.installation.id
    if about == "pull_request" or post.is_pull_request:
        address["pull"] = 1
    if about == "discussion":
        address["discussion"] = address["node"] = post.node_id or ""
    return Event(
        delivery=delivery,
        thread=thread,
        kind=kind,
        text=text,
        author=Author(str(actor.id), actor.name, "bot" if is_bot(actor) else "person"),
        channel=payload.repository.full_name,
        identities=identities(actor, None),
        address=address,
        subject=subject(about, post, post, own=False),
        title=post.title or "",
        url=post.html_url or "",
        at=milliseconds(post.updated_at),
        action=action,
        account=payload.account,
    )
