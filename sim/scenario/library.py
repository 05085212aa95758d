"""The package brings scenarios with it, changes and cases; each goes by its path in its folder, without `.yaml`."""

from __future__ import annotations

import os
from pathlib import Path

from sim.scenario.document import text_at_top

#: The folder of the changes, inside that of the scenarios.
_CHANGES = "changes"


def folder() -> Path:
    """Where the scenarios of the library are: inside an installed package, else beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "library"
    return installed if installed.is_dir() else package.parent / "scenarios"


def names() -> list[str]:
    """The names of all library scenarios, such as `baseline` and `mechanisms/fifo`, in order."""
    return [name for name in _names_in(folder()) if not name.startswith(f"{_CHANGES}/")]


def changes() -> list[str]:
    """The names of all library changes, such as `direct-cips`, in order."""
    return _names_in(folder() / _CHANGES)


def question(name: str) -> str:
    """The question that a library scenario answers, from the beginning of its file, without reading the rest."""
    return _at_top(folder() / f"{name}.yaml", "question")


def says(name: str) -> str:
    """The sentence of a library change, likewise."""
    return _at_top(folder() / _CHANGES / f"{name}.yaml", "says")


def find(name: str) -> Path | None:
    """The file of a library scenario; None if no scenario has exactly that name."""
    return folder() / f"{name}.yaml" if name in names() else None


def find_change(name: str) -> Path | None:
    """The file of a library change; None if no change has exactly that name."""
    return folder() / _CHANGES / f"{name}.yaml" if name in changes() else None


def cases() -> list[str]:
    """The names of the published cases, such as `gridlock-ring`, in order."""
    return _names_in(_cases())


def case_says(name: str) -> str:
    """What a published case is about, likewise."""
    return _at_top(_cases() / f"{name}.yaml", "says")


def find_case(name: str) -> Path | None:
    """The file of a published case; None if no case has exactly that name."""
    return _cases() / f"{name}.yaml" if name in cases() else None


def name_of_change(path: Path) -> str:
    """The library name of a change, or the name of its file without the ending if it is none of the library."""
    root, full = Path(os.path.realpath(folder() / _CHANGES)), Path(os.path.realpath(path))
    return full.relative_to(root).with_suffix("").as_posix() if full.is_relative_to(root) else path.stem


def _cases() -> Path:
    return Path(__file__).resolve().parents[1] / "data" / "cases"


def _names_in(root: Path) -> list[str]:
    return sorted(path.relative_to(root).with_suffix("").as_posix() for path in root.rglob("*.yaml"))


def _at_top(file: Path, key: str) -> str:
    return text_at_top(file.read_bytes(), str(file), key) or ""
