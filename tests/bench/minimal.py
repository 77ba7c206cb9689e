"""python -m tests.bench.minimal: how small the failures of the bench programs become, and at what cost."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from tests.bench.sctbench.counting import plan_of
from tests.bench.sctbench.programs import PROGRAMS

from pytest_racecheck.diagnosis import critical_pair, minimise
from pytest_racecheck.diagnosis.explain import explain
from pytest_racecheck.diagnosis.find import controlled_runner
from pytest_racecheck.engine.explore import Runner, search
from pytest_racecheck.engine.schedule import Schedule

STRATEGIES = ("pos", "surw")
CAP, HUNT_S = 5000, 60.0


def hunted(name, strategy, seed):
    body = PROGRAMS[name].broken
    plan = plan_of(body, strategy, seed)
    with controlled_runner(body, plan) as runner:
        found = search(runner, plan.make_strategy(), executions=CAP, seconds=HUNT_S)
        return None if found.schedule is None else found.schedule.text()


def minimal(name, texts, show=False):
    body = PROGRAMS[name].broken
    with controlled_runner(body, plan_of(body, "pos")) as runner:
        for text in texts:
            schedule = Schedule.parse(text)
            first = runner.replay(schedule).failures[0]
            begun = time.process_time()
            made = minimise.minimise(runner, schedule, first)
            taken = time.process_time() - begun
            if made is None:
                print("NOT REPRODUCED", name, text); continue
            yield dict(program=name, strategy=schedule.strategy, found=made.found_with, interruptions=made.cost.interruptions, preemptions=made.preemptions, turns=made.cost.turns, choices=made.cost.choices, replays=made.replays, cpu=taken, exact=made.exact, text=made.schedule.text(), length=len(made.schedule.text()), where=first.where, kind=first.kind)

def main(argv):
    p = argparse.ArgumentParser()
    p.add_argument("--programs"); p.add_argument("--each", type=int, default=4)
    p.add_argument("--corpus", type=Path); p.add_argument("--json", type=Path)
    a = p.parse_args(argv)
    names = a.programs.split(",") if a.programs else [n for n in PROGRAMS if n != "safestack"]
    corpus = json.loads(a.corpus.read_text()) if a.corpus and a.corpus.exists() else {}
    for n in names:
        for s in STRATEGIES:
            for seed in range(a.each):
                k=f"{n}/{s}/{seed}"
                if k not in corpus:
                    corpus[k]=hunted(n,s,seed)
        if a.corpus: a.corpus.write_text(json.dumps(corpus, indent=0))
    minimise.real_perf_s = time.process_time
    rows=[]
    for n in names:
        mine = list(minimal(n, [corpus[f"{n}/{s}/{seed}"] for s in STRATEGIES for seed in range(a.each) if corpus[f"{n}/{s}/{seed}"]]))
        rows += mine
        if not mine: print(n, "none"); continue
        print(f"{n:22} n={len(mine)} int={[m['interruptions'] for m in mine]} replays={[m['replays'] for m in mine]} cpu={[round(m['cpu'],2) for m in mine]} len={[m['length'] for m in mine]} exact={sum(m['exact'] for m in mine)} {sorted({m['where'] for m in mine})}", flush=True)
    if a.json: a.json.write_text(json.dumps(rows, indent=0))
    short = sum(r['length']<=100 for r in rows)
    cpu = sorted(r['cpu'] for r in rows)
    print(len(rows), "short", short/len(rows), "replays", mean(r['replays'] for r in rows), max(r['replays'] for r in rows), "cpu p95", cpu[int(.95*len(cpu))], "max", cpu[-1])
if __name__ == "__main__":
    main(sys.argv[1:])
