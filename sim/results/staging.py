"""A run is written beside its place and takes it file by file, so that what is not ours stays where it is.

Beside the place `runs/mine` stands, while it is saved, the hidden folder `runs/.mine.sim-saving`:

    lock        held by the process that saves; whoever can take it knows that nobody does. What it says proves
                that the folder is ours: another of such a name is left as it is
    new/        the files to come
    plan.json   written when `new` is complete: from here on the save goes on, whoever has to finish it
    old/        what stood at the places of the new files, until it is known to be ours

A process that is killed leaves that folder. The next one that saves or opens something there finishes the save
if there is a plan, and removes the folder if there is none; both can be killed and begun again.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sim.errors import ResultsError, RunError
from sim.results.placing import NEW, OLD, PLAN, SUFFIX, beside, finish

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOCK: Final = "lock"
_OURS: Final = b"written while a run is saved\n"


def _stage_of(place: Path) -> Path:
    """Where the files of a place are written before: beside it, or in it where that cannot be."""
    if place.is_dir():
        above = place.parent
        if not os.access(above, os.W_OK | os.X_OK) or above.stat().st_dev != place.stat().st_dev:
            return place / SUFFIX
    return beside(place)


@contextmanager
def staged(place: Path, *, wait: bool = True) -> Iterator[Any]:
    """The locked hidden folder of a place with an empty `new`, removed in the end; None if it is another's.

    `RunError` if something cannot be written, also by who uses the folder.
    """
    missing: list[Path] = []
    try:
        missing += [parent for parent in place.parents if not parent.exists()]
        place.parent.mkdir(parents=True, exist_ok=True)
        stage = _stage_of(place)
        handle = take_lock(stage, wait=wait, make=True)
        if handle is None:
            yield None
            return
        with clearing(stage, handle):
            finish(stage)
            shutil.rmtree(stage / NEW, ignore_errors=True)
            (stage / NEW).mkdir()
            yield stage
    except OSError as error:
        raise RunError(f"{place}: cannot be saved ({error.strerror or error})") from None
    finally:
        for parent in missing:
            with suppress(OSError):
                parent.rmdir()


@contextmanager
def clearing(stage: Path, handle: int) -> Iterator[None]:
    """Remove a hidden folder in the end, whatever happens, and give its lock free."""
    try:
        yield
    finally:
        try:
            _clear(stage)
        except BaseException:  # A signal is no reason to leave something behind.
            _clear(stage)
            raise
        finally:
            os.close(handle)


def take_lock(stage: Path, *, wait: bool, make: bool = False) -> int | None:
    """An open handle that holds the lock of a hidden folder; None if another holds it, or if there is none."""
    lock = stage / _LOCK
    while True:
        if make:
            stage.mkdir(exist_ok=True)
        if not _is_ours(stage):
            raise FileExistsError(errno.EEXIST, f"{stage.name} is in the way, and is not of a save")
        try:
            handle = os.open(lock, os.O_CREAT | os.O_RDWR | getattr(os, "O_NOFOLLOW", 0), 0o666)
        except FileNotFoundError:
            if make:
                continue
            return None
        except BaseException:
            with suppress(OSError):
                stage.rmdir()
            raise
        held = False
        try:
            if not locked(handle, wait=wait):
                return None
            held = _holds(handle, lock)
            if held:
                return handle
        finally:
            if not held:
                os.close(handle)


def _holds(handle: int, lock: Path) -> bool:
    """Whether a handle that is locked locks the folder, whose lock is marked as ours by that."""
    try:
        if not os.path.samestat(os.fstat(handle), lock.stat()):
            return False
    except FileNotFoundError:  # Who held it before may have removed it meanwhile; then it locks nothing.
        return False
    if not os.fstat(handle).st_size:
        os.write(handle, _OURS)
    return True


def _is_ours(stage: Path) -> bool:
    """Whether a hidden folder is that of a save: its lock says so, or nothing has been put into it yet."""
    if stage.is_symlink():
        return False
    with suppress(OSError):
        lock = (stage / _LOCK).read_bytes() if (stage / _LOCK).is_file() else b""
        return lock == _OURS or (not lock and {path.name for path in stage.iterdir()} <= {_LOCK})
    return not stage.exists()  # Whoever held it has removed it.


def locked(handle: int, *, wait: bool) -> bool:
    """Whether an open handle has its file for itself now; where that cannot be known, it has."""
    if sys.platform == "win32":  # Whoever comes last is right there.
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def _clear(stage: Path) -> None:
    """Remove a hidden folder; if its plan cannot be finished, it stays for whoever can."""
    with suppress(OSError, ResultsError):  # The next command tries again.
        finish(stage)
        if not (stage / PLAN).exists():
            shutil.rmtree(stage / NEW, ignore_errors=True)
            _prune(stage / OLD)
            for name in (f"{PLAN}.part", _LOCK):
                (stage / name).unlink(missing_ok=True)
            stage.rmdir()


def _prune(folder: Path) -> None:
    """Remove a folder and those below it as far as they are empty."""
    for path, _, _ in os.walk(folder, topdown=False):
        with suppress(OSError):
            Path(path).rmdir()
