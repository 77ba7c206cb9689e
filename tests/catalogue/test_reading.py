"""scenario.toml: what is read, and that every mistake is named by file, key and expectation."""

import sys

import pytest

from pytest_racecheck.catalogue.reading import read_scenario
from pytest_racecheck.catalogue.scenario import Bounds, Size
from pytest_racecheck.catalogue.schema import ScenarioError


def test_everything_declared_is_read(tiny):
    scenario = read_scenario(tiny.write())
    assert (scenario.name, scenario.anomaly, scenario.cases) == (
        "tiny_counter",
        "lost message",
        ("T-01",),
    )
    buggy, fixed = scenario.variants
    assert (buggy.name, buggy.role, buggy.stem, buggy.isolate) == ("buggy", "buggy", "buggy", False)
    assert buggy.controlled.bounds == Bounds("bounded", 500, 20, 1, "sync")
    assert buggy.controlled.size == Size(2, 1, ())
    assert (buggy.controlled.expects, buggy.controlled.kind) == ("reproduced", "assertion")
    assert (buggy.free.runs, buggy.free.min_rate, buggy.free.max_rate) == (3, 1.0, 1.0)
    assert (fixed.free.control, fixed.free.control_runs, fixed.free.power) == ("buggy", 4, True)
    assert fixed.free.deadline_s == 20


def test_reading_imports_no_scenario_code(tiny):
    folder = tiny.write(more='[variants.odd]\nrole = "control"\nexpects = "reproduced"\n'
                             'file = "unimportable"\n')  # fmt: skip
    before = set(sys.modules)
    assert read_scenario(folder).variant("odd").stem == "unimportable"
    assert not [name for name in set(sys.modules) - before if name.startswith("scenario_")]


def test_a_variant_of_another_strategy_leaves_the_preemptions(tiny):
    other = '[variants.{}]\nrole = "control"\nfile = "buggy"\nexpects = "reproduced"\n'
    bounds = '[variants.{}.bounds]\nstrategy = "{}"\n'
    more = "".join(
        other.format(name) + bounds.format(name, name) for name in ("pct", "exhaustive", "bounded")
    )
    scenario = read_scenario(tiny.write(more=more))
    limits = [
        scenario.variant(name).controlled.bounds.preemptions
        for name in ("pct", "exhaustive", "bounded")
    ]
    assert limits == [None, None, 1]


def test_a_variant_overrides_what_the_scenario_says(tiny):
    folder = tiny.write(
        more="""
[variants.big]
role = "tempting"
file = "buggy"
expects = "reproduced"
cases = ["T-02"]
requires = ["postgres"]
modes = ["controlled"]
isolate = true
why = "Larger."
[variants.big.bounds]
executions = 7
[variants.big.controlled]
threads = 5
"""
    )
    big = read_scenario(folder).variant("big")
    assert (big.cases, big.requires, big.isolate) == (("T-02",), ("postgres",), True)
    assert big.controlled.bounds.executions == 7
    assert big.controlled.bounds.preemptions == 1
    assert big.controlled.size.threads == 5
    assert big.free is None


def test_transports_come_from_the_nearest_table_that_names_them(tiny):
    toml = (
        'transports = ["inproc", "tcp"]\nrequires = ["zeromq"]'
        '\n[variants.fixed.controlled]\ntransports = ["tcp"]\n'
    )
    head, tail = toml.split("\n[variants", 1)
    folder = tiny.change("requires = []", head)
    file = folder / "scenario.toml"
    text = file.read_text().replace("[workload.free]", '[workload.free]\ntransports = ["ipc"]')
    file.write_text(text + "[variants" + tail)
    buggy, fixed = read_scenario(folder).variants
    assert buggy.controlled.size.transports == ("inproc", "tcp")
    assert fixed.controlled.size.transports == ("tcp",)
    assert buggy.free.size.transports == ("ipc",)


MISTAKES = {
    "unknown key": ("anomaly  =", "anomalie =", "unknown key 'anomalie': did you mean 'anomaly'?"),
    "unknown nested key": (
        "preemptions = 1",
        "preemption = 1",
        "unknown key 'bounds.preemption': did you mean 'preemptions'",
    ),
    "unknown key of a variant": (
        'role    = "buggy"',
        'roll = "buggy"',
        "unknown key 'variants.buggy.roll': did you mean 'role'?",
    ),
    "missing key": (
        'title    = "Two threads add to one counter"',
        "",
        "key 'title' is missing: expected a text",
    ),
    "word not in the list": (
        '"lost message"',
        '"lost messages"',
        "anomaly = 'lost messages': expected one of deadlock, hang,",
    ),
    "wrong type": (
        "executions  = 500",
        'executions = "many"',
        "bounds.executions = 'many': expected a whole",
    ),
    "a flag is no number": (
        "threads  = 2",
        "threads = true",
        "workload.controlled.threads = True: expected",
    ),
    "below the minimum": (
        "messages = 1\n\n[workload.free]",
        "messages = 0\n\n[workload.free]",
        "a whole number, 1 or more",
    ),
    "no share": (
        "min_rate = 1.0",
        "min_rate = 1.5",
        "variants.buggy.free.min_rate = 1.5: expected a number from 0 to 1",
    ),
    "infinite budget": (
        "seconds     = 20",
        "seconds = inf",
        "bounds.seconds = inf: expected a number of seconds",
    ),
    "unknown strategy": (
        '"bounded"',
        '"bouned"',
        "bounds.strategy = 'bouned': expected one of portfolio",
    ),
    "list of other things": (
        'cases    = ["T-01"]',
        "cases = [1]",
        "cases = [1]: expected a list of texts",
    ),
    "requirement unknown": (
        "requires = []",
        'requires = ["zmq"]',
        "requires = ['zmq']: expected a list of zeromq",
    ),
    "same thing twice": (
        '["controlled", "free"]',
        '["free", "free"]',
        "expected a list of controlled, free",
    ),
    "long quote": (
        '"counter += 1"',
        '"""a\nb\nc"""',
        "source.quote = 'a\\nb\\nc': expected a text of at most two lines",
    ),
    "no toml": ("[bounds]", "[bounds", "it is not valid TOML"),
    "no table": (
        '[variants.buggy.controlled]\nkind = "assertion"',
        "controlled = 3",
        "controlled = 3: expected a table",
    ),
    "zeromq without transports": (
        "requires = []",
        'requires = ["zeromq"]',
        "transports: missing: expected a list of inproc, tcp, ipc",
    ),
    "no promise": (
        'expects = "ruled out"',
        "",
        "variants.fixed.expects: missing: expected one of reproduced",
    ),
    "sampling cannot rule out": (
        '"bounded"\npreemptions = 1',
        '"random"',
        "the strategy 'random' cannot rule out: expected bounded or exhaustive",
    ),
    "preemptions of another strategy": (
        '"bounded"',
        '"pct"',
        "bounds.preemptions: has no meaning with the strategy 'pct'",
    ),
    "preemptions of a strategy that counts none": (
        "[variants.buggy.controlled]",
        '[variants.buggy.bounds]\nstrategy = "pct"\npreemptions = 2\n[variants.buggy.controlled]',
        "variants.buggy.bounds.preemptions: has no meaning with the strategy 'pct'",
    ),
    "free cannot rule out": (
        'expects  = "inconclusive"',
        'expects = "ruled out"',
        "expected one of reproduced, inconclusive",
    ),
    "clean without control": (
        'control  = "buggy"',
        "",
        "variants.fixed.free.control: missing: a clean sample is worth",
    ),
    "clean without rate": ("min_rate = 0.5", "", "variants.fixed.free.min_rate: missing"),
    "control unknown": (
        'control  = "buggy"',
        'control = "bugy"',
        "no variant 'bugy': did you mean 'buggy'?",
    ),
    "kind of a clean one": (
        "min_rate = 0.5",
        'min_rate = 0.5\nkind = "hang"',
        "variants.fixed.free.kind: has no meaning",
    ),
    "control of a buggy one": (
        "min_rate = 1.0",
        'min_rate = 1.0\ncontrol = "fixed"',
        "buggy.free.control: has no meaning",
    ),
    "mode without workload": (
        "[workload.free]\nthreads    = 2\nmessages   = 1\ndeadline_s = 20",
        "",
        "workload.free: missing, although modes name 'free'",
    ),
    "no such file": (
        'role    = "fixed"',
        'role = "fixed"\nfile = "fxed"',
        "there is no fxed.py beside it",
    ),
    "file outside": (
        'role    = "fixed"',
        'role = "fixed"\nfile = "../fixed"',
        "there is no ../fixed.py beside it",
    ),
    "name with capitals": (
        "[variants.fixed]",
        "[variants.Fixed]",
        "variants.Fixed: expected a name of small letters",
    ),
}


@pytest.mark.parametrize(("old", "new", "sentence"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_named_by_file_key_and_expectation(tiny, old, new, sentence):
    folder = tiny.change(old, new)
    with pytest.raises(ScenarioError) as caught:
        read_scenario(folder)
    text = str(caught.value)
    assert sentence in text
    assert str(folder / "scenario.toml") in text
    assert "\n" not in text
    assert caught.value.exit_status == 2


def test_a_scenario_without_variants_is_refused(tiny):
    folder = tiny.write()
    text = (folder / "scenario.toml").read_text()
    (folder / "scenario.toml").write_text(text[: text.index("[variants.buggy]")] + "[variants]\n")
    with pytest.raises(ScenarioError, match="variants: expected at least one"):
        read_scenario(folder)


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_named(tiny, content):
    file = tiny.write() / "scenario.toml"
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ScenarioError, match=r"scenario.toml: it (cannot be read|is not valid)"):
        read_scenario(file.parent)


def test_an_unknown_variant_names_the_near_one(tiny):
    scenario = read_scenario(tiny.write())
    with pytest.raises(ScenarioError, match=r"no variant 'bugy': did you mean 'buggy'\?"):
        scenario.variant("bugy")
