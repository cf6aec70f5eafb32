"""Where settings come from: the environment, a file `.env`, and files that variables named `…_FILE` point to."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, MutableMapping
from pathlib import Path

from answerback.errors import ConfigurationError

DOTENV = Path(".env")
SUFFIX = "_FILE"
"""`REDIS_URL_FILE` names the file that holds the value of `REDIS_URL`, as Docker secrets are mounted."""
MODEL_KEYS = ("ANTHROPIC_API_KEY", "OPENAI_API_KEY")
"""Secrets that are not settings of Answerback: the models' libraries read them from the environment."""

_LONGEST = 65_536
_added: set[str] = set()


def load_environment(environ: MutableMapping[str, str] = os.environ, *, dotenv: Path = DOTENV) -> None:
    """Add the variables of `.env` in the current folder to the environment, and the models' keys that are in files.

    Each process does this first, before agents are imported: they may read variables of their own. A variable that is
    set already wins, even if it is empty; so does its `…_FILE`.

    Raises:
        ConfigurationError: A file cannot be read, or a line of `.env` is not `NAME=value`.
    """
    for name, value in _parse(dotenv).items():
        if name not in environ and _counterpart(name) not in environ:
            environ[name] = value
            if environ is os.environ:
                _added.add(name)
    problems: list[str] = []
    values = resolve(environ, MODEL_KEYS, problems)
    if problems:
        raise ConfigurationError("\n".join(problem.strip() for problem in problems))
    environ.update(values)
    if environ is os.environ:
        _added.update(name for name in values if environ.get(name + SUFFIX, "").strip())


def typed(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without what `load_environment` added to it: what a child process is started with."""
    return {name: value for name, value in environ.items() if name not in _added}


def resolve(environ: Mapping[str, str], names: Iterable[str], problems: list[str]) -> dict[str, str]:
    """Return the values of variables that are set, themselves or by a file; add a line to `problems` for each mistake.

    Values are stripped: a line break at the end of a token would break every header that it is in. What is empty then
    counts as unset.
    """
    values: dict[str, str] = {}
    for name in names:
        value, file = environ.get(name, "").strip(), environ.get(name + SUFFIX, "").strip()
        if value and file:
            problems.append(f"  {name}: is set, and {name}{SUFFIX} is set too: keep one of them")
        elif file:
            try:
                value = _read(Path(file))
            except ValueError as error:
                problems.append(f"  {name}{SUFFIX}: {error}")
        if value:
            values[name] = value
    return values


def is_set(environ: Mapping[str, str], name: str) -> bool:
    """Return whether a variable is set, itself or by a file."""
    return any(environ.get(each, "").strip() for each in (name, name + SUFFIX))


def overridden(environ: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
    """Return an environment for a child process in which variables have these values, wherever they came from."""
    replaced = {name + SUFFIX for name in values}
    return {**{name: value for name, value in environ.items() if name not in replaced}, **values}


def _counterpart(name: str) -> str:
    return name.removesuffix(SUFFIX) if name.endswith(SUFFIX) else name + SUFFIX


def _read(path: Path) -> str:
    """Return the stripped text of a file. Raises ValueError, never with the content."""
    try:
        with path.open("rb") as file:
            content = file.read(_LONGEST + 1)
        text = content.decode().strip()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not text in UTF-8") from None
    if not text:
        raise ValueError(f"{path} is empty")
    if len(content) > _LONGEST:
        raise ValueError(f"{path} is larger than {_LONGEST} bytes")
    return text


def _parse(path: Path) -> dict[str, str]:
    """Return the variables of a `.env` file; none if there is no such file."""
    if not path.is_file():
        return {}
    # Imported here: most processes have no such file.
    from dotenv import dotenv_values
    from dotenv.parser import parse_stream

    try:
        with path.open(encoding="utf-8-sig") as file:
            bindings = list(parse_stream(file))
        # The library skips such a line with a warning; a secret would be missing without anybody noticing.
        for binding in bindings:
            if binding.error or (binding.key is not None and binding.value is None):
                raise ConfigurationError(
                    f"{path.absolute()}, line {binding.original.line}: not NAME=value; quote a value with special "
                    "characters"
                )
        values = dotenv_values(path, encoding="utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"{path.absolute()} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path.absolute()} is not text in UTF-8") from None
    return {name: value for name, value in values.items() if value is not None}
