"""Strategies: each decides, across executions, which task moves at every choice."""
