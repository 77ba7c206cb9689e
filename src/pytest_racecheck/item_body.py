"""A pytest test as a body: each execution has function-scoped fixtures of its own."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from _pytest.logging import caplog_records_key
from _pytest.tmpdir import tmppath_result_key

from pytest_racecheck.diagnosis.module_state import changed, pictures_of
from pytest_racecheck.engine.unwinding import leave_no_child_behind


def set_up_wider_fixtures_only(item: pytest.Function) -> None:
    """Let pytest's own set-up make what several tests share; the rest is made under control.

    A fixture of the test itself may start threads, or wait for some: outside an execution they
    would be real ones, and nobody would notice that they hang.
    """

    def set_up() -> None:
        known = item._fixtureinfo.name2fixturedefs
        for name in item.fixturenames:  # in the order in which pytest would set them up
            if name in known and known[name][-1].scope != "function":
                item.funcargs[name] = item._request.getfixturevalue(name)

    item.setup = set_up  # type: ignore[method-assign]


class ItemBody:
    """Calls the test once, as if it were the first time; only the last execution's output is kept.

    ``files_under_test`` is where the test is written: its code gets scheduling points.
    """

    def __init__(self, item: pytest.Function) -> None:
        self._item = item
        self._wider = _wider_fixtures(item)
        self._at_first = pictures_of(self._wider)
        self._state = item.session._setupstate
        self._fresh = _has_function_fixtures(item)
        item.__dict__.pop("setup", None)  # from here on the set-up is the whole one
        manager = item.config.pluginmanager
        self._logging = manager.getplugin("logging-plugin")
        self._forget = _what_forgets_output(manager.getplugin("capturemanager"), self._logging)
        # pytest 9.2 counts the folders of a name; before, it looked which ones are there.
        factory = getattr(item.config, "_tmp_path_factory", None)
        self._numbers: dict[Any, int] = getattr(factory, "_next_number", {})
        self._first_numbers = dict(self._numbers)
        self._warned: dict[tuple[str, int, str, str], warnings.WarningMessage] = {}
        self._log: list[warnings.WarningMessage] = []
        self.executions = 0
        #: Calls the test function with its fixtures; stress does it in several threads.
        self.call_with: Callable[[Callable[[], object]], object] = lambda call: call()
        self._properties = len(item.user_properties)
        self.files_under_test = (str(item.path),)
        self.__name__ = item.obj.__name__

    def __call__(self) -> None:
        """Set up, call, tear down; raises what the test raises."""
        self.executions += 1
        self._keep_new_warnings()
        del self._item.user_properties[self._properties :]
        for forget in self._forget:
            forget()
        self._new_instance()
        if not self._fresh:
            self._call_without_fixtures()
            return
        self._remove_folder()
        item = self._item
        item.stash[tmppath_result_key] = {"call": False}  # keeps the folder: we remove it ourselves
        item._initrequest()
        try:
            self._state.setup(item)
            self._end_of_set_up()
            self._call()
        except BaseException as error:
            self._say_if_only_now(error)
            also = self.tear_down()
            if also is not None and isinstance(error, Exception):
                error.add_note(f"also, at its tear-down: {type(also).__name__}: {also}")
            raise
        error_at_the_end = self.tear_down()
        if error_at_the_end is not None:
            raise error_at_the_end

    def left_over(self) -> list[str]:
        """The fixtures of wider scopes that executions have changed, by name and scope."""
        return changed(self._at_first, pictures_of(self._wider))

    def begin_anew(self, number: int) -> None:
        """In a process that shares the search: what is printed is nobody's, folders are its own."""
        self._forget = _what_forgets_output(None, self._logging)
        self._item.funcargs.pop("tmp_path", None)  # which the parent will remove
        factory = getattr(self._item.config, "_tmp_path_factory", None)
        if factory is not None:
            own = factory.getbasetemp() / f"racecheck-worker-{number}"
            shutil.rmtree(own, ignore_errors=True)
            own.mkdir()
            factory._basetemp = own

    def _call_without_fixtures(self) -> None:
        try:
            self._call()
        except pytest.skip.Exception as skipped:
            self._say_if_only_now(skipped)
            raise

    def _say_if_only_now(self, error: BaseException) -> None:
        """Earlier executions ran, this one did not want to: it must not look like all skipped."""
        if self.executions > 1 and isinstance(error, pytest.skip.Exception):
            error.msg = f"only in execution {self.executions}, the others passed: {error.msg}"

    def _end_of_set_up(self) -> None:
        """What the set-up logged belongs to the set-up, as ``caplog`` has it."""
        if self._logging is not None:
            records = self._item.stash.get(caplog_records_key, {})
            records["setup"] = list(self._logging.caplog_handler.records)
            self._logging.caplog_handler.clear()

    def _call(self) -> None:
        names, here = self._item._fixtureinfo.argnames, os.getpid()
        try:
            given = {name: self._item.funcargs[name] for name in names}
            self.call_with(lambda: self._item.obj(**given))
        finally:
            leave_no_child_behind(here)  # a child must not tear anything down

    def _new_instance(self) -> None:
        """A method gets a new instance of its class, as each test does."""
        item = self._item
        made = getattr(item.parent, "obj", None)
        own = (
            getattr(made, item.originalname, None)
            if isinstance(item.parent, pytest.Class)
            else None
        )
        if own is not None and getattr(item.obj, "__func__", None) is own:
            for name in ("_instance", "_obj"):
                item.__dict__.pop(name, None)

    def tear_down(self) -> BaseException | None:
        """Run every finaliser of the test itself, whatever they raise; returns the first error.

        An error that ends the execution from outside goes before all others.
        """
        found = self._state.stack.get(self._item)
        if found is None:
            return None
        errors: list[BaseException] = []
        finalizers = found[0]
        while finalizers:
            try:
                finalizers.pop()()
            except BaseException as error:  # noqa: BLE001 - handed on below, after the others have run
                errors.append(error)
        del self._state.stack[self._item]
        urgent = [error for error in errors if not isinstance(error, Exception)]
        return next(iter(urgent or errors), None)

    def _remove_folder(self) -> None:
        """The last execution's, so that the next one gets the same name; the very last is kept."""
        folder = self._item.funcargs.get("tmp_path")
        if isinstance(folder, Path):
            shutil.rmtree(folder, ignore_errors=True)
        for name in self._numbers:
            self._numbers[name] = self._first_numbers.get(name, 0)

    @contextmanager
    def warnings_shown_once(self) -> Iterator[None]:
        """A thousand executions that warn of the same thing warn once."""
        try:
            with warnings.catch_warnings(record=True) as self._log:
                yield
        finally:
            self._keep_new_warnings()
            for seen in self._warned.values():
                # They have passed the filters already, which may have been the body's own.
                warnings.showwarning(seen.message, seen.category, seen.filename, seen.lineno)

    def _keep_new_warnings(self) -> None:
        for seen in self._log:
            key = (seen.filename, seen.lineno, seen.category.__name__, str(seen.message))
            self._warned.setdefault(key, seen)
        self._log.clear()


def _wider_fixtures(item: pytest.Function) -> dict[str, object]:
    """What several tests share and somebody else than pytest has made."""
    found = {}
    for name, definitions in item._fixtureinfo.name2fixturedefs.items():
        scope, made_by = definitions[-1].scope, definitions[-1].func.__module__
        if scope != "function" and name in item.funcargs and not made_by.startswith("_pytest"):
            found[f"fixture `{name}` (scope {scope})"] = item.funcargs[name]
    return found


def _has_function_fixtures(item: pytest.Function) -> bool:
    """Whether a fixture of function scope (autouse and xunit-style set-up included) is in use.

    With ``request`` a test may ask for one while it runs.
    """
    closure = item._fixtureinfo.name2fixturedefs
    scopes = [defs[-1].scope for defs in closure.values() if defs]
    return "request" in item._fixtureinfo.names_closure or "function" in scopes


def _what_forgets_output(capture: Any, logging: Any) -> list[Callable[[], Any]]:
    """What drops the output captured so far: of prints and of log messages."""
    forget: list[Callable[[], Any]] = []
    if capture is not None and capture.is_globally_capturing():
        forget.append(capture.read_global_capture)
    if logging is not None:
        forget += [logging.caplog_handler.clear, logging.report_handler.clear]
    return forget
