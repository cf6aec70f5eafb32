"""Discussions, which GitHub offers through GraphQL only: the queries and the types of their responses.

https://docs.github.com/en/graphql/guides/using-the-graphql-api-for-discussions
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from answerback.messages import Author as EventAuthor
from answerback.platforms.decoding import Spare

PARENT = """
query($id: ID!) {
  node(id: $id) { ... on DiscussionComment { id replyTo { id } } }
}"""

ADD = """
mutation($discussion: ID!, $parent: ID, $body: String!) {
  addDiscussionComment(input: {discussionId: $discussion, replyToId: $parent, body: $body}) {
    comment { id databaseId url }
  }
}"""

UPDATE = """
mutation($id: ID!, $body: String!) {
  updateDiscussionComment(input: {commentId: $id, body: $body}) { comment { id } }
}"""

DELETE = """
mutation($id: ID!) {
  deleteDiscussionComment(input: {id: $id}) { comment { id } }
}"""

REACT = """
mutation($id: ID!, $content: ReactionContent!) {
  addReaction(input: {subjectId: $id, content: $content}) { subject { id } }
}"""

UNREACT = """
mutation($id: ID!, $content: ReactionContent!) {
  removeReaction(input: {subjectId: $id, content: $content}) { subject { id } }
}"""

RENDERED = """
query($id: ID!) {
  node(id: $id) {
    ... on Discussion { bodyHTML }
    ... on DiscussionComment { bodyHTML }
  }
}"""

# Newest first: a reply of ours would be among the latest.
COMMENTS = """
query($id: ID!, $before: String) {
  node(id: $id) {
    ... on Discussion {
      page: comments(last: 100, before: $before) {
        nodes { ...comment }
        pageInfo { hasPreviousPage startCursor }
      }
    }
    ... on DiscussionComment {
      page: replies(last: 100, before: $before) {
        nodes { ...comment }
        pageInfo { hasPreviousPage startCursor }
      }
    }
  }
}
fragment comment on DiscussionComment {
  id databaseId url body createdAt
  author { __typename login ... on Bot { databaseId } ... on User { databaseId } }
}"""


class Author(msgspec.Struct):
    """An author. GraphQL shows an app's login without the "[bot]" that REST and webhooks add."""

    login: str = ""
    typename: str = msgspec.field(name="__typename", default="")
    database_id: Spare[int] = msgspec.field(name="databaseId", default=None)


class Comment(msgspec.Struct, rename="camel"):
    id: str
    database_id: Spare[int] = None
    url: Spare[str] = None
    body: str = ""
    created_at: Spare[Annotated[datetime, msgspec.Meta(tz=True)]] = None
    author: Spare[Author] = None

    @property
    def identities(self) -> tuple[str, ...]:
        """Its author's identities, as in webhooks."""
        if not self.author:
            return ()
        login = self.author.login.lower().removesuffix("[bot]")
        return (f"login:{login}[bot]" if self.author.typename == "Bot" else f"login:{login}",)

    @property
    def speaker(self) -> EventAuthor:
        """Its author."""
        if not self.author:
            return EventAuthor("0", "ghost")
        bot = self.author.typename == "Bot"
        id = str(self.author.database_id or "")
        return EventAuthor(id, f"{self.author.login}[bot]" if bot else self.author.login, "bot" if bot else "person")

    @property
    def message(self) -> str:
        """The id of the same comment in webhooks."""
        return f"discussion_comment:{self.database_id or self.id}"


class PageInfo(msgspec.Struct, rename="camel"):
    has_previous_page: bool = False
    start_cursor: str | None = None


class CommentPage(msgspec.Struct, rename="camel"):
    nodes: list[Comment | None]
    page_info: PageInfo


class Parent(msgspec.Struct):
    id: str


class Node(msgspec.Struct, rename="camel"):
    """A comment of a discussion, or, in the response to `COMMENTS`, the object with comments."""

    id: str = ""
    reply_to: Parent | None = None
    body_html: str | None = msgspec.field(name="bodyHTML", default=None)
    page: CommentPage | None = None


class AddedComment(msgspec.Struct):
    comment: Comment | None = None


class Data(msgspec.Struct):
    """The data of a response to any of these."""

    node: Node | None = None
    added: AddedComment | None = msgspec.field(name="addDiscussionComment", default=None)
