"""One execution: hands the baton from task to task, and notices when nobody can take it.

Two verbs move the baton, ``switch`` and ``wait_until``; every adapter is written with them.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pytest_racecheck.engine.body import body_raised, let_the_others_end
from pytest_racecheck.engine.carrier import Carrier, CarrierPool, current_key
from pytest_racecheck.engine.choosing import decide, find_late, the_only_one
from pytest_racecheck.engine.failure import TaskFailure
from pytest_racecheck.engine.quiescence import settle
from pytest_racecheck.engine.state import ExecutionState
from pytest_racecheck.engine.task import Task, Unwind
from pytest_racecheck.engine.unwinding import end_early, leave_no_child_behind, unwind_the_rest
from pytest_racecheck.engine.watchdog import answer_alarm, come_back, interrupted

if TYPE_CHECKING:
    from pytest_racecheck.engine.greenlets import GreenCarrier, GreenPool
    from pytest_racecheck.engine.strategies.base import Decider
    from pytest_racecheck.engine.trace import Trace


def _not_recorded(*_: object) -> None:
    """No decider wants to know which data is touched."""


class Execution(ExecutionState):
    """The body once, under one schedule.  Not thread-safe: whoever holds the baton may touch it."""

    __slots__ = (
        *("_begin", "forced", "hand_over", "heard", "operation", "performed", "pick"),
        *("pick_value", "pool", "touched", "touched_data"),
    )

    def __init__(
        self,
        decider: Decider,
        pool: CarrierPool | GreenPool,
        *,
        max_steps: int = 20_000,
        patience_s: float = 2.0,
        trace: Trace | None = None,
    ) -> None:
        super().__init__(max_steps, patience_s, trace, step_limit=max_steps)
        self.pick = decider.pick
        self.pick_value: Callable[..., Task] = getattr(decider, "choose", decider.pick)
        # What else the decider wants to hear of (strategies/base.py); most want nothing.
        self.performed: Callable[[Task], None] | None = getattr(decider, "performed", None)
        self.operation: Callable[[Task], None] | None = getattr(decider, "operation", None)
        self.touched: Callable[[object, object, str], None] | None
        self.touched = getattr(decider, "touched", None)
        self.touched_data: Callable[..., None] = getattr(decider, "touched_data", _not_recorded)
        self.heard: Callable[[Task], None] | None = None
        self.forced: Callable[[Task], None] | None = getattr(decider, "forced", None)
        self._begin: Callable[[Execution], None] | None = getattr(decider, "begin", None)
        self.pool = pool
        self.hand_over = pool.hand_over

    def _listener(self) -> Callable[[Task], None] | None:
        """Who is told of every operation as it is performed: decider, race detection, trace."""
        races = self.data_races
        told = [self.operation, None if races is None else races.heard]
        told.append(None if self.trace is None else self.note)
        several = [one for one in told if one is not None]
        if len(several) < 2:
            return several[0] if several else None

        def all_of_them(task: Task) -> None:
            for one in several:
                one(task)

        return all_of_them

    # --- the two verbs, for the task that holds the baton --------------------------------------

    def switch(self, task: Task, label: str, target: object, site: object = None) -> None:
        """Let another task go first, perhaps; then ``task`` performs its operation."""
        if task.doomed:
            raise Unwind
        task.pending = (label, target, site)
        self.quiet = 0
        self.enabled = None
        self.advance(task)
        self.enabled = None
        if self.heard is not None:
            self.heard(task)

    def look(self, task: Task, target: object, label: str = "look at") -> None:
        """The same before an operation that changes nothing; many in a row let others go first."""
        if task.doomed:
            raise Unwind
        task.pending = (label, target, None)
        self.quiet += 1
        self.enabled = None
        self.advance(task)
        self.enabled = None
        if self.heard is not None:
            self.heard(task)

    def wait_until(
        self,
        task: Task,
        ready: Callable[[], bool],
        label: str,
        target: object,
        timeout_s: float | None = None,
        outside: bool = False,
    ) -> bool:
        """Let others go first until ``ready()``; False when the virtual deadline came first."""
        if task.doomed:
            raise Unwind
        task.pending = (label, target, None)
        task.ready = ready
        task.timed_out = False
        task.limited = timeout_s is not None
        if timeout_s is not None:
            task.deadline_s = self.now_s + max(timeout_s, 0.0)
            self.timed += 1
        if outside:
            self.needs.append("a task waits for something outside the program")
        self.outside_waits += outside
        self.quiet = 0
        self.enabled = None
        try:
            self.advance(task)
        finally:
            task.ready = None
            self.enabled = None
            self.outside_waits -= outside
            if timeout_s is not None:
                task.deadline_s = None
                self.timed -= 1
        if self.heard is not None:
            self.heard(task)
        came = timeout_s is None or not task.timed_out
        task.timed_out = False  # of this operation, not of the next ones
        return came

    def wait_for(self, task: Task, ready: Callable[[], bool], label: str, target: object) -> None:
        """``wait_until`` without a deadline, for something of this program: the most frequent."""
        if task.doomed:
            raise Unwind
        task.pending = (label, target, None)
        task.ready = ready
        task.timed_out = task.limited = False
        self.quiet = 0
        self.enabled = None
        try:
            self.advance(task)
        finally:
            task.ready = None
            self.enabled = None
        if self.heard is not None:
            self.heard(task)

    def note(self, task: Task) -> None:
        """Write the operation into the trace, with control off in this thread meanwhile."""
        assert self.trace is not None
        with self.uncontrolled_here():
            self.trace.note(task, self)

    @contextmanager
    def uncontrolled_here(self) -> Iterator[None]:
        """Code of ours that looks at the user's objects must not meet its own gates."""
        key = current_key()
        task = self.by_key.pop(key, None)
        try:
            yield
        finally:
            if task is not None and not task.done:
                self.by_key[key] = task

    # --- choosing ------------------------------------------------------------------------------

    def advance(self, task: Task) -> None:
        """Choose who moves next; return when it is ``task``'s turn.  Raises Unwind when doomed."""
        if self.current is not task:
            come_back(self, task)
        self.steps += 1
        if self.steps > self.step_limit:
            self.alarm(task)
        if self.performed is not None:
            self.performed(task)
        enabled = self.enabled
        if enabled is not None and len(enabled) > 1 and not self.timed and not self.unwinding:
            chosen = decide(self, enabled, task, ())  # as below: a call costs as much as a choice
        else:
            chosen = self.next_task(task)
        if chosen is not task:
            self.current = chosen
            self.hand_over(self, task, chosen)
        if task.doomed:
            end_early(self, task)

    def park(self, task: Task) -> None:
        """Wait at the gate until somebody hands the baton to ``task``."""
        try:
            task.carrier.pause()
        except BaseException as error:  # a signal handler raised in the main thread
            interrupted(self, task, error)
            raise

    def next_task(self, task: Task | None) -> Task:
        """Return who moves next; decides, lets time pass, or begins to unwind when nobody can."""
        if self.unwinding:
            return self.tasks[0]
        enabled = self.enabled
        if enabled is None:
            enabled = self.enabled = self.find_enabled()
        late = find_late(self, enabled) if self.timed else ()
        if len(enabled) + len(late) > 1:
            chosen = decide(self, enabled, task, late)
        else:
            chosen = enabled[0] if enabled else self.when_nobody_can(task)
            if self.forced is not None and not self.unwinding:
                chosen = the_only_one(self, chosen)
        if self.timed and chosen.deadline_s is not None:
            self._wake(chosen)
        return chosen

    def find_enabled(self) -> list[Task]:
        """Tasks whose pending operation can complete now, in order of birth."""
        if not self.timed:
            return [t for t in self.live if t.ready is None or t.ready()]
        now = self.now_s
        return [
            t
            for t in self.live
            if t.ready is None or t.ready() or (t.deadline_s is not None and t.deadline_s <= now)
        ]

    def _wake(self, task: Task) -> None:
        assert task.deadline_s is not None
        if task.ready is not None and not task.ready():
            task.timed_out = True
            self.now_s = max(self.now_s, task.deadline_s)

    def when_nobody_can(self, task: Task | None) -> Task:
        """Nobody is enabled: let time pass, wait for the outside, or say why this is the end."""
        with self.uncontrolled_here():
            return settle(self, task)

    def alarm(self, task: Task) -> None:
        """The step limit is passed, or the watchdog wants to know whether anybody still moves."""
        with self.uncontrolled_here():
            answer_alarm(self, task)

    def begin_unwinding(self, why: str) -> Task:
        """End this execution early: the body's own task unwinds first, then all the others."""
        main = self.tasks[0]
        self.cut_off = self.cut_off or why
        self.unwinding = True
        if not main.ended:
            main.doomed = True
        self.enabled = None
        return main

    # --- birth and death -----------------------------------------------------------------------

    def birth(self, parent: Task | None, name: str, carrier: Carrier | GreenCarrier) -> Task:
        """Make the task that ``parent`` starts; it is live at once, and moves when chosen."""
        path = "main" if parent is None else f"{parent.path}/{parent.children}"
        task = Task(len(self.tasks), path, name, carrier)
        if parent is not None:
            parent.children += 1
        self.tasks.append(task)
        self.live.append(task)
        self.by_key[carrier.key] = task
        self.enabled = None
        if parent is not None and self.touched is not None:
            self.touched(task, "birth", "release")
        if self.lock_order is not None and parent is not None:
            self.lock_order.born(parent, task)
        if self.clocks is not None:
            if parent is not None:
                parent.clock[parent.index] = parent.clock.get(parent.index, 0) + 1
                task.clock = dict(parent.clock)
            task.clock[task.index] = 1
        return task

    def spawn(self, parent: Task, name: str, function: Callable[[], Any]) -> Task:
        """Start ``function`` as a child of ``parent``; the caller is still the one that moves."""
        task: Task

        def job() -> None:
            try:
                if not task.doomed:
                    if self.operation is not None:
                        self.operation(task)
                    function()
                elif task.cut_short is not None:
                    task.cut_short()
            except Unwind:
                pass
            except BaseException as error:
                self.fail(task, error)
            task.carrier.end_data()
            self.finish(task)

        task = self.birth(parent, name, self.pool.start(job))
        return task

    def fail(self, task: Task, error: BaseException) -> None:
        """Write down what killed ``task``; the others go on (design 3.8)."""
        if self.signals is not None and self.signals.is_the_cause(error):
            self.interrupt = error  # raised in this task because greenlets share the main thread
            self.begin_unwinding("interrupted")
            return
        if not task.doomed and not any(known.error is error for known in self.failures):
            self.failures.append(TaskFailure.of_error(error, task))

    def finish(self, task: Task) -> None:
        """``task`` has ended in its own thread: give the carrier back and pass the baton on."""
        if task.done:  # abandoned: the execution went on without it
            return
        if active is not self:
            leave_no_child_behind(self.pid)
        if self.current is not task:
            come_back(self, task)
        task.done = True
        if self.touched is not None:
            self.touched(task, "end", "release")
        self.live.remove(task)
        self.by_key.pop(task.carrier.key, None)
        self.enabled = None
        if self.trace is not None:
            self.trace.resolve()
        chosen = self.next_task(None)
        self.current = chosen
        if not task.carrier.retired:
            self.pool.idle.append(task.carrier)  # type: ignore[arg-type]
        chosen.carrier.resume()

    # --- the body ------------------------------------------------------------------------------

    def _prepare(self) -> Task:
        """Give birth to the body's own task, and tell all who listen that it begins."""
        self.pool.begin(self)
        main = self.current = self.birth(None, "main", self.pool.main())
        self.heard = self._listener()
        if self.data_races is not None:
            self.touched_data = self.data_races.told_besides(self.touched_data)
        if self._begin is not None:
            self._begin(self)
        return main

    def run(self, body: Callable[[], object]) -> None:
        """Run ``body`` as task 0 in the calling thread, and every task it starts, to their ends."""
        main = self._prepare()
        set_active(self)
        try:
            try:
                contextvars.copy_context().run(body)
            except Unwind:
                pass
            except BaseException as error:
                body_raised(self, main, error)
            leave_no_child_behind(self.pid)
            main.ended = True
            if not self.unwinding and (self.away or self.live != [main]):
                let_the_others_end(self, main)
            if self.unwinding or self.away or self.live != [main]:
                unwind_the_rest(self)
            self.ended = True
        finally:
            set_active(None)
            self.by_key.clear()
        if self.interrupt is not None:
            raise self.interrupt


#: The execution that is going on in this process, if any.
active: Execution | None = None


def set_active(execution: Execution | None) -> None:
    """Begin or end control; the access gates and the adapters look here first."""
    global active
    active = execution


def controlled() -> tuple[Execution, Task] | None:
    """The execution and the calling task, or None when the calling thread is not under control.

    A signal handler that runs in the main thread while its task is parked is not under control
    either: it comes when it likes, and what it does is no operation of the task.
    """
    execution = active
    if execution is None:
        return None
    task = execution.by_key.get(current_key())
    if task is None or (execution.current is not task and not task.outside):
        return None
    return execution, task
