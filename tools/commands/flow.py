"""`answerback flow`: check a dialog flow, draw it, talk to it."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from answerback.flows.simulator import Simulator

_file = click.argument("file", type=click.Path(path_type=Path))


@click.group()
def flow() -> None:
    """Dialog flows: a graph decides the way of a conversation.

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
    """Say all that is wrong with a flow, and where. Exits with 1 when there is something."""
    from answerback.flows import load
    from answerback.flows.advice import advice
    from answerback.flows.guards import models_part

    found = load(file)
    edges = len(found.global_edges) + sum(len(node.edges) for node in found.nodes)
    needs = models_part(found)
    click.echo(f"{file} is good: {len(found.nodes)} nodes, {edges} edges, {len(found.actions)} actions.")
    click.echo("It needs a model:" if needs else "It needs no model.")
    for one in needs:
        click.echo(f"  {one}")
    if doubts := advice(found):
        click.echo("Is this meant?")
    for one in doubts:
        click.echo(f"  {one}")


@flow.command()
@_file
@click.option("--format", "kind", type=click.Choice(["mermaid", "svg"]), default="mermaid", show_default=True)
@click.option("--node", metavar="ID", help="Mark the node in which a conversation is.")
def draw(file: Path, kind: str, node: str | None) -> None:
    """Draw a flow, as a Mermaid diagram (GitHub, GitLab and mermaid.live show it) or as an SVG picture."""
    from answerback.diagrams.mermaid import mermaid
    from answerback.diagrams.svg import svg
    from answerback.flows import load
    from answerback.flows.draw import sketch

    from ..exits import Failure

    found = load(file)
    if node is not None and node not in found.by_id:
        raise Failure(f'{file} has no node "{node}"')
    click.echo((svg if kind == "svg" else mermaid)(sketch(found), node), nl=False)


@flow.command("try")
@_file
@click.option("--model", metavar="NAME", help='The model, as in "anthropic:claude-haiku-4-5"; none for a flow without.')
@click.option("-v", "--verbose", is_flag=True, help="Show the node, the collected values and the steps of each turn.")
def try_(file: Path, model: str | None, verbose: bool) -> None:
    """Talk to a flow here, without Redis. Ctrl-D or Ctrl-C ends it.

    Its actions are really taken. What a failed turn has changed is forgotten, as a worker would.
    """
    from answerback.agents import Agent
    from answerback.flows.simulator import Simulator

    agent = Agent("flow", flow=file, model=model)
    agent.prepare()
    rehearsal = Simulator(agent)
    with asyncio.Runner() as runner:
        try:
            _turn(runner, rehearsal, "", verbose)
            while True:
                _turn(runner, rehearsal, input("> "), verbose)
        except (EOFError, KeyboardInterrupt):
            # A second Ctrl-C while Python ends would make a clean end look like a crash.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            click.echo()


def _turn(runner: asyncio.Runner, rehearsal: Simulator, text: str, verbose: bool) -> None:
    from ..rendering import block, visible

    try:
        said = runner.run(rehearsal.say(text))
    except Exception as error:  # noqa: BLE001 (a model, a tool or an action may raise anything; the talk goes on)
        click.echo(click.style(f"the turn failed: {type(error).__name__}: {error}", fg="red"), err=True)
        return
    click.echo(block(said) if said else click.style("(nothing is said)", dim=True))
    if verbose:
        place = rehearsal.place
        click.echo(click.style(f"  node: {place.node}   turns: {place.turns}", dim=True))
        for name, value in place.values.items():
            click.echo(click.style(f"  {name}: {visible(str(value))}", dim=True))
        if rehearsal.steps:
            click.echo(click.style(f"  steps: {', '.join(rehearsal.steps)}", dim=True))
