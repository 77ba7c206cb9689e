"""JSON files that others may have written: read with care, written at once or not at all."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
import tempfile
from pathlib import Path
from typing import Any

from pytest_racecheck.errors import UsageError

#: Ours have some kilobytes; the longest schedule that can be written down has less than this.
MAX_BYTES = 4_000_000


def read_object(path: Path, key: str, version: int) -> dict[str, Any]:
    """The object in ``path``, which has ``version`` at ``key``; UsageError says why it has none.

    A link is not followed, and what is no regular file is not even opened for reading.
    """
    try:
        data = json.loads(_read(path))
    except RecursionError:
        raise UsageError(f"{path} is nested too deeply to be ours") from None
    except ValueError as error:  # neither text nor JSON
        raise UsageError(f"{path} is damaged: {str(error)[:80]}") from None
    if not isinstance(data, dict) or key not in data:
        raise UsageError(f"{path} is not ours: it is no object with {key!r}")
    if data[key] != version or isinstance(data[key], bool):
        raise UsageError(f"{path} has format {data[key]!r:.20}; this is {version}: update us")
    return data


def _read(path: Path) -> bytes:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        why = "it is a link" if error.errno == errno.ELOOP else (error.strerror or str(error))
        raise UsageError(f"{path} is not read: {why}") from None
    try:
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode):
            raise UsageError(f"{path} is not read: it is no file")
        if about.st_size > MAX_BYTES:
            raise UsageError(f"{path} has {about.st_size} bytes; at most {MAX_BYTES} are read")
        with open(handle, "rb", closefd=False) as file:
            return file.read(MAX_BYTES)
    finally:
        os.close(handle)


def why_not_written(path: Path) -> str | None:
    """Why `write_object` could not write ``path``, as far as can be seen now; None: it could."""
    folder = path.absolute().parent
    if path.is_dir():
        return "it is a folder"
    if not folder.is_dir():
        return f"there is no folder {folder}"
    return None if os.access(folder, os.W_OK | os.X_OK) else f"{folder} is not writable"


def write_object(path: Path, data: dict[str, Any]) -> None:
    """Write ``data`` to ``path``; readers see the old file or the new one.  Raises OSError."""
    text = json.dumps(data, indent=1, ensure_ascii=False) + "\n"
    handle, name = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=path.parent)
    try:
        with open(handle, "w", encoding="utf-8", errors="surrogatepass") as file:
            file.write(text)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
