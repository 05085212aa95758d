"""What a file is, its first bytes tell, whatever it is called."""

from __future__ import annotations

import codecs
import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO, Final

#: Bytes by which a file is recognised.
HEAD: Final = 2**12

_UNPACK: Final = "a compressed file; unpack it first"
_SPREADSHEET: Final = "a spreadsheet; save its sheet as CSV in UTF-8"
_UTF_16: Final = "in UTF-16 or UTF-32; save it as UTF-8"
_SIGNATURES: Final = {
    codecs.BOM_UTF16_LE: _UTF_16,
    codecs.BOM_UTF16_BE: _UTF_16,
    codecs.BOM_UTF32_BE: _UTF_16,
    b"PAR1": "a Parquet file; give it a name that ends in .parquet",
    b"\xd0\xcf\x11\xe0": _SPREADSHEET,
    b"\x1f\x8b": _UNPACK,
    b"BZh": _UNPACK,
    b"\xfd7zXZ": _UNPACK,
    b"\x28\xb5\x2f\xfd": _UNPACK,
    b"7z\xbc\xaf": _UNPACK,
    b"Rar!": _UNPACK,
    b"ARROW1": "an Arrow file; save it as Parquet or CSV",
    b"FEA1": "an Arrow file; save it as Parquet or CSV",
    b"ORC": "an ORC file; save it as Parquet or CSV",
    b"SQLite format 3": "a database; save the payments as Parquet or CSV",
    b"\x89HDF": "an HDF5 file; save the payments as Parquet or CSV",
    b"%PDF": "a PDF document; payments stand in CSV or Parquet",
}
#: How texts begin that are no tables.
_MARKUP: Final = {
    b"{": "JSON; payments stand in CSV or Parquet",
    b"[": "JSON; payments stand in CSV or Parquet",
    b"<": "XML or HTML; payments stand in CSV or Parquet",
}


def open_file(path: Path) -> tuple[BinaryIO, int]:
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


def mistaken(head: bytes) -> str | None:
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
