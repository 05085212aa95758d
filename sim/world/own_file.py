"""A file that a user brings is opened if it can be read to its end, and told by its first bytes if it is no table."""

from __future__ import annotations

import codecs
import errno
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Final

from sim.core.size import format_size

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sim.world.own_sheet import Findings

#: Bytes that reading may take, if nobody says how many.
MAX_INPUT: Final = 2 * 10**9
#: Bytes by which a file is recognised.
_HEAD: Final = 2**12

_UNPACK: Final = "a compressed file; unpack it first"
_SPREADSHEET: Final = "a spreadsheet; save its sheet as CSV in UTF-8"
_PARQUET: Final = "a Parquet file; give it a name that ends in .parquet"
_UTF_16: Final = "in UTF-16 or UTF-32; save it as UTF-8"
_SIGNATURES: Final = {
    codecs.BOM_UTF16_LE: _UTF_16,
    codecs.BOM_UTF16_BE: _UTF_16,
    codecs.BOM_UTF32_BE: _UTF_16,
    b"PAR1": _PARQUET,
    b"\xd0\xcf\x11\xe0": _SPREADSHEET,
    b"\x1f\x8b": _UNPACK,
    b"BZh": _UNPACK,
    b"\xfd7zXZ": _UNPACK,
    b"\x28\xb5\x2f\xfd": _UNPACK,
    b"7z\xbc\xaf": _UNPACK,
    b"Rar!": _UNPACK,
    b"ARROW1": "an Arrow file; save it as {forms}",
    b"FEA1": "an Arrow file; save it as {forms}",
    b"ORC": "an ORC file; save it as {forms}",
    b"SQLite format 3": "a database; save the {what} as {forms}",
    b"\x89HDF": "an HDF5 file; save the {what} as {forms}",
    b"%PDF": "a PDF document; {what} stand in {forms}",
}
#: How texts begin that are no tables.
_MARKUP: Final = {
    b"{": "JSON; {what} stand in {forms}",
    b"[": "JSON; {what} stand in {forms}",
    b"<": "XML or HTML; {what} stand in {forms}",
}


@contextmanager
def opened(
    path: Path, findings: Findings, max_input: int, what: str, *, typed: bool | None = None
) -> Iterator[tuple[BinaryIO, int] | None]:
    """A file of `what` to read, and its size; None, and a finding, for one that is no table or too large.

    `typed` says whether it is taken for Parquet instead of CSV, None that it must be CSV. OSError if there is no file,
    or if it cannot be read.
    """
    file, size = _open_file(path)
    with file:
        head = file.read(_HEAD)
        file.seek(0)
        found = None if typed and head.startswith(b"PAR") else _mistaken(head)
        if found:
            forms = "CSV" if typed is None else "CSV or Parquet"
            if typed is None and found == _PARQUET:
                found = "a Parquet file; save the {what} as {forms}"
            findings.add(0, "", f"this is {found.format(what=what, forms=forms)}")
        elif size > max_input:
            limit = format_size(max_input)
            findings.add(0, "", f"it has {format_size(size)}, more than the {limit} that --max-input allows")
        yield None if findings.count else (file, size)


def cannot_be_read(error: OSError) -> str:
    """What is said of a file for which the system gives an error."""
    reason = "it is a folder" if isinstance(error, IsADirectoryError) else error.strerror
    return f"the file cannot be read: {reason}"


def _open_file(path: Path) -> tuple[BinaryIO, int]:
    """A file to read, and its size; OSError if it is none, or cannot be read."""
    # Whoever opens a pipe to which nobody writes waits for ever; a pipe may have taken the place of a file.
    if "\0" in str(path):
        raise FileNotFoundError(errno.ENOENT, "its name holds a zero byte")
    file = open(path, "rb", opener=lambda name, flags: os.open(name, flags | getattr(os, "O_NONBLOCK", 0)))  # noqa: SIM115
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode):
        file.close()
        raise OSError(errno.EINVAL, "it is a pipe or a device")
    return file, status.st_size


def _mistaken(head: bytes) -> str | None:
    """What a file that begins so is instead of CSV; None if it may be CSV."""
    for signature, what in _SIGNATURES.items():
        if head.startswith(signature):
            return what
    if head.startswith(b"PK\x03\x04"):
        office = any(part in head for part in (b"[Content_Types].xml", b"xl/", b"opendocument"))
        return _SPREADSHEET if office else "a ZIP archive; unpack it first"
    # Text in two bytes per sign has every other byte zero, as far as it is Latin.
    zeros = sorted(half.count(b"\0") / max(len(half), 1) for half in (head[::2], head[1::2]))
    if zeros[0] < 1 / 4 and zeros[1] > 1 / 2:
        return _UTF_16
    begin = head.removeprefix(codecs.BOM_UTF8).lstrip()[:1]
    return _MARKUP.get(begin)
