"""The generated pages: what they say, and that those of the repository are up to date."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_racecheck.catalogue.claims import read_claims
from pytest_racecheck.catalogue.find import read_all, scenarios_folder, select
from pytest_racecheck.catalogue.jobs import Wishes, jobs_for
from pytest_racecheck.catalogue.table import (
    claims_page,
    declared,
    identity,
    main,
    merged,
    read_results,
    readme,
    write,
)
from pytest_racecheck.errors import UsageError

ROOT = Path(__file__).parent.parent.parent
CLAIM = """
[[claim]]
id       = "counts"
document = "a test"
section  = "none"
text     = "A counter counts."
verdict  = "refuted"
because  = "Not without a lock."
shown_by = [{ scenario = "tiny_counter", variant = "buggy", mode = "free" }]
"""


def finding(scenario, variant, mode, transport, **changes):
    return {
        "scenario": scenario,
        "variant": variant,
        "role": "buggy",
        "cases": [],
        "mode": mode,
        "transport": transport,
        "expects": "reproduced",
        "verdict": "reproduced",
        "grade": None,
        "kept": True,
        "executions": 3,
        "seconds": 0.1,
        "first_failure": 2,
        "failure": {"kind": "hang", "type": "T", "message": "m", "where": "w"},
        "schedule": None,
        "replays": [2, 3],
        "preemptions": None,
        "reason": "2 of 3.",
    } | changes


@dataclass
class Place:
    scenarios: Path
    docs: Path
    results: Path

    def results_of(self, *findings):
        summary = {"environment": {"python": "3.12.1"}}
        content = {"version": 1, "summary": summary, "findings": findings}
        self.results.write_text(json.dumps(content))

    def write(self):
        write(self.results, self.scenarios, self.docs)
        return (self.scenarios / "README.md").read_text(), (self.docs / "claims.md").read_text()


@pytest.fixture(name="place")
def _place(tiny, tmp_path):
    (tmp_path / "docs").mkdir()
    (tiny.folder / "claims.toml").write_text(CLAIM)
    return Place(tiny.folder, tmp_path / "docs", tmp_path / "results.json")


def test_every_declared_job_is_a_row(place):
    place.results_of(*[finding(*one) for one in declared(place.scenarios)])
    page, _ = place.write()
    assert "## [tiny_counter](tiny_counter/)" in page
    assert "| `buggy` | buggy | free | 2 × 1 | reproduced | hang in 2 of 3 runs |" in page
    assert page.count("\n| `") == 4
    assert "python 3.12.1), in which 4 of 4 promises were kept" in page


def test_a_promise_that_was_not_kept_stands_out(place):
    rows = [finding(*one, kept=False) for one in declared(place.scenarios)]
    place.results_of(*rows)
    page, claims = place.write()
    assert "| **BROKEN** reproduced |" in page
    assert "in which 0 of 4 promises were kept" in page
    assert "in the recorded run: NOT BORNE OUT" in claims


def test_the_claims_page_tells_the_verdict_and_what_shows_it(place):
    place.results_of(*[finding(*one) for one in declared(place.scenarios)])
    _, claims = place.write()
    assert "## refuted: counts" in claims
    assert "> A counter counts." in claims
    assert "- [tiny_counter/buggy free](../scenarios/tiny_counter/)" in claims
    assert "in the recorded run: borne out by 1 of 1 variants" in claims


def test_results_of_a_part_replace_that_part(place):
    place.results_of(*[finding(*one) for one in declared(place.scenarios)])
    place.write()
    place.results_of(finding("tiny_counter", "buggy", "free", None, replays=[1, 3]))
    page, _ = place.write()
    assert "hang in 1 of 3 runs" in page
    assert "hang in 2 of 3 runs" in page


def test_what_is_not_declared_any_more_leaves_and_what_is_new_is_asked_for():
    kept, gone = ("a", "b", "free", None), ("a", "c", "free", None)
    record = [finding(*kept), finding(*gone)]
    assert list(map(identity, merged([kept], record, []))) == [kept]
    with pytest.raises(UsageError, match="no result for a d free: run it, too"):
        merged([kept, ("a", "d", "free", None)], record, [])


@pytest.mark.parametrize("content", ["", "[]", '{"version": 2}', None])
def test_a_file_that_holds_no_results_is_refused(tmp_path, content):
    file = tmp_path / "results.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(UsageError, match=r"results\.json: "):
        read_results(file)


def test_the_command_line_wants_one_file():
    with pytest.raises(SystemExit, match="name the file"):
        main([])


# ------------------------------------------------------------------- the pages of this repository


@pytest.fixture(name="record", scope="module")
def _record():
    return read_results(scenarios_folder() / "measured.json")


def test_the_record_covers_exactly_what_is_declared(record):
    assert [identity(one) for one in record["findings"]] == declared(scenarios_folder())


def test_the_record_was_made_of_the_promises_that_are_declared(record):
    jobs = jobs_for(select(scenarios_folder(), []), Wishes())
    promised = [(job.variant.role, list(job.variant.cases), job.promise.expects) for job in jobs]
    found = [(one["role"], one["cases"], one["expects"]) for one in record["findings"]]
    assert found == promised


def test_every_promise_was_kept_in_the_record(record):
    assert [identity(one) for one in record["findings"] if one["kept"] is not True] == []


def test_the_table_of_scenarios_is_up_to_date(record):
    page = readme(read_all(scenarios_folder()), record)
    assert (scenarios_folder() / "README.md").read_text() == page, "run: make catalogue"


def test_the_page_of_claims_is_up_to_date(record):
    page = claims_page(read_claims(scenarios_folder()), record["findings"])
    assert (ROOT / "docs" / "claims.md").read_text() == page, "run: make catalogue"
