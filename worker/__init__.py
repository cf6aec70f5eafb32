"""The worker: claims threads, replays their history, runs agents, commits turns and posts replies."""
