"""The whole transaction is done again, its commit included.

No window: who comes second reads what the first has written.
"""

RETRY = "whole"
