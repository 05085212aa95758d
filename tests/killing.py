"""Saves that are killed before each step that they take on the file system; run as a program, for it forks.

Prints one JSON list: for each kill the moment, which run was found afterwards, and what else was wrong.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import warnings
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from tiny import tiny_run, with_tables

import sim
from sim.errors import ResultsWarning

if TYPE_CHECKING:
    from collections.abc import Callable

_STEPS = {"os.rename", "os.mkdir", "os.rmdir", "os.remove"}
_FIGURE = "figures/delay.png"


def killed_at(moment: int, do: Callable[[], object], number: int = signal.SIGKILL) -> int | None:
    """The exit status of a process that gets a signal before its step `moment`; 0 if it takes fewer steps."""
    child = os.fork()
    if child == 0:
        steps = count(1)

        def watch(event: str, arguments: tuple[object, ...]) -> None:
            writes = (
                event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
            )
            if (event in _STEPS or writes) and next(steps) == moment:
                os.kill(os.getpid(), number)

        def end(_number: int, _frame: object) -> None:
            raise SystemExit(128 + number)

        if number != signal.SIGKILL:
            signal.signal(number, end)
        code = 0
        try:
            sys.addaudithook(watch)
            do()
        except SystemExit as ended:
            code = int(str(ended.code))
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def decorate(content: str) -> Callable[[sim.Results, Path], None]:
    def draw(_: sim.Results, folder: Path) -> None:
        (folder / "figures").mkdir()
        (folder / _FIGURE).write_text(content, "utf-8")

    return draw


def state(place: Path, before: bool) -> tuple[str, list[str]]:
    """Which run stands in the place, and what is not as it should be."""
    wrong = [path.name for path in place.parent.rglob(".*")]
    if before and (place / "notes.txt").read_text("utf-8") != "mine":
        wrong.append("notes.txt")
    if not before and not place.exists():
        return "none", wrong
    opened = sim.open(place)
    for name in opened.manifest["tables"]:
        len(opened[name])
    seed = f"{opened.scenario.seed}"
    if (place / _FIGURE).read_text("utf-8") != seed:
        wrong.append(_FIGURE)
    expected = {*opened.manifest["files"], *(f"{name}.parquet" for name in opened.manifest["tables"])}
    found = {path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()}
    wrong += sorted(found ^ (expected | {"manifest.json"} | ({"notes.txt"} if before else set())))
    return seed, wrong


def main(folder: Path) -> None:
    """Kill saves into `folder`, into a free place and over an earlier run."""
    warnings.simplefilter("error", ResultsWarning)
    first = with_tables(tiny_run(folder / "source"), "payments", "fx")
    second = with_tables(tiny_run(folder / "source", "seed: 2\n"), "payments", "accounts")
    place = folder / "runs" / "mine"
    told = []
    for before in (False, True):
        for number, every in ((signal.SIGKILL, 1), (signal.SIGTERM, 3)):
            for moment in count(1, every):
                shutil.rmtree(place.parent, ignore_errors=True)
                place.parent.mkdir()
                if before:
                    first.save(place, decorate("1"))
                    (place / "notes.txt").write_text("mine", "utf-8")
                code = killed_at(moment, lambda: second.save(place, decorate("2"), force=True), number)
                if code == 0:
                    break
                left = [path.name for path in place.parent.glob(".*")]
                if number == signal.SIGKILL:
                    # The next command may be killed as well.
                    killed_at(moment % 7 + 1, lambda: sim.open(place))
                try:
                    sim.open(place)
                except sim.ResultsError:
                    if before:
                        raise
                seed, wrong = state(place, before)
                told.append(
                    {"before": before, "signal": int(number), "moment": moment, "code": code, "left": left}
                    | {"seed": seed, "wrong": wrong}
                )
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
