"""Times uncontrolled repetition: the same body on plain threads, as often as it goes."""

from __future__ import annotations

import _thread
import json
import os
import time

from tests.bench.programs import Program
from tests.bench.sample import Sample, Stopwatch

GRACE_S = 1.0


def run(program: Program, variant: str, seconds: float) -> Sample:
    """Executions of the body; when one hangs, those before it are told and the process ends."""
    watch = Stopwatch(seconds)
    _thread.start_new_thread(_give_up, (watch, program, seconds + GRACE_S))
    while watch.running:
        watch.said += 1
        watch.judge(program.body())
    return watch.sample()


def _give_up(watch: Stopwatch, program: Program, seconds: float) -> None:
    # Nothing can end a thread that hangs; its process can.
    time.sleep(seconds)
    if "deadlock" in program.endings:
        watch.count("deadlock")
    else:
        watch.trouble = f"one execution did not end within {seconds:g} s"
    print(json.dumps(watch.sample().as_json()), flush=True)
    os._exit(0)
