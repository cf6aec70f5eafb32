"""How long ago: the options that are a span of time."""

from __future__ import annotations

import re

import click

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def age(ctx: click.Context, param: click.Parameter, value: str | None) -> int:
    """A time like "90s", "30m", "2h" or "1d", in ms; 0 without one."""
    if value is None:
        return 0
    found = re.fullmatch(r"(\d{1,6})([smhd])", value)
    if found is None:
        raise click.BadParameter(f"{value!r} is not like 90s, 30m, 2h or 1d")
    return int(found[1]) * _UNITS[found[2]] * 1000
