"""What our processes import, done once for all that are forked from this one (see `forks.py`)."""

import gc
from importlib import import_module
from typing import cast

from answerback.store.redis import Database
from answerback.store.scripts import Scripts

for name in (
    "uvloop",
    "answerback.agents.llm.model",
    "answerback.flows.llm",
    "openai.resources.chat.completions",
    "pydantic_ai.models.openai",
    "pydantic_ai.providers.openai",
    "answerback.agents.remote",
    "answerback.platforms.github",
    "answerback.platforms.slack",
    "answerback.platforms.standard",
    "ingress.app",
    "ingress.mcp.server",
    "worker.worker",
    "tools.store",
    "tools.cli",
    "tools.rendering",
    "answerback.testing.standins.server",
):
    import_module(name)

# Their scripts are read, too.
for script in vars(Scripts(cast(Database, None))).values():
    assert script.sha

# The collector would write to every object, and so copy the memory that forks share.
gc.freeze()
