"""What all methods of Slack's stand-in share: what it knows, how it shows a message, where its events go."""

from __future__ import annotations

from collections.abc import Callable

from answerback.testing.standins.hooks import Hooks, Retries
from answerback.testing.standins.journal import Journal
from answerback.testing.standins.options import Options
from answerback.testing.standins.signatures import Delivery
from answerback.testing.standins.slack.conversations import Conversations, Message
from answerback.testing.standins.slack.installations import Installation, Installations
from answerback.testing.standins.slack.webhooks import Slack as Webhook
from answerback.testing.standins.values import Json

NAME = "slack"

KINDS = {"D": "im", "G": "group"}
"""The first letter of a channel's id → its type."""


class Space:
    """The workspaces of the stand-in: every channel and user exists once it is named."""

    def __init__(self, options: Options, journal: Journal, hooks: Hooks) -> None:
        self.options = options
        self.journal = journal
        self.hooks = hooks
        self.conversations = Conversations()
        self.installations = Installations(options)
        self.names: dict[str, str] = {}
        self.outside: set[str] = set()
        """The channels that our app is not a member of."""
        self.url = ""
        # https://docs.slack.dev/apis/events-api/#retries: events are repeated, interactions and commands are not.
        hooks.retries[NAME] = Retries(
            [float(one) for one in options.slack_retries.split(",") if one],
            lambda delivery: delivery.headers["Content-Type"] == "application/json",
            lambda delivery, number, reason: self.webhook("").again(delivery, number, reason),
        )
        self.socket: Callable[[Delivery], bool] = lambda _: False
        """Takes an event that goes to the app over a WebSocket; False if it goes to its URL."""

    def reset(self) -> None:
        """Delete everything."""
        self.conversations.reset()
        self.installations.reset()
        self.names.clear()
        self.outside.clear()

    def emit(self, delivery: Delivery) -> None:
        """Send an event to the app."""
        if not self.socket(delivery):
            self.hooks.emit(NAME, delivery)

    def webhook(
        self,
        channel: str,
        user: str = "U2147483697",
        *,
        bot: Installation | None = None,
        at: Installation | None = None,
    ) -> Webhook:
        """Return the maker of events in a channel: of a person's acts, or of the bot's. `at`: whom they are for."""
        home = bot or at or self.installations.first
        return Webhook(
            team=home.team or home.enterprise,
            enterprise=home.enterprise,
            channel=channel,
            channel_type=KINDS.get(channel[:1], "channel"),
            user=home.user if bot else user,
            bot_id=home.bot if bot else None,
            app_id=home.app,
            our_user=home.user,
            secret=self.options.slack_secret,
        )

    def author(self, message: Message) -> Webhook:
        """Return the maker of events about a message, as its author's."""
        home = self.installations.by_team(message.team) or self.installations.first
        return self.webhook(message.channel, message.user, bot=home if message.bot else None, at=home)

    def json(self, message: Message, *, metadata: bool = False) -> Json:
        """Return a message as Slack shows it."""
        home = self.installations.by_team(message.team) or self.installations.first
        found: Json = {"type": "message", "user": message.user, "ts": message.ts, "text": message.text}
        found["team"] = message.team or home.home
        if message.subtype is not None:
            found["subtype"] = message.subtype
        if message.bot:
            profile = {"id": message.bot, "app_id": home.app, "name": "answerbot", "deleted": False}
            found |= {"bot_id": message.bot, "app_id": home.app, "bot_profile": profile}
        if message.thread_ts is not None:
            found["thread_ts"] = message.thread_ts
        if message.edited is not None:
            found["edited"] = {"user": message.user, "ts": message.edited}
        if metadata and message.metadata is not None:
            found["metadata"] = message.metadata
        for name in ("blocks", "attachments", "files"):
            if value := getattr(message, name):
                found[name] = value
        if message.reactions:
            found["reactions"] = [
                {"name": name, "users": users, "count": len(users)} for name, users in message.reactions.items()
            ]
        return found
