"""`make bench`: the runs are interleaved, each figure is the median of its runs."""

from __future__ import annotations

import os

from tests.bench import posts, streams, turns, webhooks
from tests.bench.bench import machine, median

RUNS = int(os.environ.get("RUNS", "3"))


def main() -> None:
    """Run all benchmarks and print the table of docs/benchmarks.md."""
    print(machine())
    webhook_runs, bare_runs, turn_runs, stream_runs = [], [], [], []
    two_receivers, two_workers, chat_runs, post_runs = [], [], [], []
    for number in range(RUNS):
        print(f"run {number + 1} of {RUNS} …", flush=True)
        webhook_runs.append(webhooks.run())
        two_receivers.append(webhooks.run(processes=2))
        bare_runs.append(webhooks.run("tests.bench.bare"))
        turn_runs.append(turns.run())
        two_workers.append(turns.run(processes=2))
        chat_runs.append(turns.run(threads=turns.CHATS, rounds=1))
        post_runs.append(posts.run())
        stream_runs.append(streams.run())
    print(f"signed 8 KB webhooks/s, one ingress process       {median([rate for rate, _ in webhook_runs])}")
    print(f"  per second of its CPU time                      {median([rate for _, rate in webhook_runs])}")
    print(f"  two ingress processes                           {median([rate for rate, _ in two_receivers])}")
    print(f"  per second of their CPU time                    {median([rate for _, rate in two_receivers])}")
    print(f"  bare aiohttp: read, hash, answer, store nothing {median([rate for rate, _ in bare_runs])}")
    print(f"events/s through claim, run, commit, one worker   {median([rate for rate, _ in turn_runs])}")
    print(f"  per second of its CPU time                      {median([rate for _, rate in turn_runs])}")
    print(f"  two worker processes                            {median([rate for rate, _ in two_workers])}")
    print(f"  per second of their CPU time                    {median([rate for _, rate in two_workers])}")
    print(f"the same with one event a thread, one worker      {median([rate for rate, _ in chat_runs])}")
    print(f"  per second of its CPU time                      {median([rate for _, rate in chat_runs])}")
    print(f"from webhook to POST at the platform, p50, µs     {median([run.p50 * 1000 for run in post_runs])}")
    print(f"  p99, µs                                         {median([run.p99 * 1000 for run in post_runs])}")
    print(f"  POSTs/s of {posts.AT_ONCE:,} webhooks at once                {median([run.rate for run in post_runs])}")
    readers = f"words/s to {streams.READERS:,} readers of one ingress process"
    print(f"{readers:<50}{median([run.rate for run in stream_runs])}")
    print(f"  from worker to reader, p50, µs                  {median([run.p50 * 1000 for run in stream_runs])}")
    print(f"  from worker to reader, p99, µs                  {median([run.p99 * 1000 for run in stream_runs])}")
    print(f"  memory of ingress a reader, bytes               {median([run.memory * 1024 for run in stream_runs])}")
    print(f"  from POST to the first event, p50, µs           {median([run.first * 1000 for run in stream_runs])}")


if __name__ == "__main__":
    main()
