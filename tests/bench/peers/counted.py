"""Counts jobs, and writes how many a second were done when all are."""

import os
import time

_done = 0
_first = 0.0


def count() -> None:
    """Count a job. After the last one, write the rate between the first and the last to the file `RATE`."""
    global _done, _first
    _done += 1
    if _done == 1:
        _first = time.perf_counter()
    if _done == int(os.environ["JOBS"]):
        rate = (_done - 1) / (time.perf_counter() - _first)
        with open(os.environ["RATE"] + ".new", "w") as file:
            file.write(str(rate))
        os.rename(os.environ["RATE"] + ".new", os.environ["RATE"])
