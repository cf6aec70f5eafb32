"""`answerback send`: send a signed message as a provider would, and print the reply."""

from __future__ import annotations

import sys
from typing import IO, TYPE_CHECKING, NamedTuple

import click

from ..exits import OK, PROBLEM, Failure
from ..groups import run

if TYPE_CHECKING:
    from answerback.events import Event
    from answerback.settings import Settings
    from answerback.store.threads.receipt import Receipt

    from ..store import Store
    from .delivery import Delivery


class Question(NamedTuple):
    """A message that was typed, not a payload: an agent may also be asked it by name."""

    text: str
    thread: str
    author: str
    delivery: str | None


@click.command()
@click.argument("text", metavar="TEXT|FILE")
@click.option("--thread", default=None, help="Thread to send to.  [default: cli]")
@click.option("--new", is_flag=True, help="Send to a new thread.")
@click.option("--author", default=None, help="Author of the message.  [default: your login]")
@click.option("--agent", default=None, help="Ask this agent in a chat, whatever it listens to.")
@click.option(
    "--to", "to", metavar="PLATFORM", help="Send a payload of this platform, from FILE: github, slack, standard, …"
)
@click.option("--event", default=None, help="With --to github: the event's name, if it cannot be inferred.")
@click.option(
    "--delivery",
    default=None,
    help="Delivery id; sent again, it is a redelivery (GitHub, Slack: the payload decides).",
)
@click.option("--url", default=None, help="URL of ingress.  [default: where `up` runs, or HOST and PORT]")
@click.option("--timeout", default=60.0, show_default=True, help="Seconds to wait for the reply.")
@click.option("--no-wait", is_flag=True, help="Do not wait for the reply; print the receipt.")
@click.option("--json", "as_json", is_flag=True, help="Print the receipt and the turn as JSON.")
def send(
    text: str,
    thread: str | None,
    new: bool,
    author: str | None,
    agent: str | None,
    to: str | None,
    event: str | None,
    delivery: str | None,
    url: str | None,
    timeout: float,
    no_wait: bool,
    as_json: bool,
) -> None:
    """Send a message as a provider would, and print the reply.

    The message is signed with the configured secret (or the development secret of `up`) and goes
    through the real ingress and worker; the thread is followed until its turn is committed. TEXT
    is the message, "-" reads it from stdin. With --to, FILE is a provider's payload: the JSON body,
    or {"headers": …, "body": …}.

    If no agent listens to the message, the first one that takes chat messages is asked by name, in a
    chat, as with --agent.

    \b
    Examples:
      answerback send "hello"
      answerback send --thread ticket-7 --author ada "is it fixed?"
      answerback send --agent triage "what is new?"
      git diff | answerback send -
      answerback send --to github issue_comment.json
      answerback send --to slack app_mention.json --json
    """
    import secrets

    from answerback.platforms.registry import PLATFORMS

    from . import delivery as deliveries

    question: Question | None = None
    if to is None:
        if event is not None:
            raise click.UsageError("--event requires a payload, such as --to github issue_comment.json")
        if thread is not None and new:
            raise click.UsageError("--thread and --new exclude each other")
        content = sys.stdin.read() if text == "-" else text
        if not content.strip():
            raise click.UsageError("nothing to send: TEXT is empty")
        name = thread or (f"cli-{secrets.token_hex(4)}" if new else "cli")
        question = Question(content, name, author or _login(), delivery)
        sent = deliveries.message(content, thread=name, author=question.author, delivery=delivery)
    else:
        if thread is not None or new or author is not None or agent is not None:
            raise click.UsageError(
                "--thread, --new, --author and --agent cannot be used with --to: the payload has them"
            )
        if to not in PLATFORMS:
            raise click.UsageError(f"{to} is not a platform: use --to {', '.join(PLATFORMS)}")
        with _file(text) as file:
            sent = deliveries.payload(PLATFORMS[to], file.read(), event=event, delivery=delivery)
    if question is not None and agent is not None:
        if url is not None:
            raise click.UsageError("--agent and --url exclude each other: an agent is asked through Redis")
        sys.exit(run(_ask(question, agent, timeout, wait=not no_wait, as_json=as_json)))
    sys.exit(run(_send(sent, question, url, timeout, wait=not no_wait, as_json=as_json)))


def _login() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "user"  # in a container, the user id may have no name


def _file(name: str) -> IO[bytes]:
    try:
        file: IO[bytes] = click.open_file(name, "rb")
    except OSError as error:
        raise click.UsageError(f"{name} cannot be read: {error.strerror}") from None
    return file


async def _ask(question: Question, agent: str, timeout: float, *, wait: bool, as_json: bool) -> int:
    from ..store import opened
    from .asking import ask

    text, thread, author, delivery = question
    async with opened() as store:
        receipt = await ask(store, agent, text, thread=thread, author=author, delivery=delivery)
        if wait:
            return await _follow(store, receipt, None, timeout, as_json=as_json)
    _print(receipt, as_json)
    return OK


async def _send(
    sent: Delivery, question: Question | None, url: str | None, timeout: float, *, wait: bool, as_json: bool
) -> int:
    from answerback.settings import Settings

    from ..store import opened

    if not wait:
        _print(_deliver(Settings.load(), sent, url), as_json)
        return OK
    settings = Settings.load()
    # Open the store first: do not send what cannot be followed.
    async with opened() as store:
        receipt = _deliver(settings, sent, url)
        if receipt is None or receipt.status == "ignored" or not _begins_a_turn(sent):
            _print(receipt, as_json)
            return PROBLEM if receipt is not None and receipt.status == "ignored" else OK
        if receipt.status == "duplicate":
            click.echo("this delivery was stored before; its earlier result:", err=True)
        return await _follow(store, receipt, question, timeout, as_json=as_json)


async def _follow(store: Store, receipt: Receipt, question: Question | None, timeout: float, *, as_json: bool) -> int:
    """Follow a turn to its end. If no agent answers the question, ask one by name. Return the exit code."""
    from ..rendering import document, visible
    from .asking import ask, listening, running_agents
    from .follow import follow, ignored, outcome

    turn = await follow(store, receipt, timeout)
    if reason := ignored(turn):
        agents = await running_agents(store)
        click.echo("\n".join([f"{visible(reason)}:", *listening(agents)]), err=True)
        named = next((agent.name for agent in agents if agent.chat), None)
        if question is not None and named is not None:
            click.echo(f"asking {visible(named)} by name, as with --agent {visible(named)}", err=True)
            text, thread, author, delivery = question
            receipt = await ask(store, named, text, thread=thread, author=author, delivery=delivery)
            turn = await follow(store, receipt, timeout)
    if as_json:
        document({"receipt": receipt, "turn": turn})
    return outcome(turn, timeout, say=not as_json)


def _deliver(settings: Settings, sent: Delivery, url: str | None) -> Receipt | None:
    """Sign and post a delivery. Return its receipt, None for a handshake. Raises `Failure` when it is refused."""
    from urllib.parse import urljoin

    import msgspec

    from answerback.store.threads.receipt import Receipt

    from ..local.address import local_url
    from ..local.dev_environment import announced, development_secrets
    from ..rendering import visible
    from .delivery import described, post, signed, webhook_path

    platform = sent.platform
    secrets = settings.secrets(platform.NAME) or [development_secrets(settings.data).get(platform.SECRET, "")]
    if not secrets[0]:
        raise Failure(f"{platform.SECRET} is not set: set it to the same secret as in ingress.")
    if url is None:
        running = announced(settings.data)
        url = running.url if running is not None else local_url(settings.host, settings.port)
    public_url = (settings.public_url or urljoin(url, "/")).rstrip("/")
    response = post(url, signed(sent, secrets, f"{public_url}{webhook_path(url, platform)}"))
    match response.status:
        case 200 | 202:
            try:
                return msgspec.json.decode(response.body, type=Receipt)
            except msgspec.MsgspecError:
                # The platform expects an answer of its own.
                event = _event(sent)
                return Receipt(event.id, event.thread, "accepted") if event else None
        case 401:
            raise Failure(
                f"ingress rejected the signature: it has a different {platform.SECRET}. Set the same one here."
            )
        case 404:
            raise Failure(f"{url} has no webhook for {platform.NAME}: start ingress with {platform.SECRET} set.")
        case status:
            raise Failure(f"ingress refused the delivery with {status}: {visible(described(response.body))}")


def _begins_a_turn(sent: Delivery) -> bool:
    """Return whether a delivery starts a turn; an edit or a deletion does not."""
    return _event(sent) is not None


def _event(sent: Delivery) -> Event | None:
    """Return the event that a delivery contains; None if it contains something else."""
    from answerback.events import Event
    from answerback.platforms import Answered

    parsed = sent.platform.parse(sent.received)
    events = parsed.events if isinstance(parsed, Answered) else parsed
    return events[0] if isinstance(events, list) and isinstance(events[0], Event) else None


def _print(receipt: Receipt | None, as_json: bool) -> None:
    from ..rendering import document, visible

    if as_json:
        document({"receipt": receipt, "turn": None})
    elif receipt is None:
        click.echo("handshake accepted by ingress")
    else:
        parts = [receipt.status, receipt.dispatch_id, receipt.thread, receipt.reason and f"({receipt.reason})"]
        click.echo(" ".join(visible(part) for part in parts if part))
