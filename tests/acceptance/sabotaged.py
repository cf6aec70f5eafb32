"""`python -m tests.acceptance.sabotaged worker` (or `ingress`): the real program, with faults at chosen moments."""

from __future__ import annotations

import os
import runpy
import sys

from tests.acceptance import sabotage

if __name__ == "__main__":
    sabotage.arm(os.environ)
    runpy.run_module(sys.argv[1], run_name="__main__", alter_sys=True)
