"""Each replication is on disk as soon as it is made: whatever is killed, all that was written down stays done.

A line per replication: a checksum, its group and number, and the record, packed. A last line that was only half
written is cut off; the file is held by one process at a time.
"""

from __future__ import annotations

import base64
import json
import os
import zlib
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Self

from sim.errors import StudyError
from sim.results.saving import new_file
from sim.results.staging import locked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME: Final = "replications.journal"
_KIND: Final = b"local-currency-settlement journal of "


class Journal:
    """The replications of a study that are done, by group and number; see the module.

    `StudyError` if the file is of another study, damaged, or held by another process.
    """

    def __init__(self, folder: Path, study: str) -> None:
        self._path = folder / NAME
        self._head = _KIND + study.encode() + b"\n"
        self._places: dict[tuple[int, int], int] = {}
        self._file: BinaryIO = self._path.open("a+b")
        try:
            self._take()
            self._read()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __contains__(self, key: tuple[int, int]) -> bool:
        return key in self._places

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Groups and numbers of what is done, in order."""
        return iter(sorted(self._places))

    def __getitem__(self, key: tuple[int, int]) -> dict[str, Any]:
        """The record of a replication of a group."""
        self._file.seek(self._places[key])
        found: dict[str, Any] = json.loads(
            zlib.decompress(base64.b64decode(self._file.readline().split()[3]))
        )
        return found

    def add(self, group: int, replication: int, record: dict[str, Any]) -> None:
        """Write a record down, for good when this returns."""
        if (group, replication) in self._places:
            return
        text = json.dumps(record, separators=(",", ":"), ensure_ascii=False)
        body = b"%d %d %s" % (group, replication, base64.b64encode(zlib.compress(text.encode())))
        self._places[group, replication] = self._append(b"%08x %s\n" % (zlib.crc32(body), body))

    def put_in_order(self) -> None:
        """Write the file anew in the order of replications, so that it is the same whoever was first."""
        places = [self._places[key] for key in self]
        if places == sorted(places):
            return
        with new_file(self._path) as path, path.open("wb") as file:
            file.write(self._head)
            for key in self:
                self._file.seek(self._places[key])
                self._places[key] = file.tell()
                file.write(self._file.readline())
        self._file.close()
        self._file = self._path.open("a+b")
        self._take()

    def _append(self, line: bytes) -> int:
        self._file.seek(0, os.SEEK_END)
        place = self._file.tell()
        self._file.write(line)
        self._file.flush()
        os.fsync(self._file.fileno())
        return place

    def _take(self) -> None:
        if not locked(self._file.fileno(), wait=False):
            raise StudyError(f"{self._path.parent}: another process works on this study")

    def _read(self) -> None:
        """Find what is done; a head that is lacking is written, and half a line at the end goes."""
        self._file.seek(0)
        place = 0
        for number, line in enumerate(self._file):
            if not line.endswith(b"\n"):
                break
            if number == 0 and line != self._head:
                raise StudyError(f"{self._path}: the journal of another study")
            if number:
                self._places.setdefault(_key(line, self._path, number + 1), place)
            place += len(line)
        self._file.truncate(place)
        if not place:
            self._append(self._head)


def _key(line: bytes, path: Path, number: int) -> tuple[int, int]:
    checksum, _, body = line.rstrip(b"\n").partition(b" ")
    if checksum != b"%08x" % zlib.crc32(body):
        raise StudyError(
            f"{path}:{number}: the line is damaged; without it, --resume makes that replication again"
        )
    group, replication, _ = body.split(b" ")
    return int(group), int(replication)
