"""Payments that a user brings are taken exactly as written; the rows that cannot be are told, all at once."""

from __future__ import annotations

import codecs
import errno
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from sim.core.clock import Seconds
from sim.core.currency import Amounts
from sim.core.size import format_size
from sim.errors import ScenarioError
from sim.scenario.tree import Mark
from sim.world.own_csv import csv_sheets
from sim.world.own_parquet import parquet_sheets
from sim.world.own_rows import Numbers, Rows
from sim.world.own_sheet import Findings, Sheet, Texts, too_large

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping, Sequence


#: Bytes that reading may take, if nobody says how many.
MAX_INPUT: Final = 2 * 10**9
#: Bytes by which a file is recognised.
_HEAD: Final = 2**12

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


@dataclass(frozen=True, slots=True)
class Setting:
    """What the scenario fixes: the times and names that rows may use, and what they need not say.

    Instructions fall into `[period_start, end)`, in UTC seconds; `zone` is that of times without an offset.
    A system settles one currency, a link one of two; a row that names none means the first. `banks` hold
    accounts, of which `accounts` has (holder, system) for each. A route passes some systems (the legs of its
    links among them), and has the currencies that all of them settle; its rows need not name a system.
    """

    zone: ZoneInfo
    period_start: int
    end: int
    currencies_of_system: Mapping[str, tuple[str, ...]]
    banks: Sequence[str]
    accounts: Container[tuple[str, str]]
    routes: Sequence[str] = ()
    default_system: str | None = None
    default_route: str | None = None
    systems_of_route: Mapping[str, Container[str]] = field(default_factory=dict)
    currencies_of_route: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    obstacle: Callable[[str, str, str, str], str | None] = lambda *_: None
    """What keeps a payment of two banks from a route, given its currency; None if nothing does."""
    link_of_route: Mapping[str, str] = field(default_factory=dict)
    """The link in which a route exchanges a payment, of the routes that have one."""
    rates: bool = True
    """Whether there are exchange rates, so that what a payment is exchanged for need not be stated."""


@dataclass(frozen=True, slots=True, eq=False)
class OwnPaymentsTable:
    """One row per payment, by instant of instruction, then by priority, higher first, then as in the file.

    Instants are UTC seconds and amounts minor units; banks, systems and routes are numbers in the order of
    the setting, −1 for no route, or for no system where there is a route. `counter_amount` is −1 where nothing
    is stated. `payment_id` is a column of Arrow, in which ten million of them take little.
    """

    payment_id: Texts
    instructed_at: Seconds
    due_at: Seconds
    payer_bank: Numbers
    payee_bank: Numbers
    amount: Amounts
    currency: NDArray[np.object_]
    priority: Numbers
    system: Numbers
    route: Numbers
    counter_amount: Amounts

    def __len__(self) -> int:
        return len(self.amount)


def read_payments(path: Path, setting: Setting, max_input: int = MAX_INPUT) -> OwnPaymentsTable:
    """The payments of a CSV file (UTF-8, commas), or of a Parquet file if its suffix is `.parquet`.

    Nothing is rounded or guessed: ScenarioError with every row that says what cannot be, at its line, up to
    `MOST_TOLD` of them and the number of the others; and for a file that would take more than `max_input`
    bytes when read, as soon as that is known. A payment without a route needs accounts of both banks in its
    system, and one with a route whatever its steps need.
    """
    typed = path.suffix.lower() == ".parquet"
    name = str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
    findings = Findings(str(Mark(name)), "row" if typed else "line")
    rows = Rows(setting, findings)
    try:
        for sheet in _sheets(path, findings, max_input, typed=typed):
            rows.take(sheet)
            if (needed := rows.needed(sheet)) > max_input:
                findings.add(0, "", too_large(needed, max_input))
                break
    except OSError as error:
        reason = "it is a folder" if isinstance(error, IsADirectoryError) else error.strerror
        findings.add(0, "", f"the file cannot be read: {reason}")
    rows.check_all()
    if findings.count:
        raise ScenarioError(findings.problems())
    return OwnPaymentsTable(**rows.columns())


def _sheets(path: Path, findings: Findings, max_input: int, *, typed: bool) -> Iterator[Sheet]:
    file, size = _open_file(path)
    with file:
        head = file.read(_HEAD)
        file.seek(0)
        what = None if typed and head.startswith(b"PAR") else _mistaken(head)
        if what:
            findings.add(0, "", f"this is {what}")
        elif size > max_input:
            limit = format_size(max_input)
            findings.add(0, "", f"it has {format_size(size)}, more than the {limit} that --max-input allows")
        elif typed:
            yield from parquet_sheets(file, size, max_input, findings)
        else:
            yield from csv_sheets(file, size, findings)


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
