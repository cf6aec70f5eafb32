"""The same work by other programs, as their documentation shows it, in an environment of their own.

- `aiohttp_arq`, `fastapi_arq`: verify a signed webhook and enqueue it before the 202; the delivery id
  is the id of the job.
- `arq_jobs`, `dramatiq_jobs`: `fill N` enqueues jobs that do nothing; the worker writes how
  many a second it has done, once it has done them all (`counted`).

These modules import nothing of ours, and are imported by nothing.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.bench import ROOT, server

HERE = Path(__file__).parent
ENVIRONMENT = ROOT / ".venv/peers"
RECEIVERS = {"aiohttp + arq": "aiohttp_arq", "FastAPI + arq": "fastapi_arq"}
WORKERS = {
    "arq": ("python", "arq_jobs.py"),
    "dramatiq": ("dramatiq", "dramatiq_jobs", "--processes", "1", "--threads", "8"),
}


def install() -> Path:
    """Make the environment, unless it is there. Return its programs' folder."""
    programs, wanted = ENVIRONMENT / "bin", HERE / "requirements.txt"
    done = ENVIRONMENT / "installed"
    if not done.exists() or done.stat().st_mtime < wanted.stat().st_mtime:
        print("installing the peers into .venv/peers (once) …", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
        quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
        subprocess.run([str(programs / "pip"), "install", *quiet, "-r", str(wanted)], check=True)
        done.touch()
    return programs


def versions() -> str:
    """Return the names and versions of the peers."""
    code = (
        "from importlib.metadata import version\n"
        "print(*(f'{name} {version(name)}' for name in "
        "('arq', 'dramatiq', 'fastapi', 'aiohttp', 'redis')), sep=', ')"
    )
    done = subprocess.run([str(install() / "python"), "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def run(name: str, jobs: int) -> float:
    """Return how many jobs a second a worker of a peer does, once it has begun."""
    programs, words = install(), WORKERS[name]
    with server() as (url, _), tempfile.TemporaryDirectory() as folder:
        rate = Path(folder) / "rate"
        environ = {"PATH": os.environ["PATH"], "REDIS_URL": url, "JOBS": str(jobs), "RATE": str(rate)}
        environ |= {"PYTHONPATH": str(HERE), "HOME": folder}
        module = "arq_jobs" if name == "arq" else words[1].partition(".")[0]
        fill = [str(programs / "python"), f"{module}.py", "fill", str(jobs)]
        subprocess.run(fill, cwd=HERE, env=environ, check=True)
        worker = subprocess.Popen(
            [str(programs / words[0]), *words[1:]],
            cwd=HERE,
            env=environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            deadline = time.monotonic() + 60
            while not rate.exists():
                if worker.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"the worker of {name} did not do its jobs")
                time.sleep(0.05)
            return float(rate.read_text())
        finally:
            worker.terminate()
            try:
                worker.wait(10)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()
