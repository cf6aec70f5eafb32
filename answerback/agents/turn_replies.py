"""`TurnReplies`: what a turn posts and changes in its thread."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Literal, get_args

import msgspec

from answerback.agents.reply_content import checked_form, message_content
from answerback.agents.sent_reply import SentReply
from answerback.agents.turn_record import NO_REPLY, WRITTEN, TurnRecord, Written, opened
from answerback.errors import FilesFull, TurnFailed, UnsupportedReply
from answerback.messages import Attachment
from answerback.outgoing import Button, File, Form, ReplyContent, ReviewComment, Select, Template
from answerback.replies import Reply, ReplyKind
from answerback.store.thread_ids import public_id

CheckState = Literal["queued", "in_progress", "success", "failure", "neutral", "cancelled"]
Verdict = Literal["approve", "request_changes", "comment"]


class TurnReplies(TurnRecord):
    """The part of a `Turn` that posts."""

    async def reply(
        self,
        text: str,
        *,
        actions: Sequence[Button | Select] = (),
        files: Sequence[File | Attachment] = (),
        template: Template | None = None,
    ) -> SentReply:
        """Post a reply in this thread. On return it is stored in the outbox; it appears once.

        May be called several times in a turn. Returning a string from the agent has the same effect.

        Args:
            text: The reply, as markdown. A text that is too long for the platform is posted in parts.
            actions: Buttons and menus below it. Pressed, they are events of the thread, with an `action`.
            files: Files that follow it: a `File`, or an attachment of an event.
            template: What WhatsApp is sent instead once it takes no free text any more, 24 hours after the person's
                last message. The buttons are then those of the template, in its order.

        Returns:
            The message, which can be edited and deleted.

        Raises:
            TypeError: `text` is not a string.
            UnsupportedReply: The platform cannot show this, or would refuse it: the message says why.
            TurnFailed: `text` is not valid Unicode.

        Example:
            await turn.reply("Deploy 1.4 now?", actions=[Button("Deploy", value="1.4", style="primary")])
            await turn.reply("The figures of May:", files=[File("may.csv", data)])
        """
        self._check(text)
        content = message_content(actions, files, text=text, template=template)
        ordinal = len(self.replies)
        self.replies.append(NO_REPLY)
        key = f"{self.id}.{ordinal}"
        composed: Sequence[Reply] | None = None

        async def this_reply() -> str | Written:
            if content is None:
                return text
            # What is refused leaves no files behind.
            self._compose.message(key, text, content)
            return Written(text, await self._with_stored_files(content, key))

        def compose(reply: str | Written) -> Sequence[Reply]:
            nonlocal composed
            composed = self._compose.message(key, *opened(reply))
            return composed

        # An earlier attempt may have posted another text: the recorded one counts.
        recorded = await self.journal.step("reply", this_reply, idempotent=True, kind=WRITTEN, replies=compose)
        self._said(ordinal, recorded, compose(recorded) if composed is None else composed)
        self.presence.replied()
        return SentReply(self, key)

    def sent(self, message: str) -> SentReply:
        """Return an earlier message of the agents in this thread, to edit or delete it.

        Args:
            message: The key of a reply (`SentReply.key`), or the platform's id of the message: that of a pressed button
                is `turn.event.action.message`.

        Example:
            async def deploy(turn: Turn) -> None:
                if turn.event.action:
                    await turn.sent(turn.event.action.message).edit(f"{turn.event.author.name} has approved.")
        """
        return SentReply(self, message)

    async def react(self, emoji: str, *, remove: bool = False) -> None:
        """React to the event's message. On return that is stored in the outbox; it happens once.

        Args:
            emoji: The platform's name of the emoji: "eyes" on Slack and GitHub.
            remove: Take an earlier reaction back.

        Raises:
            UnsupportedReply: The platform has no such reactions, or the event has no message.
        """
        event = self.events[-1]
        target = event.message or (event.action.message if event.action else "")
        name = emoji.strip(":")
        if self._compose.in_chat:
            raise UnsupportedReply("a chat has no reactions")
        if not target:
            raise UnsupportedReply("the event is no message: there is nothing to react to")
        if not name:
            raise UnsupportedReply("a reaction needs the name of an emoji")
        await self._other("reaction", ReplyContent(target=target, reaction=name, removed=remove))

    async def review(self, text: str, *, verdict: Verdict = "comment", comments: Sequence[ReviewComment] = ()) -> None:
        """Review the pull request. On return the review is stored in the outbox; it appears once, with all comments.

        Args:
            text: What is said about the whole, as markdown.
            verdict: "approve", "request_changes" or "comment".
            comments: Comments on lines, also with suggestions.

        Raises:
            UnsupportedReply: The thread is not a pull request, or the platform would refuse the review.

        Example:
            fix = ReviewComment(path="shop.py", line=7, text="A tea costs more.", suggestion="PRICE = 4")
            await turn.review("Almost.", verdict="request_changes", comments=[fix])
        """
        self._check(text)
        if self._compose.in_chat:
            raise UnsupportedReply("a chat has no reviews: reply instead")
        _ensure_one_of("verdict", verdict, Verdict)
        content = ReplyContent(verdict=verdict, comments=tuple(comments))
        ordinal = len(self.replies)
        self.replies.append(NO_REPLY)
        key = f"{self.id}.{ordinal}"

        async def this_review() -> Written:
            return Written(text, content)

        def compose(written: Written) -> Sequence[Reply]:
            return self._compose.other(key, "review", written.content or content, written.text)

        recorded = await self.journal.step("reply.review", this_review, idempotent=True, kind=Written, replies=compose)
        self._said(ordinal, recorded, compose(recorded))

    async def check(self, name: str, *, state: CheckState, summary: str = "", actions: Sequence[Button] = ()) -> None:
        """Show a check run of the pull request. A second call with the same name changes it.

        Args:
            name: Its name.
            state: What it shows.
            summary: More about it, as markdown.
            actions: Its buttons. Pressed, they are events of the thread, with an `action`.

        Raises:
            UnsupportedReply: The thread is not a pull request, or the credential is not that of an app.

        Example:
            await turn.check("review", state="in_progress")
            found = await turn.step("look", look_at, turn.event.subject)
            await turn.check("review", state="failure" if found else "success", summary=found)
        """
        if self._compose.in_chat:
            raise UnsupportedReply("a chat has no check runs")
        _ensure_one_of("state", state, CheckState)
        target = self.checks.get(name, "")
        content = ReplyContent(target=target, check=name, state=state, summary=summary, actions=tuple(actions))
        await self._other("check", content)

    async def open(self, form: Form) -> None:
        """Open a form for the person who has pressed a button, chosen an option, or used a command or shortcut.

        On return that is stored in the outbox. The form, once sent, is an event of this thread: `event.action` has the
        type "form", the form's name, and what was entered in `values`. A platform opens it only at once: within three
        seconds of the press, on Slack. If that was missed, the person is asked to try again.

        Args:
            form: What is asked.

        Raises:
            TypeError: It is not a form.
            UnsupportedReply: The platform has no forms, would refuse this one, or the turn answers no press.

        Example:
            if turn.event.action and turn.event.action.name == "report":
                fields = (Field("what", "What is broken?", "long"), Field("when", "Since when?", "date", optional=True))
                await turn.open(Form("report", "Report", fields))
        """
        if self._compose.in_chat:
            raise UnsupportedReply("a chat has no forms: ask in words, or with buttons")
        await self._other("form", ReplyContent(form=checked_form(form)))

    async def _edit(self, target: str, text: str, actions: Sequence[Button | Select]) -> None:
        self._check(text)
        if not text.strip():
            raise UnsupportedReply("a message cannot be edited to nothing: delete it instead")
        self._ensure_editable(target)
        content = message_content(actions, (), text=text) or ReplyContent()
        await self._other("edit", msgspec.structs.replace(content, target=target), text)

    async def _delete(self, target: str) -> None:
        self._ensure_editable(target)
        await self._other("delete", ReplyContent(target=target))

    def _ensure_editable(self, target: str) -> None:
        if not target:
            raise UnsupportedReply("no message is named: there is nothing to change")
        if self._compose.in_chat and self._own(target) is None:
            raise UnsupportedReply("in a chat only the messages of the same turn can be changed")

    async def _other(self, kind: ReplyKind, content: ReplyContent, text: str = "") -> None:
        """Store what is no message of its own."""
        key = self._other_key(kind)

        async def this() -> Written:
            return Written(text, content)

        def compose(written: Written) -> Sequence[Reply]:
            return self._compose.other(key, kind, written.content or content, written.text)

        recorded = await self.journal.step(f"reply.{kind}", this, idempotent=True, kind=Written, replies=compose)
        self._changed(kind, key, recorded)

    async def _with_stored_files(self, content: ReplyContent, key: str) -> ReplyContent:
        """Store the files of a message beside it, under ids that are the same in every attempt."""
        files = []
        for number, file in enumerate(content.files):
            if file.data:
                if self._write_file is None:
                    raise TurnFailed("files cannot be stored here")
                digest = blake2b(f"{key}.{number}".encode(), digest_size=10).hexdigest()
                stored = msgspec.structs.replace(file, file=f"{public_id(self.thread)}.{digest}")
                try:
                    await self._write_file(stored)
                except FilesFull as full:
                    raise UnsupportedReply(f"there is no room for {file.name}: {full}") from full
                file = msgspec.structs.replace(stored, data=b"")
            files.append(file)
        return msgspec.structs.replace(content, files=tuple(files))


def _ensure_one_of(name: str, value: str, alias: object) -> None:
    values = get_args(alias)
    if value not in values:
        raise UnsupportedReply(f"{name} is one of {', '.join(values)}, not {value!r}")
