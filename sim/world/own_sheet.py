"""A file of rows is text with lines, whatever else it may look like; this is where its form is judged."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sim.errors import Problem
from sim.scenario.model.base import nearest
from sim.world.own_cells import Texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

#: Problems that are told one by one.
MOST_TOLD: Final = 100

#: From here on, a float may stand for two amounts of a currency with three decimals.
_GREATEST_FLOAT: Final = 1e12
_LONGEST_REASON: Final = 200
_BYTE_ORDER_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)


class Finding(NamedTuple):
    """Something wrong with a line (from 1; 0 is the file as a whole), perhaps in one of its columns."""

    line: int
    column: str
    message: str
    suggestion: str | None = None


class Sheet(NamedTuple):
    """The texts of a file by column, and what is wrong with its form; the rows concerned are left out."""

    names: Sequence[str]
    """Names of the columns, as often as they stand in the file; none if it cannot be read at all."""
    texts: Mapping[str, Texts]
    """Columns of equal length; nothing is an empty text."""
    lines: Sequence[int]
    """Line of each row, where it begins."""
    heading: int = 1
    """Line of the names."""
    broken: Sequence[Finding] = ()
    unit: str = "line"
    """What `lines` are called."""

    def text(self, column: str, row: int) -> str:
        """One text of a column that the sheet has."""
        return str(self.texts[column][row].as_py())

    def stated(self, column: str) -> NDArray[np.bool_]:
        """The rows that say something in a column, which the sheet may not have."""
        if column not in self.texts:
            return np.zeros(len(self.lines), dtype=np.bool_)
        return np.asarray(pc.not_equal(self.texts[column], ""))


class Findings:
    """What is wrong with the rows of a sheet; the first `MOST_TOLD` are told, the others only counted."""

    def __init__(self, sheet: Sheet) -> None:
        self.count = 0
        self._sheet = sheet
        self._found: list[Finding] = []
        self.add(sheet.broken)

    def add(self, findings: Sequence[Finding]) -> None:
        """Take up findings."""
        self.count += len(findings)
        self._found += findings

    def blame(
        self, column: str, bad: NDArray[np.bool_], message: Callable[[int], str], known: Sequence[str] = ()
    ) -> None:
        """Say of rows what is wrong with a column; `known` are the names that could be meant instead."""
        rows = np.flatnonzero(bad)
        self.count += len(rows)
        for row in rows[:MOST_TOLD].tolist():
            meant = nearest(self._sheet.text(column, row), list(known)) if known else None
            self._found.append(Finding(self._sheet.lines[row], column, message(row), meant))

    def problems(self, file: str) -> list[Problem]:
        """All of them, in the order of the lines."""
        mark = "" if self._sheet.unit == "line" else f"{self._sheet.unit} "
        found = sorted(self._found, key=lambda each: each.line)[:MOST_TOLD]
        told = [
            Problem(f"{file}:{mark}{line}" if line else file, column, message, suggestion)
            for line, column, message, suggestion in found
        ]
        more = self.count - len(told)
        return [*told, Problem(file, "", f"and {more:,} more like these")] if more else told


def sound_csv(data: bytes) -> Sheet | None:
    """A CSV file without faults of form, quickly; None for another. Blank or broken lines shift `lines`."""
    if _undecodable(data):
        return None
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        names: list[str] = next(_reader(data), [])
        if b'"' in data:
            deque(_reader(data), maxlen=0)  # quotes of which pyarrow is too forgiving raise an error here
        table = pa_csv.read_csv(
            pa.BufferReader(data),
            parse_options=pa_csv.ParseOptions(newlines_in_values=b'"' in data),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False, check_utf8=False
            ),
        )
    except (csv.Error, pa.ArrowException):
        return None
    if table.column_names != names:
        return None
    texts = {name: column.combine_chunks() for name, column in zip(names, table.columns, strict=True)}
    return Sheet(names, texts, range(2, len(table) + 2))


def any_csv(data: bytes) -> Sheet:
    """A CSV file record by record, blank lines passed over."""
    if found := _undecodable(data):
        return _unreadable(found)
    data = data.removeprefix(codecs.BOM_UTF8)
    first = re.split(b"[\r\n]", data, maxsplit=1)[0]
    if b"," not in first and (sign := re.search(b"[;\t]", first)):
        what = "tabs" if sign.group() == b"\t" else "semicolons"
        return _unreadable(Finding(1, "", f"the columns are separated by {what}; use commas"))
    reader = _reader(data)
    broken: list[Finding] = []
    records = _records(reader, broken)
    heading, names = next(records, (0, []))
    if broken:
        return _unreadable(*broken)
    if not names:
        return _unreadable(Finding(0, "", "the file is empty; it begins with a line of column names"))
    columns: list[list[str]] = [[] for _ in names]
    lines = []
    for line, record in records:
        if len(record) != len(names):
            few = "few" if len(record) < len(names) else "many"
            message = f"too {few} fields: {len(record)}, but {len(names)} columns"
            broken.append(Finding(line, "", message))
            continue
        lines.append(line)
        for column, text in zip(columns, record, strict=True):
            column.append(text)
    texts = {name: pa.array(column, pa.string()) for name, column in zip(names, columns, strict=True)}
    return Sheet(names, texts, lines, heading, broken)


def parquet(data: bytes) -> Sheet:
    """A Parquet file as the texts that a CSV file would have, so that the same rules hold."""
    try:
        table = pq.ParquetFile(pa.BufferReader(data)).read()
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:_LONGEST_REASON]
        return _unreadable(Finding(0, "", f"the file cannot be read as Parquet: {reason}"))
    broken = []
    texts = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        try:
            texts[name] = pc.fill_null(_as_text(column), "").combine_chunks()
        except pa.ArrowException:
            broken.append(Finding(0, name, f"values of type {column.type} cannot stand here"))
    return Sheet(table.column_names, texts, range(1, len(table) + 1), 0, broken, "row")


def _unreadable(*findings: Finding) -> Sheet:
    return Sheet((), {}, (), broken=findings)


def _undecodable(data: bytes) -> Finding | None:
    if data.startswith(_BYTE_ORDER_MARKS):
        return Finding(0, "", "the file is in UTF-16 or UTF-32; save it as UTF-8")
    at, message = data.find(b"\0"), "a zero byte; this is no text, or not in UTF-8"
    if at < 0:
        try:
            data.decode()
        except UnicodeDecodeError as error:
            at, message = error.start, "a byte that is not UTF-8; save the file as UTF-8"
    return Finding(len((data[:at] + b".").splitlines()), "", message) if at >= 0 else None


def _reader(data: bytes) -> Any:  # noqa: ANN401  # the type of csv.reader has no public name
    return csv.reader(io.TextIOWrapper(io.BytesIO(data), "utf-8", newline=""), strict=True)


def _records(reader: Any, broken: list[Finding]) -> Iterator[tuple[int, list[str]]]:  # noqa: ANN401  # csv.reader
    """The records that are not blank, each with its first line; what is none goes to `broken`."""
    while True:
        line = reader.line_num + 1
        try:
            record = next(reader, None)
        except csv.Error as error:
            broken.append(Finding(line, "", _in_plain_words(str(error))))
            continue
        if record is None:
            return
        if record:
            yield line, record


def _in_plain_words(error: str) -> str:
    if error.startswith("unexpected end"):
        return "the quote opened on this line is never closed"
    if "expected after" in error:
        return "text follows a closing quote; double a quote that is part of the text"
    if error.startswith("field larger"):
        return f"a field of more than {csv.field_size_limit():,} characters; is a quote never closed?"
    return f"not CSV: {error}"


def _as_text(column: Any) -> Texts:  # noqa: ANN401  # pyarrow has no types
    """Typed values as they would be written; floats that are not exact become texts that no reader takes."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        with suppress(pa.ArrowInvalid):  # a fraction of a second stays, to be told
            column = column.cast(pa.timestamp("s", kind.tz))
        text = column.cast(pa.timestamp(column.type.unit)).cast(pa.string())
        return text if kind.tz is None else pc.binary_join_element_wise(text, "Z", "")
    text = column.cast(pa.string())
    if pa.types.is_floating(kind):
        greatest = _GREATEST_FLOAT if pa.types.is_float64(kind) else 0.0
        inexact = pc.binary_join_element_wise(text, " as an inexact float", "")
        return pc.if_else(pc.less(pc.abs(column), greatest), text, inexact)
    return text
