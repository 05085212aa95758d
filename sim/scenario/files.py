"""A scenario or a change is named by its path, sought beside the file that names it, or by its library name."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn

from sim.errors import ScenarioError
from sim.scenario import library
from sim.scenario.document import LARGEST_FILE, Read, read
from sim.scenario.model.base import nearest
from sim.scenario.tree import KeyPath, Mark, located

if TYPE_CHECKING:
    from collections.abc import Callable

#: A file's name that stands for standard input.
STANDARD_INPUT: Final = "-"


class Shelf(NamedTuple):
    """What a name may mean in the library, and what that is called."""

    word: str
    find: Callable[[str], Path | None]
    names: Callable[[], list[str]]
    mistaken: Callable[[str], Path | None]
    """Finds what stands on the other shelf."""
    rather: str
    """What is said of that."""


SCENARIOS: Final = Shelf(
    "scenario",
    library.find,
    library.names,
    library.find_change,
    "a change; name it under 'changes' of a scenario, or by --with",
)
CHANGES: Final = Shelf(
    "change", library.find_change, library.changes, library.find, "a scenario; a change is needed here"
)


def refuse(mark: Mark, path: KeyPath, message: str, suggestion: str | None = None) -> NoReturn:
    """ScenarioError with this one problem."""
    raise ScenarioError([located(mark, path, message, suggestion).problem])


def locate(name: str, folder: Path, mark: Mark, at: KeyPath, shelf: Shelf = SCENARIOS) -> Path:
    """The file that `name` means in a file of `folder`; ScenarioError, told at `mark`, if there is none."""
    beside = folder / name
    if _exists(beside) and not beside.is_dir():
        return beside
    if found := shelf.find(name):
        return found
    if _exists(beside):
        return beside  # A directory: reading it tells so.
    if shelf.mistaken(name):
        refuse(mark, at, f"{name!r} is {shelf.rather}")
    candidates = {*shelf.names(), *_neighbours(name, folder)}
    refuse(mark, at, f"{name!r} is no file and no library {shelf.word}", nearest(name, candidates))


def shown(path: Path) -> str:
    """One name for one file: relative to the working folder if it is below it, without `..`."""
    try:
        here = Path.cwd()
    except FileNotFoundError:  # It was deleted, so no file is below it.
        return os.path.normpath(path)
    full = Path(os.path.normpath(here / path))
    return str(full.relative_to(here) if full.is_relative_to(here) else full)


def read_file(path: Path | None, name: str, said: Mark | None = None, key: KeyPath = ()) -> Read:
    """What is in a file, or on standard input; what is no file is told where it was `said`, under `key`."""
    at = Mark(name) if said is None else said
    subject = "this" if said is None else repr(name)
    try:
        if path is None:
            if sys.stdin is None:
                refuse(Mark(name), (), "standard input is closed")
            return read(sys.stdin.buffer.read(LARGEST_FILE + 1), name)
        if said is not None and path.exists() and not (path.is_file() or path.is_dir()):
            # Such as a pipe, which might never end.
            refuse(at, key, f"{subject} is a pipe or a device; a file is needed")
        with path.open("rb") as file:
            return read(file.read(LARGEST_FILE + 1), name)
    except IsADirectoryError:
        message = f"{subject} is a folder; name one of the files in it"
    except OSError as error:
        message = f"{'the file' if said is None else subject} cannot be read: {error.strerror or error}"
    refuse(at, key, message)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name longer than the file system can hold
        return False


def _neighbours(name: str, folder: Path) -> list[str]:
    try:
        return [(Path(name).parent / path.name).as_posix() for path in (folder / name).parent.glob("*.yaml")]
    except (OSError, ValueError):
        return []
