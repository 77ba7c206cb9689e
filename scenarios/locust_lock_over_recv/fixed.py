"""One thread owns the socket and waits for master and sender at once.

No window: there is no lock, and nobody waits for one thing while another is due.
"""

POLICY = "single_owner"
