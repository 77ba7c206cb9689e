"""Tiny scenarios of plain threads in a temporary folder, for the tests of catalogue and command."""

from pathlib import Path

import pytest

TOML = """
title    = "Two threads add to one counter"
system   = "a counter"
anomaly  = "lost message"
cases    = ["T-01"]
requires = []
modes    = ["controlled", "free"]

[source]
document = "a test"
section  = "none"
quote    = "counter += 1"
link     = "https://example.org/counter"

[bounds]
strategy    = "bounded"
preemptions = 1
executions  = 500
seconds     = 20

[workload.controlled]
threads  = 2
messages = 1

[workload.free]
threads    = 2
messages   = 1
deadline_s = 20

[variants.buggy]
role    = "buggy"
expects = "reproduced"
[variants.buggy.controlled]
kind = "assertion"
[variants.buggy.free]
expects  = "reproduced"
runs     = 3
min_rate = 1.0
kind     = "assertion"

[variants.fixed]
role    = "fixed"
expects = "ruled out"
[variants.fixed.free]
expects  = "inconclusive"
runs     = 4
control  = "buggy"
min_rate = 0.5
"""

FILES = {
    "workload": '''
"""Threads add to a counter; nothing may be lost."""
import threading

def run(system, *, threads, messages):
    counter = system.Counter(threads)
    workers = [threading.Thread(target=counter.add) for _ in range(threads * messages)]
    for worker in workers: worker.start()
    for worker in workers: worker.join()
    assert counter.value == threads * messages, "an update was lost"
''',
    "buggy": '''
"""Each thread reads before any writes: the barrier makes the window certain."""
import threading

class Counter:
    def __init__(self, parties):
        self.value, self.both = 0, threading.Barrier(parties)
    def add(self):
        seen = self.value
        self.both.wait()
        self.value = seen + 1
''',
    "fixed": '''
"""A lock around reading and writing."""
import threading

class Counter:
    def __init__(self, parties):
        self.value, self.lock = 0, threading.Lock()
    def add(self):
        with self.lock:
            self.value += 1
''',
    "hang": '''
"""Nobody sets the event; tells a test that asks for it when it has come so far."""
import os, subprocess, threading

class Counter:
    value = 0
    def __init__(self, parties):
        self.never = threading.Event()
        if "TINY_FIFO" in os.environ:
            sleeper = subprocess.Popen(["sleep", "600"], start_new_session=True)
            with open(os.environ["TINY_FIFO"], "w") as fifo:
                fifo.write(f"{os.getpid()} {sleeper.pid}")
    def add(self): self.never.wait()
''',
    "crash": '''
"""Takes the process with it."""
import os

class Counter:
    value = 0
    def __init__(self, parties):
        os.write(2, b"Assertion failed: check () (tiny.cpp:7)\\n")
        os.abort()
''',
    "unimportable": "import nothing_of_that_name\n",
    "port": '''
"""Wants a port that the test holds."""
import os, socket

class Counter:
    value = 0
    def __init__(self, parties):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", int(os.environ["TINY_PORT"])))
''',
}


class TinyScenarios:
    """Writes scenarios below `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str = "tiny_counter", toml: str = TOML, more: str = "") -> Path:
        """A scenario with every file there is; `more` is appended to `toml`."""
        place = self.folder / name
        place.mkdir(parents=True, exist_ok=True)
        (place / "scenario.toml").write_text(toml + more)
        for stem, text in FILES.items():
            (place / f"{stem}.py").write_text(text.lstrip())
        return place

    def change(self, old: str, new: str, name: str = "tiny_counter") -> Path:
        """The usual scenario with `old` replaced in its toml."""
        assert old in TOML, old
        return self.write(name, TOML.replace(old, new))


@pytest.fixture
def tiny(tmp_path: Path) -> TinyScenarios:
    """A folder `scenarios` with the scenario `tiny_counter` in it."""
    scenarios = TinyScenarios(tmp_path / "scenarios")
    scenarios.write()
    return scenarios
