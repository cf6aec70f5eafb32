"""What tests do on the stand-in's GitHub as people: write, close, lock, move, attach files, suspend an installation."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

from answerback.testing.standins.github.attachments import Attachments
from answerback.testing.standins.github.comments import Kind, Repository
from answerback.testing.standins.github.credentials import Actor
from answerback.testing.standins.github.webhooks import GitHub as Webhook
from answerback.testing.standins.github.world import World
from answerback.testing.standins.values import Json


class Seeding:
    """See `seed`."""

    def __init__(self, world: World, attachments: Attachments) -> None:
        self._world, self._attachments = world, attachments

    def seed(self, said: Json) -> Json:
        """Store a person's comment: number, body; optional kind, repo, id, parent, login, user_id, at (in seconds).

        Or do something else, which the client's methods name: rename, change, installation, file.
        """
        world = self._world
        if "rename" in said:
            return world.repository_json(world.comments.rename(said["rename"], said["to"]))
        author = Actor(said.get("login", "octocat"), said.get("user_id", 583231), said.get("user_type", "User"))
        repository = world.comments.repository(said.get("repo", "acme/widgets"))
        if "installation" in said:
            return self._change_installation(author, int(said["installation"]), said["state"])
        if "file" in said:
            content = base64.b64decode(said["content"])
            return {"path": self._attachments.add(said["file"], content, said["type"], private=said["private"])}
        if "change" in said:
            return self._change_subject(said, author, repository)
        kind: Kind = said.get("kind", "issue")
        known = world.comments.find(kind, repository.id, said.get("id", 0))
        if known is not None:
            return known.json()
        body, parent = str(said.get("body", "")), said.get("parent")
        return world.comments.add(
            kind, repository, int(said["number"]), author, body, parent=parent, id=said.get("id"), at=said.get("at")
        ).json()

    def _change_subject(self, said: Json, author: Actor, repository: Repository) -> Json:
        conversation = self._world.conversation(repository, int(said["number"]), said["subject"])
        what: dict[str, Any] = {name: _tuple(value) for name, value in said["what"].items()}
        if said["change"] != "set":
            self._world.change(conversation, author, said["change"], **what)
            return conversation.json()
        conversation.patches = what.pop("patches", conversation.patches)
        conversation.title = what.pop("title", conversation.title)
        conversation.body = what.pop("body", conversation.body)
        if by := what.pop("by", None):
            conversation.author = Actor(*by)
        conversation.state = replace(conversation.state, **what)
        return conversation.json()

    def _change_installation(self, author: Actor, number: int, state: str) -> Json:
        installations, options = self._world.credentials.installations, self._world.options
        installations.pop(number, None)
        if state == "suspended":
            installations[number] = "suspended"
        elif state == "deleted":
            installations[number] = "deleted"
        if self._world.hooks.url:
            by = Webhook(
                login=author.login, user_id=author.id, user_type=author.type,
                installation=number, app_id=options.github_app_id, secret=options.github_secret,
            )  # fmt: skip
            actions = {"suspended": "suspend", "deleted": "deleted", "active": "unsuspend", "created": "created"}
            self._world.emit(by.installed(actions[state]))  # type: ignore[arg-type]
        return {"installation": number, "state": state}


def _tuple(value: Any) -> Any:
    return tuple(map(_tuple, value)) if isinstance(value, list) else value
