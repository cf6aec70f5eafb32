"""Agent templates: files `agents/*.json` that say how the process of an agent is started.

`answerback up` starts them on this machine, at the request of the dashboard; a cluster's deployment reads the same
files. A file without a `runtimeSpec` is not a template, so other JSON can be kept in the same folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

FOLDER = Path("agents")
"""Where templates are, relative to the folder in which `answerback up` runs."""
MOST = 100
"""Maximum number of templates that are read."""
LARGEST = 65_536
"""The largest template, in bytes."""

Text = Annotated[str, StringConstraints(min_length=1, max_length=4096, pattern=r"^[^\x00]*$")]
Variable = Annotated[str, StringConstraints(max_length=200, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RuntimeSpec(_Model):
    """How an agent is run.

    Attributes:
        lifecycle: "long-lived": it serves `POST /agents/chat/{sessionId}` on PORT until it is stopped; "short-lived":
            it does its work and exits.
        supportsChat: Whether it accepts chat messages.
        command: The program and its arguments. `python` is the interpreter of `answerback up`.
        env: Environment variables that it gets besides those of `answerback up`.
        image: The container image that a cluster runs instead of `command`.
    """

    lifecycle: Literal["long-lived", "short-lived"] = "long-lived"
    supportsChat: bool = False
    command: Annotated[tuple[Text, ...], Field(min_length=1, max_length=100)]
    env: Annotated[dict[Variable, Annotated[str, StringConstraints(max_length=4096)]], Field(max_length=100)] = {}
    image: Annotated[str, StringConstraints(max_length=500)] = ""

    @field_validator("env")
    @classmethod
    def _keeps_port(cls, env: dict[str, str]) -> dict[str, str]:
        if "PORT" in env:
            raise ValueError("PORT is set when the agent is started")
        return env


class AgentTemplate(_Model):
    """An agent that can be started."""

    id: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[\w.-]+$")]
    description: Annotated[str, StringConstraints(max_length=1000)] = ""
    runtimeSpec: RuntimeSpec


class BrokenTemplate(BaseModel):
    """A file that should be a template. `problem`: what is wrong with it, and where."""

    id: str
    problem: str


def read_templates(folder: Path = FOLDER) -> dict[str, AgentTemplate | BrokenTemplate]:
    """Return the templates of a folder by id; a broken one has the name of its file."""
    templates: dict[str, AgentTemplate | BrokenTemplate] = {}
    for path in sorted(folder.glob("*.json"))[:MOST]:
        for template in _read(path):
            taken = template.id in templates
            problem = f'{path}: the id "{template.id}" is used by an earlier file'
            templates[path.name if taken else template.id] = (
                BrokenTemplate(id=path.name, problem=problem) if taken else template
            )
    return templates


def _read(path: Path) -> Iterator[AgentTemplate | BrokenTemplate]:
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
        if len(raw) > LARGEST:
            return  # other data
        content = json.loads(raw)
        if isinstance(content, dict) and "runtimeSpec" in content:
            yield AgentTemplate.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        yield BrokenTemplate(id=path.name, problem=f"{path}: {place}: {first['msg']}")
    except (ValueError, RecursionError) as error:
        yield BrokenTemplate(id=path.name, problem=f"{path} is not JSON: {error}")
    except OSError as error:
        yield BrokenTemplate(id=path.name, problem=f"{path} cannot be read: {error.strerror}")
