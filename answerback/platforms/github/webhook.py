"""Parse GitHub's webhooks."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

import msgspec

from answerback.errors import MalformedBody
from answerback.events import Action, Address, Amendment, Event
from answerback.messages import Author
from answerback.platforms import Answer, Delivery, Headers, Ignored, Inbound, Parsed
from answerback.platforms.decoding import decode
from answerback.platforms.github.actions import (
    DONE,
    REVIEWS,
    moved_here,
    parse_action,
    parse_check_run,
    parse_review_thread,
)
from answerback.platforms.github.attachments import attached_files, review_comments
from answerback.platforms.github.authors import author_kind, identities, is_bot
from answerback.platforms.github.digest import digest
from answerback.platforms.github.installations import parse_installation
from answerback.platforms.github.kinds import KINDS
from answerback.platforms.github.marker import marked
from answerback.platforms.github.mentions import mentions
from answerback.platforms.github.payload import About, ActionOf, Payload, Post, User, milliseconds, payload
from answerback.platforms.github.subject import subject

_former_body = msgspec.json.Decoder(dict[str, str]).decode
_payloads = {name: payload(kind.about, kind.post) for name, kind in KINDS.items()}
_action = msgspec.json.Decoder(ActionOf)
_DOCUMENTED = "GitHub documents"


def parse(request: Delivery) -> Parsed:
    """Parse a verified body.

    Thread ids: "github:<repository id>:<number>", then ":review:<root comment id>" for the lines of a
    pull request, or ":comment:<parent id>" for replies to a comment of a discussion.
    Delivery ids: "github:<repository id>:<event>.<action>:<id of the post>"; an edit adds a digest of its text and
    time. The X-GitHub-Delivery header is not used: it is not signed, and on some servers each webhook (an app's, a
    repository's, an organization's) has its own for the same comment.
    Address: repo ("acme/widgets"), number, root (review threads), discussion and comment (node ids, for
    GraphQL), node (of the message, in a discussion, or of a review), pull (1: it is a
    pull request), installation (webhooks of an app).
    Identities: "user:<id>", "login:<login>", "app:<id>" of the author, and of the app that they used.
    """
    headers, body = request.headers, request.body
    name = headers.get("x-github-event", "")
    if name == "ping":
        return Answer(b'{"pong":true}')
    if not name:
        raise MalformedBody("there is no X-GitHub-Event header")
    kind = KINDS.get(name)
    if kind is None:
        return _no_message(name, headers, body)
    payload = _read(name, _json_of(headers, body))
    if not isinstance(payload, Payload):
        return payload
    about: About = getattr(payload, kind.about)
    post: Post = getattr(payload, kind.post)
    if not about.number:
        raise MalformedBody(f"{name} {payload.action} without the number of its {kind.about}")
    message = f"{name if kind.post in ('comment', 'review') else kind.post}:{post.id}"
    delivery = f"github:{payload.repository.id}:{name}.{payload.action}:{post.id}"
    thread, address = _place(name, payload, about, post)
    if "node" in address:
        address["message"] = message
    if payload.action == "opened" and (moved := moved_here(thread, delivery, payload.changes)):
        return [moved]
    if payload.action == "deleted":
        return [Amendment(delivery=delivery, thread=thread, message=message, text=None)]
    body_text = post.body or ""
    text = body_text if body_text.strip() else post.title or ""  # an issue may have nothing but a title
    amendment: Amendment | None = None
    added: tuple[str, ...] = ()
    mentioned = mentions(body_text)
    if payload.action == "edited":
        if payload.changes is not None and not payload.changes.keys() & {"body", "title"}:
            return Ignored(f"{name} edited, but not its text")
        edit = f"{delivery}:{digest(post.updated_at or '', post.title or '', body_text)}"
        amendment = Amendment(
            delivery=edit,
            thread=thread,
            message=message,
            text=text,
            mentions=mentioned,
            at=milliseconds(post.updated_at),
        )
        before = mentions(_text_before(payload))
        added = tuple(login for login in mentioned if login not in before)
        # Once for each name that is added, however often the message is edited.
        delivery = f"{delivery}:{','.join(sorted(added))}" if added else edit
        mentioned = added or mentioned
    action, files = None, attached_files(body_text, address, message)
    if name == "pull_request_review" and payload.action == "submitted":
        state = (post.state or "").lower()
        if not text.strip() and state in REVIEWS:
            action, text = Action(type="state", name=state), REVIEWS[state]
        files = (*files, review_comments(post.id, address))
    if not text.strip():
        return [amendment] if amendment else Ignored(f"{name} {payload.action} without a text")
    # The sender of a delivery about a new post is its author; `user` is null for deleted accounts.
    author = post.user or payload.sender or User(id=0, login="ghost")
    written_at = post.submitted_at or post.created_at
    event = Event(
        delivery=delivery,
        former=_former(headers),
        thread=thread,
        kind=f"{name}.{payload.action}",
        text=text,
        author=Author(str(author.id), author.name, author_kind(author, payload.sender, post)),
        message=message,
        channel=payload.repository.full_name,
        mentions=mentioned,
        identities=identities(author, post.performed_via_github_app),
        reply=marked(body_text),
        address=address,
        subject=subject(kind.about, about, post, own=kind.post == kind.about),
        title=about.title or "",
        url=post.html_url or "",
        at=int(written_at.timestamp() * 1000) if written_at else 0,
        attachments=files,
        action=action,
        account=payload.account,
    )
    if amendment is None:
        return [event]
    edited = _as_edited(event, payload.sender or author)
    if added:
        return [msgspec.structs.replace(amendment, event=edited)]
    return [msgspec.structs.replace(amendment, edit=msgspec.structs.replace(edited, edited="text", arrival="queue"))]


def _as_edited(event: Event, editor: User) -> Event:
    """Return the event of an edit. A program, or we, may have edited what a person wrote."""
    return msgspec.structs.replace(
        event,
        former="",
        author=msgspec.structs.replace(event.author, kind="bot") if is_bot(editor) else event.author,
        identities=tuple(dict.fromkeys([*event.identities, *identities(editor, None)])),
        edited="mention",
    )


def _no_message(name: str, headers: Headers, body: bytes) -> Parsed:
    """Parse an event that is about no message."""
    match name:
        case "installation":
            return parse_installation(_json_of(headers, body))
        case "check_run":
            return parse_check_run(_json_of(headers, body))
        case "pull_request_review_thread":
            return parse_review_thread(_json_of(headers, body))
        case "meta":
            if decode(_action, _json_of(headers, body), _DOCUMENTED).action == "deleted":
                loss = "the webhook was deleted, and no events come any more"
                return Ignored(f"GitHub says meta deleted: {loss}", warning="access lost")
    return Ignored(f"{_printable(name)} events are not messages")


def _read(name: str, body: bytes) -> Payload | Ignored | list[Inbound]:
    """Decode the payload of an event; what an action is that writes nothing."""
    kind = KINDS[name]
    actions = (kind.action, "edited", "deleted")
    try:
        payload = decode(_payloads[name], body, _DOCUMENTED)
    except MalformedBody:
        # An unreadable payload does not matter if its action is ignored.
        action = decode(_action, body, _DOCUMENTED).action
        if not action or action in actions or _is_done(name, action):
            raise
        return _other(name, action)
    if payload.action not in actions:
        if _is_done(name, payload.action):
            return parse_action(name, body)
        return _other(name, payload.action)
    for part in ("comment", "review"):
        if part != kind.post and payload.has(part):
            # The header is not signed, so the body decides: a comment's deletion must never pass for its issue's.
            raise MalformedBody(f"the body is not one of {name}: it has a comment or a review")
    return payload


def _is_done(name: str, action: str) -> bool:
    return action in DONE and KINDS[name].post == KINDS[name].about


def _other(name: str, action: str) -> Ignored:
    return Ignored(f"{name} {_printable(action) or 'without an action'}")


def _text_before(payload: Payload) -> str:
    """Return the text before an edit; "" if the payload does not have it."""
    try:
        return _former_body(payload.changes["body"]).get("from", "") if payload.changes else ""
    except (msgspec.MsgspecError, KeyError):
        return ""


def _json_of(headers: Headers, body: bytes) -> bytes:
    """Return the JSON of a body, which may be a form."""
    if not headers.get("content-type", "").lower().startswith("application/x-www-form-urlencoded"):
        return body
    # With this content type, the same JSON is the only field of a form, "payload".
    if not body.startswith(b"payload="):
        raise MalformedBody("the form has no field `payload`")
    return unquote_to_bytes(body[8:].partition(b"&")[0].replace(b"+", b" "))


def _former(headers: Headers) -> str:
    """Return the delivery id that older versions stored: GitHub may redeliver what they accepted."""
    guid = headers.get("x-github-delivery", "")
    return f"github:{guid}" if 0 < len(guid) <= 128 and guid.isascii() and guid.isprintable() else ""


def _place(name: str, payload: Payload, about: About, post: Post) -> tuple[str, Address]:
    """Return the thread id, and the address of a reply."""
    thread = f"github:{payload.repository.id}:{about.number}"
    address: Address = {"repo": payload.repository.full_name, "number": about.number}
    if payload.installation:
        address["installation"] = payload.installation.id
    if KINDS[name].about == "pull_request" or about.is_pull_request:
        address["pull"] = 1
    if name == "pull_request_review":
        address["node"] = post.node_id or ""
    if name == "pull_request_review_comment":
        root = post.in_reply_to_id or post.id
        thread, address["root"] = f"{thread}:review:{root}", root
    elif KINDS[name].about == "discussion":
        address["discussion"], address["node"] = about.node_id or "", post.node_id or ""
        if name == "discussion_comment" and post.parent_id:
            # A reply must name the parent's node id, which the webhook lacks; this comment's own leads to it.
            thread, address["comment"] = f"{thread}:comment:{post.parent_id}", post.node_id or ""
    return thread, address


def _printable(word: str) -> str:
    return word[:60] if word.isascii() and word.isprintable() else "unnamed"
