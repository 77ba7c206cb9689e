"""The numbers to reach, and whether a run reached them."""

from __future__ import annotations

from math import inf
from typing import Any

from tests.bench.sctbench.cells import CLASSES, HUNTS, TWINS
from tests.bench.sctbench.published import CLASSES as PUBLISHED_CLASSES
from tests.bench.sctbench.published import schedules
from tests.bench.sctbench.summary import Summary, summary
from tests.bench.sctbench.variants import DEFAULT

WITHIN = 1000
SHARE = 0.9
MANY_THREADS = ("reorder_100", "twostage_100")
MEAN = 100.0
CLASSES_S = 60.0
HARDEST = "safestack"

#: What was to be reached, what was, and met or missed.
Row = tuple[str, str, str]


def goals(results: dict[str, Any]) -> list[Row]:
    """Each target with what was measured, and with what misses it."""
    rows = [_found_by_default(results)]
    labels = [label for label in (DEFAULT, "surw", "kinds") if label in results["labels"]]
    rows += [_not_above_published(results, label) for label in labels]
    rows += [_many_threads(results, label, name) for name in MANY_THREADS for label in labels]
    rows += [_hardest(results), _class_counts(results), _no_false_alarm(results)]
    return rows


def of(results: dict[str, Any], name: str, label: str, cap: float = inf) -> Summary | None:
    """What one strategy has reached on one program; None if it was not measured."""
    entry = results[HUNTS].get(name, {}).get(label)
    if entry is None or entry["trouble"]:
        return None
    wanted = results["default_seeds"] if label == DEFAULT else results["seeds"]
    return summary(entry, wanted, cap)


def _row(what: str, reached: str, missing: list[str], measured: bool = True) -> Row:
    if not measured:
        return what, "not measured", "missed"
    more = f"; not: {', '.join(missing)}" if missing else ""
    return what, reached + more, "missed" if missing else "met"


def _found_by_default(results: dict[str, Any]) -> Row:
    seeds = results["default_seeds"]
    names = [name for name in results[HUNTS] if name != HARDEST]
    found = {name: of(results, name, DEFAULT, WITHIN) for name in names}
    missing = []
    for name, one in found.items():
        if one is None:
            missing.append(f"{name} (not measured)")
        elif not one.all_found:
            cut = f", {one.cut_off} cut off by the time" if one.cut_off else ""
            missing.append(f"{name} ({one.found} of {one.tried} tried{cut})")
    what = f"default settings: every program but {HARDEST} in ≤ {WITHIN:,} schedules, every seed"
    reached = f"{len(names) - len(missing)} of {len(names)} programs for {seeds} of {seeds} seeds"
    enough = f" ({seeds} seeds instead of 100)" if seeds < 100 else ""
    return _row(what, reached + enough, missing + ([enough.strip()] if enough else []), bool(names))


def _not_above_published(results: dict[str, Any], label: str) -> Row:
    shared = [name for name in results[HUNTS] if schedules(name, "SURW") is not None]
    above = []
    for name in shared:
        one, bound = of(results, name, label), schedules(name, "SURW")
        if one is None or not one.found or one.mean > (bound or 0.0):
            mean = "not found" if one is None or not one.found else f"{one.mean:.3g}"
            above.append(f"{name} ({mean}, published {bound:g})")
    share = 1 - len(above) / len(shared) if shared else 0.0
    what = f"{label}: mean ≤ the published SURW column on ≥ {SHARE:.0%} of the shared programs"
    _, reached, _ = _row(what, f"{share:.0%} of {len(shared)}", above)
    return what, reached, "met" if shared and share >= SHARE else "missed"


def _many_threads(results: dict[str, Any], label: str, name: str) -> Row:
    what = f"{label}: {name} in ≤ {MEAN:g} schedules in the mean"
    one = of(results, name, label)
    if one is None or not one.found:
        return what, "not measured" if one is None else "not found", "missed"
    part = "" if one.all_found else f" ({one.found} of {one.tried} seeds tried found it)"
    return what, f"{one.mean:.0f}{part}", "met" if one.mean <= MEAN else "missed"


def _hardest(results: dict[str, Any]) -> Row:
    what = f"{HARDEST} found at least once"
    entries = results[HUNTS].get(HARDEST, {})
    measured = {label: of(results, HARDEST, label) for label in entries}
    finders = [label for label, one in measured.items() if one is not None and one.found]
    made = sum(one.schedules for one in measured.values() if one is not None)
    reached = f"by {', '.join(finders)}" if finders else "not found"
    return what, f"{reached} ({made:,} schedules in all)", "met" if finders else "missed"


def _class_counts(results: dict[str, Any]) -> Row:
    what = f"class counts of the programs of which they are published, each in ≤ {CLASSES_S:g} s"
    missing = []
    for name, published in PUBLISHED_CLASSES.items():
        entry = next(iter(results[CLASSES].get(name, {}).values()), {"trouble": "not measured"})
        if entry["trouble"]:
            missing.append(f"{name} ({entry['trouble']})")
        elif not entry["complete"]:
            missing.append(f"{name} (not complete after {entry['executions']:,})")
        elif entry["executions"] != published:
            missing.append(f"{name} ({entry['executions']:,}, published {published:,})")
    count = len(PUBLISHED_CLASSES)
    return _row(what, f"{count - len(missing)} of {count} complete and equal", missing)


def _no_false_alarm(results: dict[str, Any]) -> Row:
    wanted = results["twin_schedules"]
    what = "no false alarm in 10,000 schedules of every fixed twin, or in all that there are"
    missing = [] if wanted >= 10_000 else [f"only {wanted:,} were asked for"]
    total = 0
    for name in results[HUNTS]:
        entries = results[TWINS].get(name, {})
        trials = [trial for entry in entries.values() for trial in entry.get("trials", ())]
        made = sum(trial["schedules"] for trial in trials)
        total += made
        troubles = [entry["trouble"] for entry in entries.values() if entry["trouble"]]
        enough = made >= wanted or any(trial["exhausted"] for trial in trials)
        if troubles or not enough:
            missing.append(f"{name} ({troubles[0] if troubles else f'{made:,} schedules'})")
    return _row(what, f"{total:,} schedules of {len(results[HUNTS])} twins", missing)
