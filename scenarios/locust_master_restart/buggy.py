"""The worker registers once, as Locust's own and locust4j do.

The window: all the time between the first `client_ready` and the end.
"""

REGISTER_AGAIN_S = None
