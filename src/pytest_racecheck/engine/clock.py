"""The real clock, kept apart: nothing else in the engine may look at wall time."""

from __future__ import annotations

import time

# Taken before anything is replaced in the ``time`` module.
real_monotonic_s = time.monotonic
real_perf_s = time.perf_counter
real_time_s = time.time
real_sleep_s = time.sleep

#: How much each reading of a virtual clock moves it, so that a loop until a deadline ends.
READ_S = 1e-6
