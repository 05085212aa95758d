"""What stands at the place of a new file is taken aside first, and goes only when it is known to be ours."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sim.errors import ResultsError, ResultsWarning
from sim.results.folder import files_below, is_folder, is_safe, read_json, sha256_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SUFFIX: Final = ".sim-saving"
NEW: Final = "new"
OLD: Final = "old"
PLAN: Final = "plan.json"
_LONGEST_NAME: Final = 200


def beside(place: Path) -> Path:
    """The hidden folder beside a place."""
    name = place.name
    if len(os.fsencode(name)) > _LONGEST_NAME:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()
    return place.parent / f".{name}{SUFFIX}"


def take_place(stage: Path, place: Path, ours: Mapping[str, str]) -> None:
    """Put the files of `new` into their place; of what stands there, only what is ours goes."""
    new = stage / NEW
    if not os.path.lexists(place):
        try:
            new.rename(place)
        except OSError:
            if not place.is_dir():  # It appeared meanwhile.
                raise
        else:
            return
    files = {name: sha256_of(new / name) for name in files_below(new)}
    plan = {"place": place.name, "old": {**ours}, "new": files}
    (stage / f"{PLAN}.part").write_text(json.dumps(plan), encoding="ascii")
    (stage / f"{PLAN}.part").replace(stage / PLAN)
    try:
        finish(stage)
    except BaseException:
        if files_below(new) == [*files] and not files_below(stage / OLD):
            (stage / PLAN).unlink()  # All is as it was.
        raise


def finish(stage: Path) -> None:
    """Do what the plan of a hidden folder says, if it has one, from wherever it was left; undone if that fails."""
    if not (stage / PLAN).exists():
        return
    place, old, new = _plan(stage)
    moves = _Moves()
    try:
        place.mkdir(exist_ok=True)
        for name in sorted({*old, *new}):
            _place_file(stage, place / name, name, moves, coming=name in new)
        for name in files_below(stage / OLD):
            if sha256_of(stage / OLD / name) not in (old.get(name), new.get(name)):
                moves.keep(stage / OLD / name, place / name)
    except BaseException:
        moves.undo()
        raise
    # Here, and nowhere else, files go that stood in the place.
    for name in files_below(stage / OLD):
        (stage / OLD / name).unlink()
    for above in {Path(name).parent for name in old} - {Path(name).parent for name in new}:
        with suppress(OSError):
            (place / above).rmdir()
    (stage / PLAN).unlink()
    for meant, kept in moves.kept:
        message = f"{meant} was not as it had been written; what stood there is kept as {kept.name}"
        warnings.warn(message, ResultsWarning, stacklevel=2)


def _plan(stage: Path) -> tuple[Path, dict[str, str], dict[str, str]]:
    """The place that a plan is about, the files that go from there, and those that come, each with its hash."""
    plan = read_json(stage, PLAN)
    name, old, new = (plan.get(key) for key in ("place", "old", "new"))
    if not (
        isinstance(name, str)
        and isinstance(old, dict)
        and isinstance(new, dict)
        and all(map(is_safe, (*old, *new)))
    ):
        raise ResultsError(f"{stage / PLAN}: not a plan")
    place = stage.parent if stage.name == SUFFIX else stage.parent / name
    if stage not in (place / SUFFIX, beside(place)):
        raise ResultsError(f"{stage / PLAN}: a plan for another place")
    return place, old, new


class _Moves:
    """Files that were moved, so that they can be moved back."""

    def __init__(self) -> None:
        self.kept: list[tuple[Path, Path]] = []
        self._done: list[tuple[Path, Path]] = []

    def move(self, before: Path, after: Path) -> None:
        after.parent.mkdir(parents=True, exist_ok=True)
        before.rename(after)
        self._done.append((before, after))

    def keep(self, path: Path, meant: Path) -> None:
        """Move what is not ours aside, to the first free name of `meant.kept`, `meant.kept-2` and so on."""
        name = meant.with_name(f"{meant.name}.kept")
        kept = next(free for free in numbered(name) if not os.path.lexists(free))
        self.move(path, kept)
        self.kept.append((meant, kept))

    def undo(self) -> None:
        while self._done:
            before, after = self._done[-1]
            after.rename(before)
            self._done.pop()


def _place_file(stage: Path, target: Path, name: str, moves: _Moves, *, coming: bool) -> None:
    """Take what stands at the place of a file aside, and put the new file there if one is coming."""
    source, aside = stage / NEW / name, stage / OLD / name
    if coming and not source.exists():
        return  # It was put there before.
    for above in [target.parents[number] for number in reversed(range(name.count("/")))]:
        if os.path.lexists(above) and not is_folder(above):
            if not coming:
                return
            moves.keep(above, above)
    if target.is_file() and not target.is_symlink() and not aside.exists():
        moves.move(target, aside)
    elif coming and os.path.lexists(target):
        moves.keep(target, target)
    if coming:
        moves.move(source, target)


def numbered(wanted: Path) -> Iterator[Path]:
    """A name, and the same with 2, 3, … behind it."""
    yield wanted
    number = 2
    while True:
        yield wanted.with_name(f"{wanted.name}-{number}")
        number += 1
