"""The work is tried again inside the transaction as it is.

The window: the first refusal aborts the transaction; five attempts meet the same 25P02.
"""

RETRY = "statement"
