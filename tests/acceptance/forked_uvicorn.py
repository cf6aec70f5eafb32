"""`python -m tests.acceptance.forked_uvicorn …`: uvicorn in a fork, which has imported ingress under another name.

To an application that mounts its parts it is `answerback.ingress`, as where Answerback is installed.
"""

from __future__ import annotations

import sys

import uvicorn

if __name__ == "__main__":
    ours = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "ingress"}
    sys.modules |= {f"answerback.{name}": module for name, module in ours.items()}
    uvicorn.main()
