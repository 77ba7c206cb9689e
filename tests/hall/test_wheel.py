"""Builds the wheel, looks into it, and tries it where nothing of the checkout can be seen."""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import pytest_racecheck

ROOT = Path(__file__).parent.parent.parent
PATIENCE_S = 280


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist and the wheel that was built from it, without any download."""
    folder = tmp_path_factory.mktemp("built")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (wheel,) = built.glob("*.whl")
    return wheel


def run(*command: object, cwd: Path, status: int = 0, **more: str) -> str:
    """What a command prints, in an environment that shows it nothing of the checkout."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "COV_", "PYTEST"))
    }
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=clean | more,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == status, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def in_checkout(folder: Path, pattern: str) -> set[str]:
    """What lies below `folder`, but for the empty leftovers that Python makes when it imports."""
    found = (path for path in folder.rglob(pattern) if path.is_file())
    return {
        path.relative_to(folder).as_posix() for path in found if "__pycache__" not in path.parts
    }


def test_the_wheel_holds_the_package_and_every_scenario(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    modules = in_checkout(ROOT / "src" / "pytest_racecheck", "*.py") | {"py.typed"}
    scenarios = in_checkout(ROOT / "scenarios", "*")
    assert any(name.endswith("/scenario.toml") for name in scenarios)
    assert {f"pytest_racecheck/{name}" for name in modules} <= names
    assert {f"pytest_racecheck/scenarios/{name}" for name in scenarios} <= names


def test_the_wheel_holds_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    info = f"pytest_racecheck-{pytest_racecheck.__version__}.dist-info"
    assert {name.split("/")[0] for name in names} == {"pytest_racecheck", info}
    assert not [name for name in names if "__pycache__" in name or "/test_" in name]


def test_the_wheel_brings_the_plugin_and_the_command(wheel):
    text = read_info(wheel, "entry_points.txt")
    entry_points = configparser.ConfigParser(delimiters="=")
    entry_points.read_string(text)
    assert dict(entry_points["pytest11"]) == {"racecheck": "pytest_racecheck.plugin"}
    assert dict(entry_points["console_scripts"]) == {"racecheck": "pytest_racecheck.cli:main"}


def test_the_wheel_asks_for_its_core_only_and_names_its_extras(wheel):
    metadata = Parser().parsestr(read_info(wheel, "METADATA"))
    wanted = metadata.get_all("Requires-Dist", [])
    core = {name.split(">")[0] for name in wanted if "extra ==" not in name}
    assert core == {"pytest", "rich", "bytecode", "greenlet"}
    assert set(metadata.get_all("Provides-Extra", [])) == {
        "dev",
        "hypothesis",
        "postgres",
        "xdist",
        "zeromq",
    }
    assert metadata["Requires-Python"] == ">=3.11"


def test_the_sdist_holds_what_the_two_commands_need(built):
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as tar:
        names = {name.partition("/")[2] for name in tar.getnames()}
    assert {"Makefile", ".ci/run", "conftest.py", "README.md", "LICENSE"} <= names
    assert "tests/test_house_rules.py" in names


def read_info(wheel: Path, name: str) -> str:
    with zipfile.ZipFile(wheel) as archive:
        (member,) = [entry for entry in archive.namelist() if entry.endswith(f".dist-info/{name}")]
        return archive.read(member).decode()


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an empty environment in which the wheel alone was installed."""
    venv = tmp_path_factory.mktemp("empty") / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", venv, cwd=venv.parent)
    pip_into(venv / "bin", wheel)
    return venv / "bin"


def pip_into(programs: Path, *wanted: object) -> None:
    pip = [sys.executable, "-m", "pip", "--python", programs / "python", "install", "--quiet"]
    run(*pip, *wanted, cwd=programs)


@pytest.mark.live
def test_the_installed_wheel_works_in_an_empty_folder(installed, wheel, tmp_path):
    racecheck = installed / "racecheck"
    listed = run(racecheck, "list", cwd=tmp_path)
    assert "signalling_pair_reconnect" in listed
    assert run(installed / "python", "-m", "pytest_racecheck", "list", cwd=tmp_path) == listed

    # Without pyzmq: told with the command that brings it, neither skipped nor passed.
    wanted = ("run", "signalling_pair_reconnect/fixed", "--mode", "controlled")
    told = run(racecheck, *wanted, cwd=tmp_path, status=3)
    assert "pip install 'pytest-racecheck[zeromq]'" in told.replace("\n", " ")

    pip_into(installed, f"{wheel}[zeromq]")
    assert "ruled out" in run(racecheck, *wanted, cwd=tmp_path)


@pytest.mark.live
def test_pytest_knows_the_installed_plugin(installed, tmp_path):
    assert "@pytest.mark.racecheck" in run(installed / "pytest", "--markers", cwd=tmp_path)
