"""Parse options that are a length of time."""

from __future__ import annotations

import re

import click

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def age(ctx: click.Context, param: click.Parameter, value: str | None) -> int:
    """Return a length of time such as "90s", "30m", "2h" or "1d" in ms; 0 when the option is not given."""
    if value is None:
        return 0
    match = re.fullmatch(r"(\d{1,6})([smhd])", value)
    if match is None:
        raise click.BadParameter(f"{value!r} is not a length of time: write it like 90s, 30m, 2h or 1d")
    return int(match[1]) * _UNITS[match[2]] * 1000
