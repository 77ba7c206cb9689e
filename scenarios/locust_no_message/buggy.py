"""What `recv` gives is decoded.

The window: every time-out.
"""

from pytest_racecheck.locust.wire import unpack


def handle(state, payload):
    state.receive(unpack(payload))
