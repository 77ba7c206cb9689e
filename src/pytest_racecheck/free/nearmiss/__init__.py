"""Near misses on free threads: delays where two threads nearly met, and who was caught at it.

Li, Lu, Musuvathi, Nath, Padhye, "Efficient scalable thread-safety-violation detection" (TSVD),
SOSP 2019; Stoica and others, "WAFFLE: Exposing memory ordering bugs efficiently with active delay
injection", EuroSys 2023.  Where we differ stands beside the code that does.
"""

from __future__ import annotations

from pytest_racecheck.free.nearmiss.contracts import Contracts
from pytest_racecheck.free.nearmiss.meeting import Meeting, Side
from pytest_racecheck.free.nearmiss.pairs import Pair, Pairs
from pytest_racecheck.free.nearmiss.watch import Watch

__all__ = ["Contracts", "Meeting", "Pair", "Pairs", "Side", "Watch"]
