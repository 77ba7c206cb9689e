"""The two ways to run a body: explored under control, and once on free threads."""

from __future__ import annotations

import threading

from pytest_racecheck import explore


def controlled(body):
    """The type of the failure that some schedule shows, or None; three replays agree."""
    finding = explore(body, strategy="random", executions=60, seconds=20)
    if finding.failure is None:
        return None
    assert finding.replays == (3, 3)
    return finding.failure.type


def free(body):
    """The type of what escapes from one run on free threads, or None."""
    try:
        body()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what is asked for
        return type(error).__name__
    return None


def together(*calls):
    """Call each in a thread of its own; raises what the first of them raised."""
    errors = []

    def run(call):
        try:
            call()
        except Exception as error:  # noqa: BLE001 - raised below
            errors.append(error)

    threads = [
        threading.Thread(target=run, args=(call,), name=name)
        for name, call in zip("abcdef", calls, strict=False)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
