"""The options of the stand-ins: the credentials that they accept, and whose they are."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

SLACK_SCOPES = (
    "app_mentions:read,assistant:write,channels:history,channels:read,chat:write,commands,files:read,files:write,"
    "groups:history,groups:read,im:history,im:read,im:write,mpim:history,mpim:read,reactions:read,reactions:write,"
    "users:read"
)
"""What our app was granted in Slack."""


@dataclass(frozen=True)
class Options:
    """The accepted credentials, and whose they are. Each field is a flag: `github_token` is `--github-token`.

    github_token     the first one is `github_login`'s, the second one "answerbot2"'s, and so on

    github_content_per_minute
                     above so many comments, edits, reviews and check runs a minute, GitHub asks for a
                     pause; 0: never
    github_app_key   PEM text of the app's key, private or public; empty: an app's JWT must be
                     right in everything but its signature
    slack_token      of several, each belongs to the workspace at its place in `slack_team`
    slack_agent      whether our app is declared an agent
    slack_socket_mode      whether events go over WebSockets from the start; else from the first connection
    slack_socket_seconds   the age at which Slack ends a WebSocket; 0: it does not
    slack_ack_seconds      within which an event over a WebSocket must be acknowledged
    slack_trigger_seconds  the time in which a trigger can open a modal
    slack_token_seconds    the lifetime of tokens that are issued; 0: they do not expire
    slack_stream_seconds   the age at which a stream ends by itself; `slack_stream_spread`: by which part of that some
                           end earlier, at random (`slack_seed`)
    slack_stream_trims     drop the spaces at the start of each piece after the first
    slack_history_seconds  the time between two requests for messages by one method, of which each then returns 15;
                           0: no limit
    slack_retries    seconds before each repeat of an event whose delivery failed
    twilio_account   of several, each has the token at its place in `twilio_token`
    twilio_subaccounts     those of the accounts that the first one may act for
    twilio_api_key   "SK…:secret", which may be used for every account
    twilio_numbers   what messages are sent from: numbers, and addresses on other channels
    twilio_url       the public URL under which Twilio knows us, and signs; what it sends there goes to `webhooks`
    twilio_messages_per_second     above so many, Twilio answers 429; 0: never
    twilio_status_seconds          the time between two statuses of a message
    twilio_retries   seconds before each repeat of a webhook that failed: none, unless its URL asks for it
    whatsapp_token   of several, each is accepted; "NUMBER=TOKEN" for that number only
    whatsapp_retries seconds before each repeat of a webhook that failed
    whatsapp_statuses      what is reported of each message that was sent
    telegram_token   of several, each belongs to a bot: `telegram_username`, then the same with a 2
    telegram_poll    whether updates wait for `getUpdates`, wherever the other platforms' webhooks go
    telegram_retry_seconds     before the first repeat of an update whose delivery failed; doubled each time
    telegram_group_per_minute  above so many messages a minute in a group, Telegram asks for a pause; 0: never
    webhooks         where the platforms' own webhooks go: a URL in which "{platform}" is replaced,
                     or one to which "/github" or "/slack" is appended; empty: none are sent
    """

    github_token: str = "ghp_standin"
    github_login: str = "answerbot"
    github_user_id: int = 90001
    github_app_id: int = 1234
    github_app_slug: str = "answerbot-app"
    github_app_user_id: int = 90002
    github_app_key: str = ""
    github_secret: str = "github-webhook-secret"
    github_repositories: str = "acme/widgets"
    github_content_per_minute: int = 0
    installation_token_seconds: float = 3600
    slack_token: str = "xoxb-standin"
    slack_team: str = "T0STANDIN"
    slack_user: str = "U0ANSWERBOT"
    slack_bot: str = "B0ANSWERBOT"
    slack_app: str = "A0ANSWERBOT"
    slack_secret: str = "slack-signing-secret"
    slack_scopes: str = SLACK_SCOPES
    slack_agent: bool = True
    slack_client_id: str = "1234567890.1234567890"
    slack_client_secret: str = "slack-client-secret"
    slack_app_token: str = "xapp-1-A0ANSWERBOT-standin"
    slack_socket_mode: bool = False
    slack_socket_seconds: float = 0
    slack_ack_seconds: float = 3
    slack_trigger_seconds: float = 3
    slack_token_seconds: float = 0
    slack_stream_seconds: float = 300
    slack_stream_spread: float = 0
    slack_stream_trims: bool = False
    slack_status_seconds: float = 120
    slack_history_seconds: float = 0
    slack_retries: str = "0,60,300"
    slack_seed: int = 0
    twilio_account: str = "AC0123456789abcdef0123456789abcdef"
    twilio_token: str = "twilio-auth-token-of-the-standin"
    twilio_subaccounts: str = ""
    twilio_api_key: str = "SK0123456789abcdef0123456789abcdef:twilio-api-secret"
    twilio_numbers: str = "+15005550006,+15005550010,whatsapp:+14155238886,rcs:acme_widgets_agent"
    twilio_url: str = "https://bot.example"
    twilio_messages_per_second: int = 0
    twilio_status_seconds: float = 0.05
    twilio_retries: str = ""
    telegram_token: str = "110201543:AAHstandin"
    telegram_username: str = "answerbot"
    telegram_secret: str = "telegram-webhook-secret"
    telegram_poll: bool = False
    telegram_retry_seconds: float = 0.2
    telegram_group_per_minute: int = 0
    standard_secret: str = "whsec_c3RhbmRpbi1zdGFuZGFyZC1zZWNyZXQ="
    whatsapp_token: str = "EAAstandin"
    whatsapp_number: str = "106540352242922"
    whatsapp_display: str = "15550783881"
    whatsapp_secret: str = "whatsapp-app-secret"
    whatsapp_verify_token: str = "whatsapp-verify-token"
    whatsapp_permissions: str = "whatsapp_business_management,whatsapp_business_messaging"
    whatsapp_statuses: str = "sent,delivered"
    whatsapp_retries: str = "0,60,300"
    model_key: str = "sk-standin"
    webhooks: str = ""

    def environment(self, url: str) -> dict[str, str]:
        """Return the environment variables that make Answerback use the stand-ins at `url` as its platforms.

        As a GitHub App where the stand-ins were given an app's private key, else as a machine user.
        """
        us = {"GITHUB_TOKEN": self.github_token.split(",")[0]}
        if "PRIVATE KEY" in self.github_app_key:
            us = {"GITHUB_APP_ID": str(self.github_app_id), "GITHUB_APP_PRIVATE_KEY": self.github_app_key}
        return us | {
            "GITHUB_API_URL": f"{url}/github",
            "GITHUB_WEBHOOK_SECRET": self.github_secret,
            "SLACK_API_URL": f"{url}/slack",
            "SLACK_BOT_TOKEN": self.slack_token.split(",")[0],
            "SLACK_SIGNING_SECRET": self.slack_secret,
            "TELEGRAM_API_URL": f"{url}/telegram",
            "TELEGRAM_BOT_TOKEN": self.telegram_token,
            "TELEGRAM_WEBHOOK_SECRET": self.telegram_secret,
            "STANDARD_WEBHOOKS_SECRET": self.standard_secret,
            "STANDARD_WEBHOOKS_REPLY_URL": f"{url}/standard/replies",
            "TWILIO_ACCOUNT_SID": self.twilio_account.split(",")[0],
            "TWILIO_AUTH_TOKEN": ",".join(
                f"{account}:{token}"
                for account, token in zip(self.twilio_account.split(","), self.twilio_token.split(","), strict=True)
            ),
            "TWILIO_API_URL": f"{url}/twilio",
            "WHATSAPP_API_URL": f"{url}/whatsapp/v25.0",
            "WHATSAPP_APP_SECRET": self.whatsapp_secret,
            "WHATSAPP_TOKEN": self.whatsapp_token if "=" in self.whatsapp_token else self.whatsapp_token.split(",")[0],
            "WHATSAPP_VERIFY_TOKEN": self.whatsapp_verify_token,
            "OPENAI_BASE_URL": f"{url}/model/v1",
            "OPENAI_API_KEY": self.model_key.split(",")[0],
            "WEATHER_API_URL": f"{url}/weather",
        }


@dataclass(frozen=True)
class Command:
    """A command line: the options, and how to run."""

    options: Options
    port: int
    ready_file: Path | None
    until_stdin_closes: bool


def _switch(word: str) -> bool:
    return word.lower() in ("true", "1", "yes")


def parse(arguments: Sequence[str] | None = None) -> Command:
    """Parse a command line. Exits with a message if it is invalid."""
    parser = argparse.ArgumentParser(prog="python -m answerback.testing.standins", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0: a free one")
    parser.add_argument("--ready-file", type=Path, help="where to write the same JSON line as to standard output")
    parser.add_argument(
        "--until-stdin-closes", action="store_true", help="stop when standard input ends: no process outlives its test"
    )
    parser.add_argument("--github-app-key-file", type=Path, help="the app's key, private or public, as PEM")
    for field in fields(Options):
        if field.name != "github_app_key":
            flag = "--" + field.name.replace("_", "-")
            kind: Callable[[str], object] = str
            match field.type:
                case "bool":
                    kind = _switch
                case "int":
                    kind = int
                case "float":
                    kind = float
            parser.add_argument(flag, type=kind, default=field.default, help="default: %(default)s")
    found = vars(parser.parse_args(arguments))
    key_file: Path | None = found.pop("github_app_key_file")
    return Command(
        port=found.pop("port"),
        ready_file=found.pop("ready_file"),
        until_stdin_closes=found.pop("until_stdin_closes"),
        options=Options(github_app_key=key_file.read_text() if key_file else "", **found),
    )
