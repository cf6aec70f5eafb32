"""The worker: claims threads, replays their history, runs agents, posts replies, commits."""
