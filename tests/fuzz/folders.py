"""Run folders that somebody tampered with: opened, or refused as what they are."""

from __future__ import annotations

import json
import shutil
import warnings
from contextlib import chdir
from functools import cache
from pathlib import Path
from random import Random
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, Final

import sim
from fuzz.odd import ODD, spoilt
from fuzz.scenarios import SHORT
from fuzz.trial import command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: A run of trade and one of a clearing system, short.
RUNS: Final = ("baseline", "mechanisms/clearing-weekly")


def faults(number: int, folder: Path) -> list[str]:
    """What is wrong with how one folder is treated."""
    chance = Random(f"folder-{number}")
    run = shutil.copytree(saved(chance.choice(RUNS)), folder / "run")
    for _ in range(chance.choice([1, 1, 1, 2, 4])):
        chance.choice(_CHANGES)(run, chance)
    with chdir(folder):
        return list(_judged(chance))


def _judged(chance: Random) -> Iterator[str]:
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        try:
            results = sim.open("run")
            repr(results), results._repr_html_(), dir(results)
            for name in results.table_names:
                results[name]
        except (sim.ResultsError, sim.ScenarioError):
            pass
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not come here
            yield f"sim.open: {type(error).__name__}: {str(error)[:200]}"
    # A figure costs a second or two.
    if chance.random() < 0.2:
        told = command("plot", "run", *chance.choice([(), (), ("run",), ("elsewhere",)]))
        if told.fault:
            yield told.fault
        elif told.code and "run" not in told.err:
            yield f"a refusal that does not name the folder: {told.err[:200]}"


@cache
def saved(name: str) -> Path:
    """A short run of a library scenario, saved once in a process."""
    folder = Path(mkdtemp(prefix="fuzz-")) / "run"
    sim.run(sim.load(name, SHORT)).save(folder)
    return folder


def _file(run: Path, chance: Random) -> Path:
    files = sorted(path for path in run.iterdir() if path.is_file())
    often = [path for path in files if path.suffix != ".parquet"]
    return chance.choice(often if often and chance.random() < 0.4 else files or [run / "manifest.json"])


def _flipped(run: Path, chance: Random) -> None:
    path = _file(run, chance)
    data = bytearray(path.read_bytes()) if path.is_file() else bytearray()
    for _ in range(chance.choice([1, 1, 8, 100]) if data else 0):
        end = chance.random() < 0.5
        data[-chance.randrange(1, min(len(data), 500) + 1) if end else chance.randrange(len(data))] = (
            chance.randrange(256)
        )
    path.write_bytes(data)


def _cut(run: Path, chance: Random) -> None:
    path = _file(run, chance)
    data = path.read_bytes() if path.is_file() else b""
    path.write_bytes(data[: chance.randrange(len(data) + 1)] if chance.random() < 0.7 else b"")


def _gone(run: Path, chance: Random) -> None:
    _file(run, chance).unlink(missing_ok=True)


def _replaced(run: Path, chance: Random) -> None:
    """Something else of the same name: a folder, a link to nowhere or round in a circle, or nonsense."""
    path = _file(run, chance)
    path.unlink(missing_ok=True)
    what = chance.randrange(5)
    if what == 0:
        path.mkdir()
    elif what == 1:
        path.symlink_to("nowhere")
    elif what == 2:
        path.symlink_to(path.name)
    elif what == 3:
        path.write_bytes(chance.randbytes(300))
    else:
        path.write_text(chance.choice(ODD), encoding="utf-8", errors="replace")


def _swapped(run: Path, chance: Random) -> None:
    """Two files, mostly tables, each under the other's name."""
    one, other = _file(run, chance), _file(run, chance)
    if one != other and one.is_file() and other.is_file():
        first, second = one.read_bytes(), other.read_bytes()
        one.write_bytes(second)
        other.write_bytes(first)


def _strange(run: Path, chance: Random) -> None:
    (run / chance.choice(["notes.txt", "extra.parquet", "figures", ".hidden", "имя 名"])).write_text(
        "x", encoding="utf-8"
    )


def _json_changed(run: Path, chance: Random) -> None:
    """A value of a JSON file removed, renamed, or of another type."""
    path = run / chance.choice(["manifest.json", "measures.json"])
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return
    at: Any = content
    while True:
        if not (isinstance(at, dict | list) and at):
            break
        key = chance.choice(sorted(at) if isinstance(at, dict) else range(len(at)))
        if isinstance(at[key], dict | list) and at[key] and chance.random() < 0.7:
            at = at[key]
            continue
        what = chance.randrange(4)
        if what == 0:
            del at[key]
        elif what == 1 and isinstance(at, dict):
            at[chance.choice(["x", "../x", f"{key}2", "/etc/passwd", "\x1b[31m"])] = at.pop(key)
        else:
            at[key] = chance.choice(
                [
                    None,
                    True,
                    -1,
                    1e400,
                    2**70,
                    "",
                    "x",
                    "../run",
                    [],
                    [1],
                    {},
                    {"a": {}},
                    "0" * 64,
                    "\x1b[31m",
                ]
            )
        break
    path.write_text(json.dumps(chance.choice([content] * 20 + [[], 1, None])), encoding="utf-8")


def _scenario_spoilt(run: Path, chance: Random) -> None:
    path = run / "scenario.yaml"
    if path.is_file():
        text = spoilt(path.read_text("utf-8", "replace"), chance)
        path.write_bytes(text.encode("utf-8", "replace"))


_CHANGES: Final[tuple[Callable[[Path, Random], None], ...]] = (
    *(_flipped, _flipped, _cut, _gone, _replaced, _swapped),
    *(_json_changed, _json_changed, _json_changed, _scenario_spoilt, _strange),
)
