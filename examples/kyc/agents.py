"""A flow that opens an account: it decides what is asked, checked and answered; no turn can leave the graph.

    ANSWERBACK_AGENTS=examples.kyc.agents:agents answerback up
    answerback send "hello" --thread kyc

Or, without Redis: answerback flow try examples/kyc/kyc.json -v

It runs offline: guards decide, and all texts are static. With MODEL=anthropic:claude-haiku-4-5 and its key, the
same flow also understands "I was born on the second of May in ninety": when a message does not match a guard as
written, the model is asked for the value that the guard is about, and nothing else.
"""

import os
from pathlib import Path

from answerback import Agent, Listen

agents = [
    Agent(
        "kyc",
        description="Opens an account",
        flow=Path(__file__).with_name("kyc.json"),
        model=os.environ.get("MODEL"),
        listen=Listen(when=("every",)),
    )
]
