"""`python -m tests.chaos`: EVENTS events, FAULTS faults, drawn by SEED. Ends with 1 if a promise was broken.

TOPOLOGY: sentinel or cluster; one server if it is not set. STREAMS: so many replies are streamed, and nothing else.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import statistics
import sys
import tempfile
from pathlib import Path

from tests.chaos.run import Result, run
from tests.chaos.streams.run import run as run_streams


def table(result: Result) -> str:
    """The figures, and as the last line what counts."""
    lines = [f"SEED={result.seed} EVENTS={result.events}   {result.took:.0f} s", ""]
    lines += [f"  {count:6}  {fault}" for fault, count in sorted(result.faults.items())]
    lines += ["", "  answers to providers: " + ", ".join(f"{n} × {what}" for what, n in result.answers.most_common())]
    for what, seconds in result.seconds.items():
        lines.append(f"  {what}: {statistics.median(seconds):.1f} s, at most {max(seconds):.1f} s")
    bill = result.bill
    lines.append(
        f"  model requests: {bill.made} made = {bill.needed} needed + {bill.failed} failed by a fault + {bill.unseen} "
        f"whose answer died with its worker + {bill.awoken} by a worker that woke up too late; {bill.twice} paid twice"
    )
    lines.append(f"  charges: {bill.charges} made, {len(bill.charged_twice)} made twice")
    lines.append("  dead letters: " + (", ".join(f"{n} × {why}" for why, n in result.letters.items()) or "none"))
    lines += [f"  logged: {n} × {words}" for words, n in result.errors.most_common(12)]
    verdict = result.verdict
    if verdict.repeated:
        lines.append(f"  posted again where nobody can look: {len(verdict.repeated)}, each announced in the log")
    broken = [f"lost {verdict.lost}", f"doubled {verdict.doubled}", f"reordered {verdict.reordered}"]
    broken += [f"unexpected {verdict.unexpected}", f"misplaced {verdict.misplaced}"]
    lines += [f"  BROKEN: {what[:2000]}" for what in broken if not what.endswith("[]")]
    lines += [f"  BROKEN: {what}" for what in result.wrong[:40]]
    if not bill.good:
        lines.append(f"  BROKEN: {bill}")
    lines.append("")
    lines.append(
        f"lost={len(verdict.lost)} doubled={len(verdict.doubled)} reordered={len(verdict.reordered)} "
        f"faults={sum(result.faults.values())} replayed={result.replayed}"
    )
    return "\n".join(lines)


def _streams(streams: int, seed: int) -> int:
    kills = int(os.environ.get("FAULTS") or max(5, streams // 12))
    print(f"STREAMS={streams} SEED={seed} FAULTS={kills}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="streams-"))
    result = asyncio.run(run_streams(folder, streams, seed, kills))
    print(result.table)
    if not result.wrong:
        shutil.rmtree(folder)
        return 0
    print(f"logs: {folder}", file=sys.stderr)
    return 1


def main() -> int:
    """Run once."""
    # What ends it ends what it has started, too: as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    events = int(os.environ.get("EVENTS", "10000"))
    seed = int(os.environ.get("SEED") or random.randrange(1_000_000))
    faults = int(os.environ.get("FAULTS") or max(12, events // 150))
    if streams := int(os.environ.get("STREAMS") or 0):
        return _streams(streams, seed)
    topology = os.environ.get("TOPOLOGY", "")
    where = f" TOPOLOGY={topology}" if topology else ""
    print(f"EVENTS={events} SEED={seed} FAULTS={faults}{where}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    result = asyncio.run(run(folder, events, seed, faults, topology))
    print(table(result))
    if result.good:
        shutil.rmtree(folder)
        return 0
    print(f"logs: {folder}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
