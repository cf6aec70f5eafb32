"""`answerback flow`: check, draw and try a dialog flow."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from answerback.agents.memory import MemoryThread

_file = click.argument("file", type=click.Path(path_type=Path))


@click.group()
def flow() -> None:
    """Check, draw and try dialog flows: graphs that steer a conversation.

    \b
    Examples:
      answerback flow check kyc.json
      answerback flow draw kyc.json > kyc.mmd
      answerback flow draw kyc.json --format svg > kyc.svg
      answerback flow try kyc.json -v
    """


@flow.command()
@_file
def check(file: Path) -> None:
    """Report everything that is wrong with a flow, and where. Exits with 1 when there is an error."""
    from answerback.flows import load
    from answerback.flows.advice import advice
    from answerback.flows.guards import models_part

    definition = load(file)
    edges = len(definition.global_edges) + sum(len(node.edges) for node in definition.nodes)
    needs = models_part(definition)
    click.echo(f"{file} is valid: {len(definition.nodes)} nodes, {edges} edges, {len(definition.actions)} actions.")
    click.echo("It needs a model:" if needs else "It needs no model.")
    for need in needs:
        click.echo(f"  {need}")
    if warnings := advice(definition):
        click.echo("Warnings:")
    for warning in warnings:
        click.echo(f"  {warning}")


@flow.command()
@_file
@click.option("--format", "kind", type=click.Choice(["mermaid", "svg"]), default="mermaid", show_default=True)
@click.option("--node", metavar="ID", help="Mark this node as the current one.")
def draw(file: Path, kind: str, node: str | None) -> None:
    """Draw a flow as a Mermaid diagram or an SVG image.

    GitHub, GitLab and mermaid.live render Mermaid.
    """
    from answerback.diagrams.mermaid import mermaid
    from answerback.diagrams.svg import svg
    from answerback.flows import load
    from answerback.flows.draw import sketch

    from ..exits import Failure

    definition = load(file)
    if node is not None and node not in definition.by_id:
        raise Failure(f'{file} has no node "{node}"')
    click.echo((svg if kind == "svg" else mermaid)(sketch(definition), node), nl=False)


@flow.command("try")
@_file
@click.option("--model", metavar="NAME", help='The model, such as "anthropic:claude-haiku-4-5", if the flow needs one.')
@click.option("-v", "--verbose", is_flag=True, help="Show the node, the collected values and the steps of each turn.")
def try_(file: Path, model: str | None, verbose: bool) -> None:
    """Talk to a flow in the terminal, without Redis. Ctrl-D or Ctrl-C ends it.

    Its actions are really executed. The changes of a failed turn are discarded, as in a worker.
    """
    from answerback.agents import Agent
    from answerback.agents.memory import MemoryThread

    agent = Agent("flow", flow=file, model=model)
    agent.prepare()
    thread = MemoryThread(agent)
    with asyncio.Runner() as runner:
        try:
            _turn(runner, thread, "", verbose)
            while True:
                _turn(runner, thread, input("> "), verbose)
        except (EOFError, KeyboardInterrupt):
            # A second Ctrl-C while Python shuts down would make a clean exit look like a crash.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            click.echo()


def _turn(runner: asyncio.Runner, thread: MemoryThread, text: str, verbose: bool) -> None:
    from answerback.flows.state import FlowState

    from ..rendering import block, visible

    try:
        reply = runner.run(thread.say(text))
    except Exception as error:  # noqa: BLE001 (a model, a tool or an action may raise anything; the dialog continues)
        click.echo(click.style(f"the turn failed: {type(error).__name__}: {error}", fg="red"), err=True)
        return
    click.echo(block(reply) if reply else click.style("(no reply)", dim=True))
    if verbose:
        place = FlowState.of(thread.state, thread.agents[0].name)
        click.echo(click.style(f"  node: {place.node}   turns: {place.turns}", dim=True))
        for name, value in place.values.items():
            click.echo(click.style(f"  {name}: {visible(str(value))}", dim=True))
        if thread.steps:
            click.echo(click.style(f"  steps: {', '.join(thread.steps)}", dim=True))
