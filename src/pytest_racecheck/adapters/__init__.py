"""Adapters: each turns the blocking calls of one world into scheduling points."""
