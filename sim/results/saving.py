"""A run takes a free name, an empty folder, or the place of a run that we wrote: nothing else is replaced."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.errors import ResultsError, RunError
from sim.results.folder import (
    MANIFEST,
    Text,
    is_folder,
    is_intact,
    read_manifest,
    sha256_of,
    written,
)
from sim.results.placing import NEW, PLAN, SUFFIX, beside, finish, numbered, take_place
from sim.results.staging import clearing, staged, take_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


def real_place(target: str | Path) -> Path:
    """Where a target really is, free of links and `..`; `ResultsError` if that is no name for a folder."""
    try:
        if not os.fspath(target):
            raise ResultsError("the name of a folder is needed, not an empty text")
        return Path(os.path.realpath(target))
    except ValueError as error:
        raise ResultsError(f"{str(target)!r}: not the name of a folder ({error})") from None
    except OSError as error:
        raise RunError(f"{target}: the folder cannot be found ({error.strerror or error})") from None


def check_target(target: str | Path, text: Callable[[], Text] | None, *, force: bool = False) -> None:
    """Refuse a place that a run may not take: one with things that we did not write, or a run of another text.

    A free name, an empty folder and a run of the same text may be taken; with `force` any run, and so where
    `text` is None. Refused with `ResultsError`, or with `RunError` if the place cannot be written. What a
    killed save left there is finished first.
    """
    place = real_place(target)
    tidy(place)
    _our_manifest(place, target, text, force=force)
    _check_above(place, target)


def check_above(target: str | Path) -> None:
    """Refuse, as `check_target` does, a place above which nothing can be written."""
    place = real_place(target)
    tidy(place)
    _check_above(place.parent, target)


def _check_above(place: Path, target: str | Path) -> None:
    try:
        above = next(parent for parent in (place, *place.parents) if parent.exists())
    except OSError as error:
        raise ResultsError(f"{target}: the folder cannot be read ({error.strerror or error})") from None
    if not above.is_dir():
        raise ResultsError(f"{target}: the folder cannot be written: {above} is a file, not a folder")
    if not os.access(above, os.W_OK | os.X_OK):
        raise RunError(f"{target}: the folder cannot be written: {above} cannot be written")


@contextmanager
def new_folder(
    target: str | Path,
    text: Text | None,
    *,
    force: bool = False,
    replaces: Callable[[str], bool] = lambda _: True,
) -> Iterator[Path]:
    """A folder to write into, whose files take their places in `target` when all went well.

    What may be replaced is what `check_target` says. Of the earlier run there, the files that it wrote go, if
    `replaces` says so of their paths; whatever else stands in `target` stays, and what is in the way is kept
    under a name of its own, with a `ResultsWarning`. Whole or not at all; `RunError` if it cannot be saved.
    """
    place = real_place(target)
    check_target(target, None if text is None else lambda: text, force=force)
    with staged(place) as stage:
        # Again, now that nobody else can save there.
        manifest = _our_manifest(place, target, None if text is None else lambda: text, force=force)
        yield stage / NEW
        take_place(stage, place, {} if manifest is None else _ours(place, manifest, replaces))


@contextmanager
def free_folder(wanted: Path) -> Iterator[tuple[Path, Path]]:
    """As `new_folder`, in the first free one of `wanted`, `wanted-2`, `wanted-3`, …; with the place it will have."""
    check_above(wanted)
    for name in numbered(wanted):
        place = real_place(wanted.parent) / name.name
        if os.path.lexists(place):
            continue
        with staged(place, wait=False) as stage:
            if stage is not None and not os.path.lexists(place):
                yield name, stage / NEW
                take_place(stage, place, {})
                return


@contextmanager
def new_file(target: Path) -> Iterator[Path]:
    """A file to write, which takes the place of `target` when it is complete; `RunError` if it cannot."""
    place = Path(os.path.realpath(target.parent)) / target.name
    tidy(place)
    with staged(place) as stage:
        yield stage / NEW / place.name
        (stage / NEW / place.name).replace(place)


def tidy(place: Path) -> None:
    """Finish or remove what killed saves left at a place and beside it; who saves there now is not disturbed.

    `ResultsError` if a save of this place was begun and cannot be finished.
    """
    try:
        stages = [stage for stage in (*place.parent.glob(f".*{SUFFIX}"), place / SUFFIX) if is_folder(stage)]
    except OSError:
        return
    for stage in stages:
        # A save that takes its place right now will be done in a moment.
        concerned = stage in (place / SUFFIX, beside(place)) and (stage / PLAN).exists()
        try:
            handle = take_lock(stage, wait=concerned)
            if handle is not None:
                with clearing(stage, handle):
                    finish(stage)
        except (OSError, ResultsError) as error:
            if concerned:
                reason = getattr(error, "strerror", None) or error
                message = f"{place}: a run was being saved here, and that cannot be finished ({reason})"
                raise ResultsError(message) from None


def _our_manifest(
    place: Path, target: str | Path, text: Callable[[], Text] | None, *, force: bool
) -> dict[str, Any] | None:
    """The manifest of the run at a place, which may be replaced; None if the place is free or empty."""
    try:
        if not place.exists() or (place.is_dir() and {path.name for path in place.iterdir()} <= {SUFFIX}):
            return None
        is_file = not place.is_dir()
    except OSError as error:
        raise ResultsError(f"{target}: the folder cannot be read ({error.strerror or error})") from None
    if is_file:
        raise ResultsError(f"{target}: exists and is not a run; choose another folder with -o")
    try:
        manifest = read_manifest(place)
    except ResultsError as error:
        why = "" if not os.path.lexists(place / MANIFEST) else f" ({error})"
        raise ResultsError(f"{target}: exists and is not a run; choose another folder with -o{why}") from None
    if not any(_stands(place / name, found) for name, found in written(manifest).items()):
        raise ResultsError(
            f"{target}: exists and is not a run (nothing that its manifest lists is there as it was written); "
            "choose another folder with -o"
        )
    if not force and text is not None and Text.of(manifest) != text():
        raise ResultsError(
            f"{target}: holds a run of another text ({manifest['scenario']}, seed {manifest['seed']}); "
            "choose another folder with -o, or replace it with --force"
        )
    return manifest


def _stands(path: Path, sha256: str) -> bool:
    """Whether a file is there as it was written."""
    try:
        return path.is_file() and sha256_of(path) == sha256
    except OSError:
        return False


def _ours(place: Path, manifest: Mapping[str, Any], replaces: Callable[[str], bool]) -> dict[str, str]:
    """The files of an earlier run that go, by path, with the hash that proves them ours."""
    ours = {name: found for name, found in written(manifest).items() if replaces(name)}
    if is_intact(manifest):
        ours[MANIFEST] = sha256_of(place / MANIFEST)
    return ours
