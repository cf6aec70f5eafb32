"""Who wrote a post: the marks of the author, and whether it is a program."""

from __future__ import annotations

from answerback.messages import AuthorKind
from answerback.platforms.github.payload import App, Post, User


def identities(author: User, app: App | None) -> tuple[str, ...]:
    """Return the marks by which the author of a post can be recognised; `app` is the app it was written through."""
    marks: tuple[str, ...] = (f"user:{author.id}",)
    if author.login:
        marks = (*marks, f"login:{author.login.lower()}")
    return (*marks, f"app:{app.id}") if app else marks


def is_bot(user: User) -> bool:
    """Return whether the account belongs to a program."""
    return user.type == "Bot" or user.name.endswith("[bot]")


def author_kind(author: User, sender: User | None, post: Post) -> AuthorKind:
    """Return whether a program wrote this: https://docs.github.com/en/rest/users/users#get-a-user (`type`)."""
    if is_bot(author) or (sender and sender.id == author.id and is_bot(sender)):
        return "bot"
    # Also set for people who write on an app's own pages, with a token that the app obtained for them.
    return "app" if post.performed_via_github_app else "person"
