"""Stateful stand-ins of the platforms' APIs: real answer shapes, faults on demand, and a record of everything.

Acceptance tests run them as a process of their own (`tests.standins.client.StandIns`), so that what is under
test meets them as it would meet the platforms: over a socket which may break at any moment. They import nothing
from the code under test: how a platform behaves is written down here a second time, from its documentation.
"""
