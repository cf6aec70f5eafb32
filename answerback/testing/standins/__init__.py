"""Stateful stand-ins of the platforms' APIs: real response shapes, faults on demand, and a record of everything.

They run as a process of their own, so that what is tested meets them as it would meet the platforms: over a socket
that may break at any moment. They import nothing of Answerback: how a platform behaves is written down here a second
time, from its documentation.

    python -m answerback.testing.standins --port 8200

`running.start` and `client.StandIns` control such a process from a test; `sender` makes signed webhooks.
"""
