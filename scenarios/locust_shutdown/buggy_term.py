"""Who stops the worker terminates the context; that wakes the receiver with an error.

The window: as long as the receiver waits. What it reports, errno 156384765, is ETERM: the context
was terminated. Nothing was corrupted, and no lock would change it.
"""

POLICY = "close_foreign(context)"
