"""Tests that the cache holds whole builds of the draft API only, whatever happens to a build."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pytest_racecheck import zmq_build, zmq_draft, zmq_sources
from pytest_racecheck.errors import MissingDependency


@pytest.fixture
def builds(tmp_path):
    """How many times libzmq was configured."""
    return lambda: (tmp_path / "builds").read_text().count("configure")


def enable(source: Path) -> zmq_draft.Draft:
    return zmq_build.enable(str(source), lambda _: None)


def test_a_build_is_found_afterwards(cache, pretend, libzmq_tar):
    draft = enable(libzmq_tar)
    assert zmq_draft.draft_site() == Path(draft.site)
    assert draft.libzmq == "4.3.4"
    assert draft.origin == str(libzmq_tar)
    assert (Path(draft.prefix) / "lib" / "so").is_file()
    assert not list(cache.glob("building-*"))


def test_the_second_time_nothing_is_built_or_downloaded(cache, pretend, libzmq_tar, monkeypatch):
    draft = enable(libzmq_tar)
    monkeypatch.delattr(zmq_sources, "obtain")
    monkeypatch.delattr(zmq_sources, "unpack")
    assert zmq_build.enable(None, pytest.fail) == draft


def test_the_same_sources_again_are_not_built_again(cache, pretend, builds, libzmq_tar):
    assert enable(libzmq_tar) == enable(libzmq_tar)
    assert builds() == 1


def test_other_sources_are_built_and_take_over(cache, pretend, builds, libzmq_tar, tar_of):
    header = (
        "#define ZMQ_VERSION_MAJOR 4\n#define ZMQ_VERSION_MINOR 9\n#define ZMQ_VERSION_PATCH 1\n"
    )
    first = enable(libzmq_tar)
    second = enable(tar_of({"z/include/zmq.h": header, "z/CMakeLists.txt": ""}))
    assert builds() == 2
    assert second.libzmq == "4.9.1"
    assert first.site != second.site
    assert zmq_draft.draft_site() == Path(second.site)


def test_a_site_that_no_longer_works_is_built_anew(cache, pretend, libzmq_tar):
    site = Path(enable(libzmq_tar).site)
    module = site / "zmq" / "__init__.py"
    whole = module.read_text()
    module.write_text("raise ImportError('damaged')")
    assert Path(enable(libzmq_tar).site) == site
    assert module.read_text() == whole


def test_a_build_whose_pyzmq_has_no_server_socket_is_not_kept(cache, pretend, libzmq_tar):
    pretend(pyzmq="class Context: pass")
    with pytest.raises(MissingDependency, match="has no SERVER socket"):
        enable(libzmq_tar)
    assert zmq_draft.draft_site() is None


def test_without_pyzmq_the_command_that_installs_it_is_told(cache, monkeypatch):
    monkeypatch.setattr(zmq_draft, "installed_pyzmq", lambda: None)
    assert zmq_draft.draft_site() is None
    with pytest.raises(MissingDependency, match=r"pip install 'pytest-racecheck\[zeromq\]'"):
        zmq_build.enable(None, pytest.fail)


def test_without_a_compiler_nothing_is_left_behind(cache, toolbox, libzmq_tar):
    with pytest.raises(MissingDependency, match=r"no C\+\+ compiler"):
        enable(libzmq_tar)
    assert [path.name for path in cache.iterdir()] == ["lock"]


def test_a_compiler_that_fails_is_told_and_leaves_its_log_only(cache, pretend, libzmq_tar):
    pretend("echo 'error: your compiler is too old'; exit 1")
    with pytest.raises(MissingDependency, match=r"error: your compiler is too old.*enable zmq"):
        enable(libzmq_tar)
    assert {path.name for path in cache.iterdir()} == {"lock", "last-failure.log"}

    pretend("echo ok")
    enable(libzmq_tar)
    assert not (cache / "last-failure.log").exists()


def test_an_interrupted_build_leaves_nothing_behind(cache, pretend, libzmq_tar):
    pretend(f"kill -INT {os.getpid()}; sleep 1")
    with pytest.raises(KeyboardInterrupt):
        enable(libzmq_tar)
    assert [path.name for path in cache.iterdir()] == ["lock"]


def test_what_a_killed_build_left_is_swept_by_the_next(cache, pretend, libzmq_tar):
    pretend('kill -KILL "$PPID"; sleep 0')
    script = f"from pytest_racecheck import zmq_build; zmq_build.enable({str(libzmq_tar)!r}, print)"
    killed = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL
    assert list(cache.glob("building-*"))
    assert zmq_draft.draft_site() is None

    pretend("echo ok")
    enable(libzmq_tar)
    assert not list(cache.glob("building-*"))


def test_two_at_once_build_once(cache, pretend, builds, libzmq_tar):
    drafts: list[zmq_draft.Draft] = []
    threads = [threading.Thread(target=lambda: drafts.append(enable(libzmq_tar))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert builds() == 1
    assert len(drafts) == 3
    assert len(set(drafts)) == 1


def test_a_build_that_never_ends_elsewhere_is_not_waited_for_forever(
    cache, pretend, libzmq_tar, monkeypatch
):
    said: list[str] = []
    monkeypatch.setattr(zmq_build, "LOCK_PATIENCE_S", 0.0)
    cache.mkdir(parents=True)
    with (
        zmq_build._only_one(cache, pytest.fail),
        pytest.raises(MissingDependency, match="Another process still builds"),
    ):
        zmq_build.enable(str(libzmq_tar), said.append)
    assert said == [f"another process is building in {cache}; waiting for it"]


def test_a_home_that_cannot_be_written_gives_way_to_the_environment(
    tmp_path, pretend, libzmq_tar, monkeypatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/cache")
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    draft = enable(libzmq_tar)
    assert Path(draft.site).is_relative_to(tmp_path / "venv")
    assert zmq_draft.draft_site() == Path(draft.site)


def test_where_nothing_can_be_written_the_variable_to_set_is_told(monkeypatch, libzmq_tar):
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/cache")
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    with pytest.raises(MissingDependency, match="XDG_CACHE_HOME=/some/folder racecheck doctor"):
        enable(libzmq_tar)


@pytest.mark.slow
@pytest.mark.live
def test_the_real_build_makes_server_and_client_talk(cache):
    draft = zmq_build.enable(None, print)
    assert draft.libzmq == "4.3.4"
    talk = f"""
import sys; sys.path.insert(0, {draft.site!r})
import zmq
context = zmq.Context()
server, client = context.socket(zmq.SERVER), context.socket(zmq.CLIENT)
server.bind("inproc://talk"); client.connect("inproc://talk")
client.send(b"ping"); frame = server.recv(copy=False)
server.send(b"pong", routing_id=frame.routing_id)
print(frame.bytes.decode(), client.recv().decode(), zmq.zmq_version())
context.destroy(0)
"""
    done = subprocess.run(
        [sys.executable, "-c", talk], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == ["ping", "pong", "4.3.4"], done.stderr
    assert zmq_build.enable(None, pytest.fail) == draft
