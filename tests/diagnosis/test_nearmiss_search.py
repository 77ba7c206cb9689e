"""A body run with delays where threads nearly met: what is found, said, kept and refused."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

from pytest_racecheck import Verdict, explore, nearmiss
from pytest_racecheck.diagnosis.nearmiss_pairs import FOLDER, KEY, PairFiles, Saved
from pytest_racecheck.errors import UsageError
from pytest_racecheck.free.nearmiss import Pair, Pairs, gates
from pytest_racecheck.free.nearmiss import budget as budget_module
from pytest_racecheck.free.nearmiss import pairs as pairs_module

ROOT = str(Path(__file__).parents[2])


@pytest.fixture
def generous(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine, too, who is held is there when the other one comes."""
    monkeypatch.setattr(pairs_module, "MARGIN_S", 0.5)
    monkeypatch.setattr(pairs_module, "PATIENT_S", 20.0)
    monkeypatch.setattr(pairs_module, "LONGEST_S", 20.0)
    monkeypatch.setattr(budget_module, "ALLOWANCE_S", 60.0)


class Cache:
    """Makes what is not there."""

    def __init__(self, safe: bool) -> None:
        self.entries: dict[str, object] = {}
        self.lock = threading.Lock()
        self.safe = safe

    def get(self, key: str) -> object:
        """The entry, which may have to be made."""
        if self.safe:
            with self.lock:
                return self._get(key)
        return self._get(key)

    def _get(self, key: str) -> object:
        if key not in self.entries:
            self.entries[key] = object()
        return self.entries[key]


def one_after_the_other(safe: bool) -> None:
    """Two threads want the same entry; without a delay the second one comes later."""
    cache = Cache(safe)

    def late() -> None:
        time.sleep(0.02)
        cache.get("a")

    threads = [threading.Thread(target=lambda: cache.get("a"), name="first")]
    threads.append(threading.Thread(target=late, name="second"))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def broken() -> None:
    one_after_the_other(False)


def fixed() -> None:
    one_after_the_other(True)


@pytest.mark.slow
def test_who_is_caught_is_reported_with_both_threads_stacks_and_the_object(generous):
    finding = nearmiss(broken, root=ROOT, replays=2)
    assert finding.verdict is Verdict.REPRODUCED
    assert finding.first_failure == 2
    assert finding.replays[1] == 2
    assert finding.failure is not None
    assert (finding.failure.kind, finding.failure.type) == ("illegal sharing", "ThreadUnsafeCall")
    assert finding.near_misses is not None
    met = finding.near_misses.meetings[0]
    assert {met.first.thread, met.second.thread} == {"first", "second"}
    assert met.object == "dict"
    assert met.first.call == "self.entries[key]"
    assert any("Cache._get" in call for call in met.first.stack)
    report = finding.report(80)
    assert "REPRODUCED  two threads met in run 2 on free threads" in report
    assert "first, at `self.entries[key]`:" in report
    assert max(map(len, report.splitlines())) <= 80
    assert json.loads(json.dumps(finding.as_json()))["near_misses"]["meetings"][0]["rule"]


def test_its_fix_is_passed_and_the_reason_says_what_that_is_worth():
    finding = nearmiss(fixed, root=ROOT, runs=3)
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.failure is None
    assert finding.executions == 3
    assert "nothing was caught in 3 runs on free threads" in finding.reason
    assert "not a proof" in finding.reason
    assert "INCONCLUSIVE" in finding.report()
    assert "[3 runs]" in finding.report()


class Client:
    """Has a connection after a while."""

    connection: list[str] | None

    def __init__(self) -> None:
        self.connection = None
        self.there = threading.Event()

    def connect(self) -> None:
        self.connection = []
        self.there.set()


def used_before_ready(wait: bool) -> None:
    client = Client()
    thread = threading.Thread(target=client.connect)
    thread.start()
    try:
        time.sleep(0.03)
        if wait:
            client.there.wait()
        client.connection.append("hello")  # type: ignore[union-attr]
    finally:
        thread.join()


def test_what_counts_of_an_order_is_the_exception_that_really_happened(monkeypatch):
    monkeypatch.setattr(pairs_module, "MARGIN_S", 0.3)
    monkeypatch.setattr(pairs_module, "LONGEST_S", 1.0)
    monkeypatch.setattr(budget_module, "ALLOWANCE_S", 60.0)
    finding = nearmiss(lambda: used_before_ready(False), root=ROOT, replays=1)
    assert finding.verdict is Verdict.REPRODUCED
    assert finding.failure is not None
    assert finding.failure.type == "AttributeError"
    assert finding.failure.where.startswith("test_nearmiss_search.py:")
    assert isinstance(finding.failure.error, AttributeError)
    assert "held before `self.connection` in Client.connect" in finding.report(200)
    mended = nearmiss(lambda: used_before_ready(True), root=ROOT, replays=1)
    assert mended.failure is None
    assert mended.near_misses is not None
    assert mended.near_misses.delays == 1, "else it was not tried"


def test_a_body_that_fails_by_itself_is_not_called_caught():
    def fails() -> None:
        raise ValueError("on its own")

    finding = nearmiss(fails, root=ROOT, replays=1)
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.failure is not None
    assert finding.failure.message == "on its own"
    assert "before any thread was held" in finding.reason
    assert finding.replays == (1, 1)


def test_a_thread_that_fails_is_a_failure():
    def body() -> None:
        def fails() -> None:
            raise ValueError("in a thread")

        thread = threading.Thread(target=fails, name="failing")
        thread.start()
        thread.join()

    finding = nearmiss(body, root=ROOT, replays=0)
    assert finding.failure is not None
    assert (finding.failure.task, finding.failure.message) == ("failing", "in a thread")


def test_a_wish_of_pytest_and_an_interrupt_go_through_and_leave_nothing():
    code = Cache.get.__code__
    for wish in (pytest.skip.Exception("not here"), KeyboardInterrupt()):

        def wishes(wish: BaseException = wish) -> None:
            assert Cache.get.__code__ is not code
            raise wish

        with pytest.raises(type(wish)):
            nearmiss(wishes, root=ROOT)
        assert gates.active is None
        assert Cache.get.__code__ is code


def test_pairs_are_kept_for_the_next_call(tmp_path, generous):
    first = nearmiss(broken, root=ROOT, runs=1, saved_in=tmp_path)
    assert first.failure is None
    second = nearmiss(broken, root=ROOT, runs=1, replays=0, saved_in=tmp_path)
    assert second.verdict is Verdict.REPRODUCED
    assert second.first_failure == 1
    third = nearmiss(broken, root=ROOT, runs=1, replays=0, saved_in=tmp_path)
    assert third.verdict is Verdict.REPRODUCED


@pytest.mark.parametrize(
    "wrong",
    [
        {"runs": 0}, {"runs": True}, {"runs": "2"}, {"replays": -1}, {"seed": 1.5}, {"share": 0},
        {"share": "a"}, {"strict": 1}, {"unsafe": "shop:Cache"}, {"unsafe": ["shop"]},
        {"control": "shop"}, {"control": [1]}, {"ignore": [None]}, {"rums": 3},
        {"control": ["no_module_of_this_name"]},
    ],
)  # fmt: skip
def test_a_wrong_argument_is_one_sentence(wrong):
    with pytest.raises(UsageError) as caught:
        nearmiss(lambda: None, **wrong)
    assert len(str(caught.value).splitlines()) == 1


def test_a_body_that_is_no_function_is_refused():
    with pytest.raises(UsageError):
        nearmiss(3)  # type: ignore[arg-type]


def test_it_is_not_for_the_inside_of_an_explored_body():
    def body() -> None:
        nearmiss(lambda: None)

    finding = explore(body, executions=1)
    assert finding.failure is not None
    assert "inside a body" in finding.failure.message


# -------------------------------------------------------------------------------------- the file


def filled() -> Saved:
    return Saved(Pairs([Pair("meet", "a", "b", 0.01, passage=2)]), 0.5, 3)


def path_of(files: PairFiles, test: str = "t") -> Path:
    files.save(test, filled())
    (path,) = (files.folder / FOLDER).glob("*.json")
    return path


def test_a_file_comes_back_and_the_folder_ignores_itself(tmp_path):
    files = PairFiles(tmp_path / "state")
    path_of(files)
    saved = files.load("t")
    assert [pair.as_json() for pair in saved.pairs] == [pair.as_json() for pair in filled().pairs]
    assert (saved.seconds, saved.runs) == (0.5, 3)
    assert (tmp_path / "state" / ".gitignore").read_text().endswith("*\n")
    assert files.notes == []


def test_nothing_is_written_for_a_test_without_near_misses(tmp_path):
    files = PairFiles(tmp_path / "state")
    files.save("t", Saved())
    assert not (tmp_path / "state").exists()
    assert len(files.load("t").pairs) == 0


def file_with(**changed: object) -> str:
    good = {KEY: 1, "test": "t", "runs": 1, "seconds": 1, "credit_s": 0, "pairs": []}
    return json.dumps({**good, **changed})


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", "[" * 100_000, '{"racecheck nearmiss": 2}', "\0", '"x"',
     '{"racecheck nearmiss": 1}', file_with(test="other"), file_with(pairs=3),
     file_with(pairs=[{}]), file_with(pairs=[0] * 10_000), file_with(seconds=float("nan")),
     file_with(seconds=-1), file_with(seconds=None), file_with(credit_s=""), file_with(runs="1"),
     file_with(runs=-1)],
)  # fmt: skip
def test_a_file_that_is_not_ours_is_named_and_left(tmp_path, text):
    files = PairFiles(tmp_path)
    path = path_of(files)
    path.write_text(text)
    assert len(files.load("t").pairs) == 0
    files.save("t", filled())
    assert path.read_text() == text
    assert path.name in files.notes[0]
    assert "left as it is" in files.notes[0]


def test_links_and_other_things_in_the_way_are_left(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "state").symlink_to(elsewhere)
    files = PairFiles(tmp_path / "state")
    files.save("t", filled())
    assert list(elsewhere.iterdir()) == []
    assert "no folder of ours" in files.notes[0]
    (tmp_path / "file").write_text("x")
    files = PairFiles(tmp_path / "file")
    files.save("t", filled())
    assert (tmp_path / "file").read_text() == "x"


def test_a_link_in_the_place_of_a_file_is_not_followed(tmp_path):
    files = PairFiles(tmp_path)
    path = path_of(files)
    target = tmp_path / "target"
    path.rename(target)
    path.symlink_to(target)
    before = target.read_text()
    assert len(files.load("t").pairs) == 0
    files.save("t", filled())
    assert target.read_text() == before
    assert path.is_symlink()


def test_the_version_stands_in_the_file(tmp_path):
    data = json.loads(path_of(PairFiles(tmp_path)).read_text())
    assert data[KEY] == 1
    assert data["test"] == "t"
