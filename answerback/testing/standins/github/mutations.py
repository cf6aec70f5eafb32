"""GraphQL's mutations of discussions and reactions: https://docs.github.com/en/graphql/reference/mutations"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from answerback.testing.standins.github.comments import Comment, Repository
from answerback.testing.standins.github.conversations import SOMEBODY, Reaction
from answerback.testing.standins.github.graphql import Field, GraphQLError, Object, Undefined, select
from answerback.testing.standins.github.objects import CONTENTS, Objects, author, refused, unresolved
from answerback.testing.standins.github.payloads import DISCUSSIONS
from answerback.testing.standins.standin import Refusal

Input = Mapping[str, Any]
_CLASSIFIERS = ("SPAM", "ABUSE", "OFF_TOPIC", "OUTDATED", "DUPLICATE", "RESOLVED", "LOW_QUALITY")


class _Mutation(NamedTuple):
    """A mutation: the required strings of its input, what it does, and what its payload looks like."""

    required: Sequence[str]
    perform: Callable[[Input], Mapping[str, Any]]
    sample: Callable[[], Mapping[str, Any]]


def mutations(objects: Objects, fields: Sequence[Field]) -> Object:
    """Check the requested fields before anything is changed, as GitHub checks a whole document first."""
    found = _Mutations(objects).all()

    def payload(name: str, content: Mapping[str, Any], mutation: str | None) -> Object:
        return {"__typename": f"{name[0].upper()}{name[1:]}Payload", **content, "clientMutationId": mutation}

    def field(name: str, mutation: _Mutation) -> Callable[..., Object]:
        def run(input: Input) -> Object:
            for required in mutation.required:
                if not isinstance(input.get(required), str):
                    kind = f"{name[0].upper()}{name[1:]}Input"
                    raise Undefined(f"Argument '{required}' on InputObject '{kind}' is required")
            try:
                return payload(name, mutation.perform(input), input.get("clientMutationId"))
            except Refusal as refusal:
                raise refused(refusal) from None

        return run

    for wanted in fields:
        if wanted.name in found:
            select(payload(wanted.name, found[wanted.name].sample(), None), wanted.fields)
    return {"__typename": "Mutation", **{name: field(name, mutation) for name, mutation in found.items()}}


class _Mutations:
    def __init__(self, objects: Objects) -> None:
        self._objects, self._world, self._actor = objects, objects.world, objects.actor
        self._sample = Comment("discussion", Repository("acme/widgets", 1), 1, 1, objects.actor, "", 0.0)

    def all(self) -> dict[str, _Mutation]:
        def comment() -> Mapping[str, Any]:
            return {"comment": self._objects.comment(self._sample)}

        def reaction() -> Mapping[str, Any]:
            given = Reaction(1, self._sample.node, self._actor, "eyes", 0.0)
            return {"reaction": self._objects.reaction(given), "subject": self._objects.comment(self._sample)}

        def minimized() -> Mapping[str, Any]:
            return {"minimizedComment": self._objects.comment(self._sample)}

        return {
            "addDiscussionComment": _Mutation(("discussionId", "body"), self._add, comment),
            "updateDiscussionComment": _Mutation(("commentId", "body"), self._update, comment),
            "deleteDiscussionComment": _Mutation(("id",), self._delete, comment),
            "minimizeComment": _Mutation(("subjectId", "classifier"), self._minimize, minimized),
            "addReaction": _Mutation(("subjectId", "content"), self._react, reaction),
            "removeReaction": _Mutation(("subjectId", "content"), self._unreact, reaction),
        }

    def _add(self, input: Input) -> Mapping[str, Any]:
        kind, repository, discussion = self._objects.resolve(input["discussionId"])
        if kind != "D":
            raise unresolved(input["discussionId"])
        _check(input["body"])
        parent = None
        number = discussion - DISCUSSIONS
        if input.get("replyToId") is not None:
            parent = self._parent(input["replyToId"], repository, number)
        self._world.open_conversation(repository, number, "discussion")
        operation, body = "graphql/addDiscussionComment", input["body"]
        comment = self._world.store(operation, "discussion", repository, number, self._actor, body, parent)
        return {"comment": self._objects.comment(comment)}

    def _update(self, input: Input) -> Mapping[str, Any]:
        comment = self._own(input["commentId"])
        _check(input["body"])
        self._world.edit(comment, self._actor, input["body"])
        return {"comment": self._objects.comment(comment)}

    def _delete(self, input: Input) -> Mapping[str, Any]:
        comment = self._own(input["id"])
        self._world.delete(comment, self._actor)
        return {"comment": self._objects.comment(comment)}

    def _minimize(self, input: Input) -> Mapping[str, Any]:
        if input["classifier"] not in _CLASSIFIERS:
            raise Undefined(f"Argument 'classifier' has an invalid value ({input['classifier']})")
        kind, repository, id = self._objects.resolve(input["subjectId"], "IC", "PRRC")
        which = {"DC": "discussion", "IC": "issue", "PRRC": "review"}.get(kind)
        comment = which and self._world.comments.find(which, repository.id, id)  # type: ignore[arg-type]
        if not comment:
            raise unresolved(input["subjectId"])
        comment.minimized = input["classifier"].lower()
        return {"minimizedComment": self._objects.comment(comment)}

    def _react(self, input: Input) -> Mapping[str, Any]:
        subject = self._objects.reactable(input["subjectId"])
        given, _ = self._world.react(input["subjectId"], self._actor, _content(input))
        return {"reaction": self._objects.reaction(given), "subject": subject}

    def _unreact(self, input: Input) -> Mapping[str, Any]:
        subject, content = self._objects.reactable(input["subjectId"]), _content(input)
        for one in self._world.reactions:
            if (one.subject, one.author.id, one.content) == (input["subjectId"], self._actor.id, content):
                self._world.reactions.remove(one)
                return {"reaction": self._objects.reaction(one), "subject": subject}
        raise GraphQLError("Could not find a reaction to remove", "NOT_FOUND")

    def _own(self, node: str) -> Comment:
        kind, repository, id = self._objects.resolve(node)
        comment = self._objects.known(repository, id) if kind == "DC" else None
        if comment is None:
            raise unresolved(node)
        if comment.author.id != self._actor.id:
            login = author(self._actor)["login"]
            raise GraphQLError(f"{login} does not have the correct permissions to change this comment", "FORBIDDEN")
        return comment

    def _parent(self, node: str, repository: Repository, number: int) -> int:
        """Return the id of a comment that can be replied to. An unknown one counts as a first comment."""
        kind, its_repository, id = self._objects.resolve(node)
        if kind != "DC" or its_repository.id != repository.id:
            raise unresolved(node)
        known = self._objects.known(repository, id)
        if known is None:
            self._world.comments.add("discussion", repository, number, SOMEBODY, "", id=id)
        elif known.parent is not None:
            raise GraphQLError("Parent comment is already in a thread, cannot reply to it", "UNPROCESSABLE")
        return id


def _check(body: str) -> None:
    if not body.strip():
        raise GraphQLError("Body cannot be blank", "UNPROCESSABLE")
    if len(body) > 65_536:
        raise GraphQLError("Body is too long (maximum is 65536 characters)", "UNPROCESSABLE")


def _content(input: Input) -> str:
    for content, name in CONTENTS.items():
        if name == input["content"]:
            return content
    raise Undefined(f"Argument 'content' on InputObject has an invalid value ({input['content']})")
