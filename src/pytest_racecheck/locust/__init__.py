"""A Locust master and worker over ZeroMQ, with every way of sharing the worker's one socket.

``python -m pytest_racecheck.locust.master`` and ``python -m pytest_racecheck.locust.worker`` talk
to each other and to Locust. Importing this package imports no library.
"""
