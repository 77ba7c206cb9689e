"""Probes: what product code may import; silent and nearly free unless something listens."""

from __future__ import annotations

from pytest_racecheck.probes.points import probe

__all__ = ["probe"]
