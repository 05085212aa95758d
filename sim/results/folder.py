"""A folder is ours only as far as its manifest proves it: nothing else in it is replaced, followed or believed."""

from __future__ import annotations

import hashlib
import json
import re
import stat
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sim.errors import ResultsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

MANIFEST: Final = "manifest.json"
SCENARIO: Final = "scenario.yaml"
MEASURES_FILE: Final = "measures.json"
#: The rates of one's own that the scenario names, beside it.
RATES_FILE: Final = "rates.csv"
FIGURES_FOLDER: Final = "figures"

_FORMAT: Final = "local-currency-settlement run"
_VERSION: Final = 4
_AGAIN: Final = (
    "; run its scenario.yaml again, for what it tells of value dates and delays is not what is told now"
)
_SEAL: Final = "manifest_sha256"
_LARGEST_JSON: Final = 64_000_000
_HASH: Final = re.compile("[0-9a-f]{64}")
#: What a manifest may say of files that a user brought.
_OWN_FILES: Final = ("payments_file", "rates_file")
_TABLE: Final = re.compile("[a-z][a-z0-9_]{0,99}")


class Text(NamedTuple):
    """What determines the tables of a run: its resolved scenario with the seed, its replication, payments and rates."""

    scenario_sha256: str
    replication: int
    payments_sha256: str
    rates_sha256: str

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> Text:
        """The text that a manifest tells of."""
        payments, rates = (manifest.get(key, {}).get("sha256", "") for key in _OWN_FILES)
        return cls(manifest["scenario_sha256"], manifest["replication"], payments, rates)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, however large it is."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sealed(manifest: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The manifest of what stands in `folder`: with its format, a hash of each file that is no table, and its own."""
    files = {
        name: sha256_of(folder / name)
        for name in files_below(folder)
        if name != MANIFEST and name.removesuffix(".parquet") not in manifest["tables"]
    }
    content = {"format": _FORMAT, "format_version": _VERSION, **manifest, "files": files}
    content.pop(_SEAL, None)
    return {**content, _SEAL: _seal(content)}


def redrawn(manifest: Mapping[str, Any], figures: Mapping[str, str]) -> dict[str, Any]:
    """The manifest with other figures; one that was changed by hand is not made good by that."""
    others = {name: found for name, found in manifest["files"].items() if not is_figure(name)}
    content = {**manifest, "files": dict(sorted({**others, **figures}.items()))}
    seal = content.pop(_SEAL)
    return {**content, _SEAL: _seal(content) if is_intact(manifest) else seal}


def is_intact(manifest: Mapping[str, Any]) -> bool:
    """Whether the manifest is as we wrote it."""
    try:
        return bool(manifest[_SEAL] == _seal({key: value for key, value in manifest.items() if key != _SEAL}))
    except RecursionError:
        return False


def is_figure(name: str) -> bool:
    """Whether a file of a run folder is a figure."""
    return name.startswith(f"{FIGURES_FOLDER}/")


def written(manifest: Mapping[str, Any]) -> dict[str, str]:
    """The hash of each file that we wrote, by its path in the folder; the manifest itself is not among them."""
    return {**{f"{name}.parquet": found for name, found in manifest["tables"].items()}, **manifest["files"]}


def files_below(folder: Path) -> list[str]:
    """The paths of all files below a folder, in order; symbolic links are not followed."""
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if not is_folder(path))
    return sorted(names)


def is_folder(path: Path) -> bool:
    """Whether a folder stands there, and not a link to one."""
    return path.is_dir() and not path.is_symlink()


def is_safe(name: object) -> bool:
    """Whether a text is a path that cannot lead out of the folder in which it starts."""
    if not isinstance(name, str) or not name.isprintable() or "\\" in name:
        return False
    return not {"", ".", ".."} & {*name.split("/")}


def inside(folder: Path, name: str) -> Path:
    """The regular file of that name in a folder; `ResultsError` if there is none, or if a link leads out."""
    path = folder / name
    try:
        real, root = path.resolve(strict=True), folder.resolve()
        regular = stat.S_ISREG(real.stat().st_mode)
    except (
        OSError,
        RuntimeError,
        ValueError,
    ) as error:  # a loop of links is a RuntimeError before Python 3.13
        raise ResultsError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from None
    if not real.is_relative_to(root):
        raise ResultsError(f"{path}: leads out of the run folder")
    if not regular:
        raise ResultsError(f"{path}: is not a file")
    return real


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a run folder; `ResultsError` if there is none, or if it does not prove to be ours."""
    try:
        found = (folder / MANIFEST).exists() or (folder / MANIFEST).is_symlink()
    except (OSError, ValueError) as error:
        raise ResultsError(
            f"{folder}: cannot be read ({getattr(error, 'strerror', None) or error})"
        ) from None
    if not found:
        lacks = f"it has no {MANIFEST}" if folder.exists() else "there is no such folder"
        raise ResultsError(f"{folder}: not a run folder ({lacks})")
    manifest = read_json(folder, MANIFEST)
    where = folder / MANIFEST
    if manifest.get("format") != _FORMAT:
        raise ResultsError(f"{where}: not the manifest of a run (its format is not {_FORMAT!r})")
    version = manifest.get("format_version")
    if type(version) is int and version != _VERSION:
        age = "a newer" if version > _VERSION else "an earlier"
        raise ResultsError(
            f"{where}: of format {version}, written by {age} version; this one reads {_VERSION}"
            f"{_AGAIN if version < _VERSION else ''}"
        )
    wrong = [key for key, holds in _KEYS.items() if key not in manifest or not holds(manifest[key])]
    wrong += [key for key in _OWN_FILES if not _is_own_file(manifest.get(key, {}))]
    if wrong:
        raise ResultsError(f"{where}: not the manifest of a run: look at {', '.join(wrong)}")
    return manifest


def read_json(folder: Path, name: str) -> dict[str, Any]:
    """The JSON object in a file of a folder; `ResultsError` if there is none."""
    path = inside(folder, name)
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_JSON + 1)
        if len(data) > _LARGEST_JSON:
            raise ResultsError(f"{folder / name}: larger than {_LARGEST_JSON:,} bytes")
        found = json.loads(data.decode())
    except (OSError, ValueError, RecursionError) as error:
        raise ResultsError(f"{folder / name}: not readable JSON ({error})") from None
    if not isinstance(found, dict):
        raise ResultsError(f"{folder / name}: not readable (a JSON object is needed)")
    return found


def write_json(content: Mapping[str, Any], path: Path) -> None:
    """Write readable JSON; floats in the shortest form that reads back equal."""
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _seal(content: Mapping[str, Any]) -> str:
    # As it reads back; in ASCII, for a manifest by another hand may hold what no encoding can.
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _is_hash(value: object) -> bool:
    return isinstance(value, str) and _HASH.fullmatch(value) is not None


def _is_instant(value: object) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _are_hashes(value: object, is_name: Callable[[str], object]) -> bool:
    return isinstance(value, dict) and all(is_name(key) and _is_hash(found) for key, found in value.items())


def _is_own_file(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(part, str) for part in value.values())


#: What a manifest must say, and how each value is told from a wrong one.
_KEYS: Final[Mapping[str, Callable[[Any], object]]] = {
    "format_version": lambda value: type(value) is int and value == _VERSION,
    "scenario": lambda value: isinstance(value, str) and value.isprintable(),
    "seed": lambda value: type(value) is int,
    "replication": lambda value: type(value) is int,
    "scenario_sha256": _is_hash,
    "versions": lambda value: isinstance(value, dict),
    "followed_until": _is_instant,
    "warnings": lambda value: isinstance(value, list) and all(isinstance(text, str) for text in value),
    "timings_seconds": lambda value: isinstance(value, dict),
    "tables": lambda value: _are_hashes(value, _TABLE.fullmatch),
    "files": lambda value: (
        _are_hashes(value, is_safe) and {SCENARIO, MEASURES_FILE} <= value.keys() and MANIFEST not in value
    ),
    _SEAL: _is_hash,
}
