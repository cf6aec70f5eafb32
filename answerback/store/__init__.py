"""Storage in Redis: threads, outboxes, dead letters, workers. No other code accesses Redis.

This package exports nothing: import a class from its module, such as `answerback.store.threads.threads`, so that a
process loads only what it uses. Every atomic operation is a script in `lua/`, and every key is a function in `keys`.
"""
