"""The folder of a checkpoint: one .npz file per finished pass, a seed, a lock; no pickles.

Layout, version 1. ``checkpoint.json``: format, version, and the seed of a run that was given none.
``<digest of the pass>.npz``: arrays by name, uncompressed, with the checksums of the zip format.
``lock``: held by the process that uses the folder, and free as soon as that process is gone, since
it is a lock of the operating system and not the file itself. Files appear whole or not at all.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import socket
import warnings
import weakref
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import argument_error
from ._file_errors import PathLike
from .write import atomic_file

__all__ = ["CheckpointFolder"]

_FORMAT, _VERSION = "rnla checkpoint", 1
_MARKER, _LOCK = "checkpoint.json", "lock"
_ENTRY = re.compile(r"[0-9a-f]{40}\.npz")
_LEFT_OVER = re.compile(r"\.([0-9a-f]{40}\.npz|checkpoint\.json)\.[0-9a-f]+\.part")
_EXPECTED = "a new or empty folder, or one of an earlier run"

Arrays = Mapping[str, npt.NDArray[Any]]


class CheckpointFolder:
    """Results of finished passes on disk, for one process at a time.

    Parameters
    ----------
    directory : str or path-like
        Made if it does not exist.

    Raises
    ------
    ArgumentError
        If it is no folder, holds files of something else, was written by another version, or is
        used by another process.
    """

    def __init__(self, directory: PathLike) -> None:
        self.path = pathlib.Path(os.path.realpath(directory))
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise _refusal(f"{str(directory)!r}, which is a file", "Choose a folder.") from error
        self._refuse_other_files()
        self._lock: _Lock | None = _Lock.of(self.path / _LOCK)
        self._sweep()
        self._settings = self._read_marker()

    def _refuse_other_files(self) -> None:
        names = sorted(os.listdir(self.path))
        strange = [
            name
            for name in names
            if name not in (_MARKER, _LOCK) and not (_ENTRY.fullmatch(name) or _is_part(name))
        ]
        entries = [name for name in names if _ENTRY.fullmatch(name)]
        if strange or (entries and _MARKER not in names):
            other = (strange or entries)[0]
            raise _refusal(
                f"{str(self.path)!r}, which holds {other!r}", "Choose a folder of its own."
            )

    def _sweep(self) -> None:
        """Remove what a killed process was writing."""
        for name in os.listdir(self.path):
            if _is_part(name):
                (self.path / name).unlink(missing_ok=True)

    def _read_marker(self) -> dict[str, Any]:
        marker = self.path / _MARKER
        try:
            settings = json.loads(marker.read_bytes())
            known = (settings["format"], settings["version"]) == (_FORMAT, _VERSION)
        except FileNotFoundError:
            settings = {"format": _FORMAT, "version": _VERSION}
            self._write_marker(settings)
            return settings
        except (ValueError, KeyError, TypeError):
            known = False
        if not known:
            raise _refusal(
                f"{str(self.path)!r}, whose {_MARKER} is not of version {_VERSION}",
                "Delete the folder and start again.",
            )
        return dict(settings)

    def _write_marker(self, settings: dict[str, Any]) -> None:
        with atomic_file(self.path / _MARKER) as file:
            file.write(json.dumps(settings).encode() + b"\n")

    def seed(self, fresh: int) -> int:
        """The seed of the run in this folder; `fresh` if it has none yet."""
        if not isinstance(self._settings.get("seed"), int):
            self._settings["seed"] = fresh
            self._write_marker(self._settings)
        return int(self._settings["seed"])

    def load(self, key: bytes) -> dict[str, npt.NDArray[Any]] | None:
        """The arrays stored under a key; None if there are none or the file is damaged."""
        try:
            with (
                open(self._entry(key), "rb") as file,
                np.load(file, allow_pickle=False) as stored,
            ):
                return {name: stored[name] for name in stored.files}
        except FileNotFoundError:
            return None
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error):
            return None  # the checksum is wrong: the pass is repeated and written again

    def store(self, key: bytes, arrays: Arrays) -> None:
        """Write the arrays of a finished pass. A full disk costs the entry, not the run."""
        try:
            with atomic_file(self._entry(key)) as file:
                np.savez(file, allow_pickle=False, **arrays)
        except OSError as error:
            warnings.warn(
                f"checkpoint: a finished pass could not be written to {str(self.path)!r} "
                f"({error.strerror or error}). The run goes on; started again, it would repeat "
                "this pass.",
                RuntimeWarning,
                stacklevel=2,
            )

    def _entry(self, key: bytes) -> pathlib.Path:
        return self.path / f"{key.hex()}.npz"

    def clear(self) -> None:
        """Remove everything the checkpoint has written; the folder itself stays."""
        for name in os.listdir(self.path):
            if _ENTRY.fullmatch(name) or _is_part(name) or name == _MARKER:
                (self.path / name).unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.remove()

    def close(self) -> None:
        """Let other processes use the folder."""
        self._lock = None


def _is_part(name: str) -> bool:
    return _LEFT_OVER.fullmatch(name) is not None


def _refusal(got: str, remedy: str) -> Exception:
    return argument_error("checkpoint", got, _EXPECTED, remedy)


class _Lock:
    """A lock file. One process may hold it several times over; it is free when none is left."""

    _held: weakref.WeakValueDictionary[tuple[int, str], _Lock] = weakref.WeakValueDictionary()

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
            if not _locked(descriptor):
                owner = os.read(descriptor, 200).decode(errors="replace").strip()
                os.close(descriptor)
                raise _refusal(
                    f"{str(path.parent)!r}, which {owner or 'another process'} is using",
                    "Wait for that run, end it, or choose another folder.",
                )
            if _same_file(descriptor, path):
                break
            os.close(descriptor)  # its last owner has just removed it
        os.truncate(descriptor, 0)
        os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
        self._close = weakref.finalize(self, os.close, descriptor)

    @classmethod
    def of(cls, path: pathlib.Path) -> _Lock:
        """The lock of this process, made if it holds none."""
        key = (os.getpid(), str(path))
        lock = cls._held.get(key)
        if lock is None or not path.exists():
            lock = cls(path)
            cls._held[key] = lock
        return lock

    def remove(self) -> None:
        """Remove the file, which is then somebody else's to make."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError:  # not while it is open, on some systems
            return


def _locked(descriptor: int) -> bool:
    """Try to lock an open file; locks of a process that has ended are gone."""
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _same_file(descriptor: int, path: pathlib.Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False
