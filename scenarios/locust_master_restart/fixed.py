"""A worker that hears nothing for three heartbeats registers again.

No window: a master that knows it answers every heartbeat, so silence means that it does not.
"""

REGISTER_AGAIN_S = 3.0
