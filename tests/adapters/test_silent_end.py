"""Only what the program under test says is heard of, not how its tasks are ended."""

from __future__ import annotations

import logging
import sys
import threading
import weakref

from pytest_racecheck.adapters.silent_end import silent_end
from pytest_racecheck.engine import Unwind
from twins import find


class Resource:
    """Its finaliser takes a lock, which nobody should do and many do."""

    lock = threading.Lock()

    def __del__(self):
        with self.lock:
            pass


def test_finalisers_that_are_unwound_are_not_reported(monkeypatch):
    heard = []
    monkeypatch.setattr(sys, "unraisablehook", heard.append)

    def body():
        def hold():
            resource = Resource()
            weakref.finalize(resource, threading.Lock().acquire)
            threading.Event().wait()

        thread = threading.Thread(target=hold)
        thread.start()
        with Resource.lock:
            thread.join()

    assert find(body).failure.kind == "deadlock"
    assert heard == []


def test_other_errors_in_finalisers_are_still_reported(monkeypatch):
    heard = []
    monkeypatch.setattr(sys, "unraisablehook", lambda args: heard.append(args.exc_type))

    class Bad:
        def __del__(self):
            raise LookupError

    def body():
        thread = threading.Thread(target=lambda: [Bad()])
        thread.start()
        thread.join()

    assert find(body).failure is None
    assert set(heard) == {LookupError}


def test_a_hook_that_the_body_installs_stays(monkeypatch):
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    with silent_end():
        sys.unraisablehook = print
    assert sys.unraisablehook is print


def test_only_the_end_of_a_task_is_kept_out_of_the_log(caplog):
    logger = logging.getLogger("concurrent.futures")
    with silent_end():
        for error in (Unwind, LookupError):
            try:
                raise error
            except BaseException:
                logger.critical("Exception in worker", exc_info=True)
        logger.critical("no exception at all")
    logged = [record.exc_info and record.exc_info[0] for record in caplog.records]
    assert logged == [LookupError, None]
