"""Tests where the sources of libzmq come from, and that what is none is refused in a sentence."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_racecheck import zmq_sources
from pytest_racecheck.errors import MissingDependency


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address at which the test's folder is served."""
    monkeypatch.setenv("no_proxy", "*")
    handler = functools.partial(_Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "scratch").mkdir()
    return tmp_path / "scratch"


def refusal_of(source: str | None, folder: Path) -> str:
    with pytest.raises(MissingDependency) as refused:
        zmq_sources.unpack(zmq_sources.obtain(source, folder), folder / "unpacked")
    message = str(refused.value)
    assert refused.value.exit_status == 3
    assert "racecheck doctor --enable zmq-draft --source FILE-OR-URL" in message
    assert message.endswith(".")
    assert "\n" not in message
    return message


def test_a_file_of_sources_is_unpacked_and_its_version_read(libzmq_tar, folder):
    archive = zmq_sources.obtain(str(libzmq_tar), folder)
    sources = zmq_sources.unpack(archive, folder / "unpacked")
    assert sources.version == "4.3.4"
    assert (sources.folder / "CMakeLists.txt").is_file()
    assert archive.origin == str(libzmq_tar)
    assert len(archive.sha256) == 64


def test_an_address_is_downloaded(libzmq_tar, served, folder):
    archive = zmq_sources.obtain(f"{served}/{libzmq_tar.name}", folder)
    assert archive.path.read_bytes() == libzmq_tar.read_bytes()
    assert archive.path.is_relative_to(folder)


def test_a_file_that_is_not_there_is_named(folder):
    assert "there is no file /nowhere/libzmq.tar.gz" in refusal_of("/nowhere/libzmq.tar.gz", folder)


def test_a_folder_is_no_archive(folder):
    assert f"there is no file {folder}" in refusal_of(str(folder), folder)


def test_a_file_that_is_no_tar_is_named(folder, tmp_path):
    wrong = tmp_path / "notes.txt"
    wrong.write_text("not an archive")
    assert f"{wrong} is not a tar archive" in refusal_of(str(wrong), folder)


def test_a_truncated_tar_is_refused(folder, libzmq_tar):
    libzmq_tar.write_bytes(libzmq_tar.read_bytes()[:60])
    assert "is not a tar archive that can be unpacked" in refusal_of(str(libzmq_tar), folder)


def test_a_damaged_tar_is_refused(folder, tar_of):
    path = tar_of({"zmq-4/noise": "".join(map(chr, range(32, 2000)))})
    content = bytearray(path.read_bytes())
    content[100:400] = b"\xff" * 300
    path.write_bytes(content)
    assert "is not a tar archive that can be unpacked" in refusal_of(str(path), folder)


def test_an_empty_tar_holds_no_sources(folder, tar_of):
    assert "holds no sources of libzmq" in refusal_of(str(tar_of({})), folder)


def test_a_tar_of_something_else_holds_no_sources(folder, tar_of):
    other = tar_of({"other-1/include/zmq.h": "no version here", "other-1/CMakeLists.txt": ""})
    assert "holds no sources of libzmq" in refusal_of(str(other), folder)


@pytest.mark.parametrize("old_python", [False, True])
def test_a_tar_that_would_write_elsewhere_is_refused(folder, tar_of, monkeypatch, old_python):
    if old_python:
        monkeypatch.setattr(zmq_sources, "_EXTRACT_SAFELY", {})
    refusal_of(str(tar_of({"../outside.txt": "!"})), folder)
    assert not list(folder.parent.glob("**/outside.txt"))


def test_a_refused_connection_is_told(folder, served):
    closed = "http://127.0.0.1:9/libzmq.tar.gz"
    assert f"{closed} cannot be downloaded (" in refusal_of(closed, folder)


def test_an_address_that_holds_nothing_is_told(folder, served):
    assert "404" in refusal_of(f"{served}/nothing.tar.gz", folder)


@pytest.mark.parametrize("address", ["file:///etc/passwd", "gopher://example.org/x"])
def test_other_kinds_of_address_are_refused(address, folder):
    assert "is neither an http, https nor ftp address" in refusal_of(address, folder)


def test_a_download_has_a_limit_of_size(folder, served, libzmq_tar, monkeypatch):
    monkeypatch.setattr(zmq_sources, "LARGEST_ARCHIVE_BYTES", 20)
    assert "larger than 20 bytes" in refusal_of(f"{served}/{libzmq_tar.name}", folder)


def test_a_download_has_a_limit_of_time(folder, served, libzmq_tar, monkeypatch):
    monkeypatch.setattr(zmq_sources, "DOWNLOAD_PATIENCE_S", -1.0)
    assert "takes longer than" in refusal_of(f"{served}/{libzmq_tar.name}", folder)


def test_without_a_source_debians_server_is_asked_and_its_digest_checked(
    folder, served, libzmq_tar, monkeypatch
):
    wanted = zmq_sources.obtain(str(libzmq_tar), folder).sha256
    monkeypatch.setattr(zmq_sources, "DEBIAN_ADDRESS", f"{served}/{libzmq_tar.name}")
    monkeypatch.setattr(zmq_sources, "DEBIAN_SHA256", wanted)
    assert zmq_sources.obtain(None, folder).sha256 == wanted


def test_a_changed_archive_is_not_trusted_and_without_apt_both_reasons_are_told(
    folder, served, libzmq_tar, monkeypatch, toolbox
):
    monkeypatch.setattr(zmq_sources, "DEBIAN_ADDRESS", f"{served}/{libzmq_tar.name}")
    told = refusal_of(None, folder)
    assert "is not the archive that it should be" in told
    assert "there is no apt-get" in told


def test_where_debians_server_cannot_be_reached_apt_is_asked(
    folder, libzmq_tar, monkeypatch, toolbox
):
    monkeypatch.setattr(zmq_sources, "DEBIAN_ADDRESS", "http://127.0.0.1:9/x.tar.gz")
    monkeypatch.setattr(zmq_sources, "write_source_lists", lambda *_: 1)
    toolbox(
        "apt-get",
        f'case "$*" in *source*) cp {libzmq_tar} ./zeromq3_4.3.4.orig.tar.gz;'
        " echo signature > zeromq3_4.3.4.orig.tar.gz.asc;; esac",
    )
    archive = zmq_sources.obtain(None, folder)
    assert archive.path.read_bytes() == libzmq_tar.read_bytes()
    assert "zeromq3_4.3.4.orig.tar.gz" in archive.origin


def test_what_apt_complains_of_is_told(folder, monkeypatch, toolbox):
    monkeypatch.setattr(zmq_sources, "DEBIAN_ADDRESS", "http://127.0.0.1:9/x.tar.gz")
    monkeypatch.setattr(zmq_sources, "write_source_lists", lambda *_: 1)
    toolbox("apt-get", "echo 'E: no such mirror' >&2; exit 100")
    assert "apt-get update failed (E: no such mirror)" in refusal_of(None, folder)


def test_apt_keeps_its_state_in_the_scratch_folder(folder, monkeypatch, toolbox):
    monkeypatch.setattr(zmq_sources, "DEBIAN_ADDRESS", "http://127.0.0.1:9/x.tar.gz")
    monkeypatch.setattr(zmq_sources, "write_source_lists", lambda *_: 1)
    toolbox("apt-get", f'echo "$*" >> {folder}/asked; exit 100')
    refusal_of(None, folder)
    for asked in (folder / "asked").read_text().splitlines():
        for place in ("Dir::State=", "Dir::Cache=", "Dir::Etc::sourceparts="):
            assert f"-o{place}{folder}/" in asked


def test_binary_package_sources_are_asked_for_their_sources(tmp_path):
    system, private = tmp_path / "etc-apt", tmp_path / "private"
    (system / "sources.list.d").mkdir(parents=True)
    private.mkdir()
    (system / "sources.list").write_text("# deb no\ndeb http://a.example/debian stable main\n")
    (system / "sources.list.d" / "b.sources").write_text(
        "Types: deb\nURIs: http://b.example\n\nTypes: deb deb-src\nURIs: http://c.example\n"
    )
    (system / "sources.list.d" / "d.list.disabled").write_text("deb http://d.example x main\n")
    assert zmq_sources.write_source_lists(private, system) == 3
    assert (private / "sources.list").read_text() == (
        "# deb no\ndeb-src http://a.example/debian stable main\n"
    )
    assert (private / "b.sources").read_text().count("Types: deb-src\n") == 2
    assert not (private / "d.list.disabled").exists()
