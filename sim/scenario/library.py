"""The package brings scenarios with it; each goes by its path in the library, without `.yaml`."""

from __future__ import annotations

from pathlib import Path

from sim.scenario.document import text_at_top


def folder() -> Path:
    """Where the scenarios of the library are: inside an installed package, else beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "library"
    return installed if installed.is_dir() else package.parent / "scenarios"


def names() -> list[str]:
    """The names of all library scenarios, such as `baseline` and `mechanisms/fifo`, in order."""
    root = folder()
    return sorted(path.relative_to(root).with_suffix("").as_posix() for path in root.rglob("*.yaml"))


def question(name: str) -> str:
    """The question that a library scenario answers, from the beginning of its file, without reading the rest."""
    file = folder() / f"{name}.yaml"
    return text_at_top(file.read_bytes(), str(file), "question") or ""


def find(name: str) -> Path | None:
    """The file of a library scenario; None if no scenario has exactly that name."""
    return folder() / f"{name}.yaml" if name in names() else None
