"""The transaction is rolled back, and done again after a pause.

No window: five attempts outlast a holder that needs three statements.
"""

RETRY = "whole"
