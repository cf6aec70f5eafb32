"""Stateful stand-ins of the platforms' APIs: real response shapes, faults on demand, and a record of everything.

They run as a process of their own, so that the code under test reaches them as it reaches the platforms: over a socket
that may break at any moment. They import nothing of Answerback: the behaviour of each platform is implemented a second
time here, from its documentation.

    python -m answerback.testing.standins --port 8200

`running.start` and `client.StandIns` control such a process from a test; `sender` makes signed webhooks.
"""
