"""The same work by other programs, as their documentation shows it, on the same server.

- `…_arq`, `…_taskiq`: verify a signed webhook and enqueue it before the 202.
- `…_jobs`: `fill N` and `starts N` enqueue jobs; the worker does what `work` says.

They use what each documents as fast: uvloop, hiredis, orjson, no results, no log. They have environments of
their own (`environments`), and import nothing of ours.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.bench.bench import Failed, reports, server, spawn
from tests.bench.peers.environments import program

HERE = Path(__file__).parent
CONCURRENCY = 100


class Worker(NamedTuple):
    """A worker of a peer: its environment, the module of its jobs, and its command."""

    environment: str
    module: str
    command: tuple[str, ...]


RECEIVERS = {
    "aiohttp + arq": ("arq", "aiohttp_arq"),
    "FastAPI + arq": ("arq", "fastapi_arq"),
    "aiohttp + taskiq, stream": ("taskiq", "aiohttp_taskiq"),
}
_TASKIQ = ("taskiq", "worker", "taskiq_jobs:broker", "--workers", "1", "--no-parse", "--log-level", "ERROR")
WORKERS = {
    "taskiq, stream": Worker("taskiq", "taskiq_jobs", (*_TASKIQ, "--max-async-tasks", "{concurrency}")),
    "saq": Worker("saq", "saq_jobs", ("saq", "saq_jobs.settings", "--quiet")),
    "arq": Worker("arq", "arq_jobs", ("python", "arq_jobs.py")),
    "dramatiq": Worker(
        "dramatiq",
        "dramatiq_jobs",
        ("dramatiq", "dramatiq_jobs", "--processes", "1", "--threads", "32", "--skip-logging"),
    ),
}


def run(name: str, jobs: int, work: str = "count", concurrency: int = CONCURRENCY) -> dict[str, float]:
    """Enqueue jobs, start a worker of a peer, and return what it reports when all are done (see `work`)."""
    with server() as running, reports() as report:
        environment = {**_environment(running.url, report.path, concurrency), "WORK": work, "JOBS": str(jobs)}
        _enqueue(name, "fill", jobs, environment)
        with _worker(name, environment, concurrency) as worker:
            found: dict[str, float] = report.wait(worker)
            return found


def starts(name: str, count: int) -> list[list[float]]:
    """Return the ms from the call that enqueues a job, and from its return, to the start of each on an idle worker."""
    with server() as running, reports(bind=False) as report:
        environment = {**_environment(running.url, report.path, CONCURRENCY), "WORK": "start"}
        with _worker(name, environment, CONCURRENCY):
            found: list[list[float]] = json.loads(_enqueue(name, "starts", count, environment))
            return found


def _environment(url: str, report: str, concurrency: int) -> dict[str, str]:
    return {"REDIS_URL": url, "REPORT": report, "CONCURRENCY": str(concurrency), "PYTHONPATH": str(HERE)}


@contextmanager
def _worker(name: str, environment: dict[str, str], concurrency: int) -> Iterator[subprocess.Popen[bytes]]:
    peer = WORKERS[name]
    command = [word.format(concurrency=concurrency) for word in peer.command]
    with tempfile.TemporaryFile() as log:
        try:
            with spawn(
                [program(peer.environment, command[0]), *command[1:]], environment, cwd=HERE, stdout=log, stderr=log
            ) as worker:
                yield worker
        except Failed:
            log.seek(0)
            print(log.read().decode(errors="replace")[-2_000:])
            raise


def _enqueue(name: str, what: str, count: int, environment: dict[str, Any]) -> bytes:
    peer = WORKERS[name]
    command = [program(peer.environment), f"{peer.module}.py", what, str(count)]
    with spawn(command, environment, cwd=HERE, stdout=subprocess.PIPE) as filling:
        printed, _ = filling.communicate(timeout=300)
        if filling.returncode:
            raise Failed(f"{name}: {what} has failed")
        return printed
