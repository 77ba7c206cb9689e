"""What is missing is named with the command that brings it; the draft API is found where it is."""

from pathlib import Path

import pytest

from pytest_racecheck import zmq_draft
from pytest_racecheck.catalogue import requirements
from pytest_racecheck.catalogue.find import select
from pytest_racecheck.catalogue.harness import Harness, Measurements
from pytest_racecheck.catalogue.jobs import Wishes, jobs_for


@pytest.fixture(autouse=True)
def _nothing_is_here(monkeypatch):
    monkeypatch.delenv(requirements.DRAFT_SITE_VARIABLE, raising=False)
    monkeypatch.setattr(zmq_draft, "draft_site", lambda: None)
    monkeypatch.setattr(requirements, "_installed_zmq_has_drafts", lambda: False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("zeromq", "pip install 'pytest-racecheck[zeromq]'"),
        ("zmq-draft", "racecheck doctor --enable zmq-draft"),
        ("postgres", "pip install 'pytest-racecheck[postgres]'"),
        ("pgmq", "pip install pgmq"),
    ],
)
def test_what_is_missing_comes_with_its_command(name, command):
    assert requirements.missing([name]).endswith(f"enable it with: {command}")


def test_what_is_here_is_not_missing(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    monkeypatch.setenv(requirements.DSN_VARIABLE, "host=somewhere")
    assert requirements.missing(["zeromq", "postgres"]) is None
    assert requirements.missing([]) is None


def test_without_a_server_psycopg_is_not_enough(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    monkeypatch.delenv(requirements.DSN_VARIABLE, raising=False)
    monkeypatch.setattr("pytest_racecheck.postgres.binaries.find", lambda: None)
    assert "or a PostgreSQL server" in requirements.missing(["postgres"])


def test_the_draft_api_is_here_when_built_named_or_installed(monkeypatch):
    assert requirements.missing(["zmq-draft"]) is not None
    monkeypatch.setattr(requirements, "_installed_zmq_has_drafts", lambda: True)
    assert requirements.missing(["zmq-draft"]) is None
    monkeypatch.setattr(zmq_draft, "draft_site", lambda: Path("/built"))
    assert requirements.draft_site() == Path("/built")
    monkeypatch.setenv(requirements.DRAFT_SITE_VARIABLE, "/named")
    assert requirements.draft_site() == Path("/named")


DRAFTY = """
[variants.drafty]
role     = "control"
modes    = ["free"]
requires = ["zmq-draft"]
[variants.drafty.free]
expects  = "reproduced"
runs     = 1
min_rate = 1.0
kind     = "exception"
"""


def test_a_variant_that_needs_the_draft_api_gets_the_zmq_that_has_it(tiny, tmp_path, monkeypatch):
    monkeypatch.undo()
    site = tmp_path / "site"
    (site / "zmq").mkdir(parents=True)
    (site / "zmq" / "__init__.py").write_text('WHERE = "the draft site"\n')
    folder = tiny.write(more=DRAFTY)
    (folder / "drafty.py").write_text(
        "import os, zmq\n"
        "class Counter:\n"
        "    def __init__(self, parties):\n"
        f"        raise ValueError(zmq.WHERE + os.environ['{requirements.DRAFT_SITE_VARIABLE}'])\n"
    )
    monkeypatch.setattr(requirements, "draft_site", lambda: site)
    pairs = select(tiny.folder, ["tiny_counter/drafty", "tiny_counter/fixed"])
    fixed, drafty = (job for job in jobs_for(pairs, Wishes(mode="free")))
    with Harness(Measurements()) as harness:
        record = harness.judge(drafty, lambda done, of: None)
        assert record.found.failure["message"] == f"the draft site{site}"
        assert harness.judge(fixed, lambda done, of: None).kept is True


def test_a_control_is_measured_once_for_all_who_name_it(tiny, monkeypatch):
    monkeypatch.undo()
    ran = []
    original = Harness._run

    def counting(self, job, call, arguments, *rest, **more):
        ran.append(arguments["stem"])
        return original(self, job, call, arguments, *rest, **more)

    monkeypatch.setattr(Harness, "_run", counting)
    with Harness(Measurements()) as harness:
        for job in jobs_for(select(tiny.folder, []), Wishes(mode="free")):
            assert harness.judge(job, lambda done, of: None).kept is True
    assert ran == ["buggy"] * 3 + ["fixed"] * 4 + ["buggy"]
