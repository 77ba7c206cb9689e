"""No message is not a message.

No window: None is looked for first.
"""

from pytest_racecheck.locust.wire import unpack


def handle(state, payload):
    if payload is not None:
        state.receive(unpack(payload))
