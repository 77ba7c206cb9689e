"""The inter-thread signalling programs: one receiver, many senders, one ZeroMQ socket kind each.

``python -m pytest_racecheck.signalling.pushpull -threads 10 -msgs 1000`` runs one of them; each
program file names its kind, everything else is shared. Importing this package imports no zmq.
"""
