"""`answerback new`: make a project with an agent, its tests, and what it needs to run."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("folder", metavar="NAME|FOLDER", type=click.Path(path_type=Path))
def new(folder: Path) -> None:
    """Make a project in a new folder: an agent, tests, settings, a Procfile and a compose file.

    The last part of FOLDER is the project's name. Nothing is overwritten.

    \b
    Examples:
      answerback new mybot
      answerback new ~/projects/price-bot
    """
    import shlex

    from ..local.project import create

    created = create(folder)
    click.echo(f"{folder} is ready:\n")
    for path in created:
        click.echo(f"  {path}")
    enter = f"  cd {shlex.quote(str(folder))}"
    click.echo(f"\nTry it:\n\n{enter}\n  pytest\n  answerback up --reload")
    click.echo(f'\nand in a second terminal:\n\n{enter}\n  answerback send "green tea"')
