"""Programs thrown together: what the reduction leaves out must be like something that it ran.

Two threads do one or two things each with what they share.  Every outcome that a search without a
reduction sees (at most three preemptions) the systematic one has to see as well, if it says that
it has seen everything.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import pytest

from pytest_racecheck import explore

STATEMENTS = """
s.a += 1
s.a = s.b
s.b = s.a + 10
r.append(s.a)
r.append(bool(s.l))
if not s.l: s.l.append(1)
s.l.append(len(s.l))
s.l += [7]
s.l[:] = [s.a]
s.l.insert(0, s.l[-1] if s.l else 5)
s.l.extend(x for x in s.st)
del s.l[:]
r.append([x for x in s.l])
r.append([(n, x) for n, x in enumerate(s.l)])
r.append(list(zip(s.l, s.dq)))
r.append(sum(s.l))
r.append(sorted(s.l, key=str))
r.append(max(s.l, default=0))
r.append(s.l == [1])
r.append(f'{s.l}')
r.append(next(s.it, None))
r.append([x for x in s.it][:1])
s.d['k'] = s.a
s.d.setdefault('k', s.b)
s.d.pop('k', None)
s.d.update(n=len(s.d))
s.d |= {'k': 5}
r.append(s.d.get('k'))
r.append('k' in s.d)
r.append(list(s.d.items()))
r.append({**s.d})
r.append('k' in s.d.keys())
for k in list(s.d): r.append(k)
r.append(s.dd['z'])
s.dd['z'] += 1
s.d.update(s.dd)
r.append(s.__dict__['a'])
vars(s)['a'] = 7
setattr(s, 'b', s.a)
r.append(getattr(s, 'a'))
s.prop = s.prop + 1
s.dq.append(s.a)
r.append(s.dq[0] if s.dq else None)
s.st.add(s.a)
r.append(s.st & {0})
a, *b = [*s.l, 0]; r.append(a)
with s.lock: s.a += 1
with s.lock: r.append(s.b)
if s.lock.acquire(blocking=False): s.b += 1; s.lock.release()
r.append(s.lock.locked())
s.ev.set()
r.append(s.ev.is_set())
s.q.put(s.a)
r.append(s.q.qsize())
r.append(s.sem.acquire(blocking=False))
s.sem.release()
G.n += 1
r.append(G.n)
match s: case S(a=0): r.append('zero')
match s.d: case {'k': v}: r.append(v)
""".strip().splitlines()

PROGRAM = """
import collections, queue, threading

class Prop:
    kept = 0
    @property
    def prop(self): return self.kept
    @prop.setter
    def prop(self, value): self.kept = value

class S(Prop):
    def __init__(self):
        self.a = self.b = 0
        self.d, self.l, self.st = {}, [], set()
        self.dq, self.dd = collections.deque(), collections.defaultdict(int)
        self.it = iter([1, 2, 3])
        self.lock, self.ev, self.sem = threading.Lock(), threading.Event(), threading.Semaphore(1)
        self.q = queue.Queue()

class G: n = 0

def make(outcomes):
    def body():
        s, one, other = S(), [], []
        G.n = 0
        def first(r=one):
@FIRST@
        def second(r=other):
@SECOND@
        threads = [threading.Thread(target=first), threading.Thread(target=second)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        ends = [s.a, s.b, s.d, s.l, list(s.dq), sorted(s.st), dict(s.dd), s.q.qsize(), s.kept]
        outcomes.add(repr((one, other, ends, s.ev.is_set(), G.n, list(s.it))))
    return body
"""


def written(statements: list[str]) -> str:
    """As the body of a function; a match needs lines of its own."""
    lines = []
    for statement in statements:
        head, case, rest = statement.partition(": case ")
        lines += [f"{head}:", f"    case {rest}"] if case else [statement]
    return "\n".join(" " * 12 + line for line in lines)


def loaded(folder: Path, seed: int) -> tuple[ModuleType, list[list[str]]]:
    dice = Random(seed)
    both = [[dice.choice(STATEMENTS) for _ in range(dice.choice((1, 2)))] for _ in range(2)]
    file = folder / f"program_{seed}.py"
    first, second = map(written, both)
    file.write_text(PROGRAM.replace("@FIRST@", first).replace("@SECOND@", second))
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module, both


def outcomes_of(
    make: Callable[[set[str]], Callable[[], None]], **plan: Any
) -> tuple[bool, set[str]]:
    """Whether the search has seen all that it could, and how the program ended."""
    seen: set[str] = set()
    finding = explore(make(seen), executions=4000, seconds=30, **plan)
    return finding.verdict == "ruled out", seen


def overlooked(folder: Path, seed: int) -> str:
    module, both = loaded(folder, seed)
    complete, reduced = outcomes_of(module.make, strategy="exhaustive")
    _, bounded = outcomes_of(module.make, strategy="bounded", preemptions=3)
    missing = sorted(bounded - reduced) if complete else []
    return f"seed {seed}, {both}: {missing[0]}" if missing else ""


def test_no_outcome_is_overlooked(tmp_path: Path) -> None:
    assert [said for seed in range(8) if (said := overlooked(tmp_path, seed))] == []


@pytest.mark.slow
@pytest.mark.parametrize("hundred", range(1, 9))
def test_no_outcome_is_overlooked_in_many(tmp_path: Path, hundred: int) -> None:
    seeds = range(100 * hundred, 100 * hundred + 100)
    assert [said for seed in seeds if (said := overlooked(tmp_path, seed))] == []
