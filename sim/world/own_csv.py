"""A CSV file is UTF-8 text in lines, whatever else it may look like; it is read block by block, never whole."""

from __future__ import annotations

import codecs
import csv
import io
import re
from typing import TYPE_CHECKING, BinaryIO, Final, NoReturn

import pyarrow as pa
import pyarrow.csv as pa_csv

from sim.world.own_sheet import MOST_COLUMNS, Sheet

if TYPE_CHECKING:
    from collections.abc import Container, Generator, Iterator, Sequence

    from sim.world.own_sheet import Findings

#: Bytes that are read at once; a line must end within them.
_BLOCK: Final = 2**22
#: Bytes from which on the part that was read tells how large the whole is.
_SAMPLE: Final = 64 * 10**6
#: Bytes of a row that goes on over several lines.
_LONGEST_RECORD: Final = 2**20
#: Lines that are no rows, after which nobody wants to hear of more.
_MOST_BROKEN: Final = 100_000
_RECORDS: Final = 20_000
#: Blank lines, and lines that end in a carriage return alone.
_UNUSUAL: Final = re.compile(rb"\n\r?\n|\r[^\n]|\r\Z|\A\r?\n")


class _EndError(Exception):
    """Nothing further can be read; the findings say why."""


def csv_sheets(
    file: BinaryIO, size: int, findings: Findings, known: Container[str], what: str
) -> Iterator[Sheet]:
    """The rows of a CSV file of `size` bytes, some of them at a time; nothing if it has no names of columns.

    Sheets have the columns `known`, those of a table of `what`. Blank lines are passed over. Lines that are no rows go
    to `findings` and are left out.
    """
    try:
        yield from _Reader(findings, known, what).sheets(file, size)
    except _EndError:
        return


class _Reader:
    """How far reading has come: the next line, and the bytes before it."""

    def __init__(self, findings: Findings, known: Container[str], what: str) -> None:
        self._findings, self._known, self._what = findings, known, what
        self._line, self._offset = 1, 0
        self._heading = 0
        self._names: Sequence[str] = ()
        self._share = 0.0
        self._broken = 0

    def sheets(self, file: BinaryIO, size: int) -> Iterator[Sheet]:
        rest, read, ended = b"", 0, False
        while not ended:
            block = file.read(_BLOCK)
            read += len(block)
            self._share = min(read / size, 1.0) if size and read >= _SAMPLE else 0.0
            ended = len(block) < _BLOCK
            data = rest + block
            body = data if ended else _whole_lines(data)
            self._check_text(body or data, whole=bool(body) or ended)
            if not body and not ended:
                self._end(
                    self._line, f"a line of more than {_BLOCK:,} bytes; this is no table of {self._what}"
                )
            taken = body
            if not self._heading:
                if self._offset == 0:
                    body = body.removeprefix(codecs.BOM_UTF8)
                body = self._take_heading(body, ended=ended)
            left = yield from self._rows(body, ended=ended)
            self._offset += len(taken) - left
            rest = data[len(taken) - left :]

    def _rows(self, body: bytes, *, ended: bool) -> Generator[Sheet, None, int]:
        """The rows of whole lines; comes back with the number of bytes of a row that goes on after them."""
        plain = self._plain(body)
        if plain is None:
            return (yield from self._quoted(body, ended=ended))
        self._line += len(plain.lines)
        yield plain._replace(reached=self._line)
        return 0

    def _plain(self, body: bytes) -> Sheet | None:
        """Lines of which each is a row without quotes; None for others."""
        if b'"' in body or len(self._names) == 1 or _UNUSUAL.search(body):
            return None
        positions = [str(position) for position in range(len(self._names))]
        try:
            table = pa_csv.read_csv(
                pa.BufferReader(body),
                pa_csv.ReadOptions(column_names=positions, block_size=len(body) + 1, use_threads=False),
                pa_csv.ParseOptions(quote_char=False, ignore_empty_lines=False),
                pa_csv.ConvertOptions(
                    column_types=dict.fromkeys(positions, pa.string()),
                    strings_can_be_null=False,
                    check_utf8=False,
                ),
            )
        except pa.ArrowException:
            return None
        texts = {
            name: column.combine_chunks()
            for name, column in zip(self._names, table.columns, strict=True)
            if name in self._known
        }
        return self._sheet(texts, range(self._line, self._line + len(table)))

    def _quoted(self, body: bytes, *, ended: bool) -> Generator[Sheet, None, int]:
        """As `_rows`, record by record, which knows quotes, blank lines and lines that are no rows."""
        text = body.decode()
        stream = io.StringIO(text, newline="")
        reader = csv.reader(stream, strict=True)
        before, left = self._line, 0
        records: list[list[str]] = []
        lines: list[int] = []
        while True:
            start, line = stream.tell(), before + reader.line_num
            try:
                record = next(reader)
            except StopIteration:
                self._line = line
                break
            except csv.Error as error:
                if not ended and _unfinished(error):
                    left = len(text[start:].encode())
                    if left > _LONGEST_RECORD:
                        self._end(
                            line, f"a row of more than {_LONGEST_RECORD:,} bytes; is a quote never closed?"
                        )
                    self._line = line
                    break
                self._break(line, _in_plain_words(error))
                continue
            if len(record) == len(self._names):
                records.append(record)
                lines.append(line)
            elif record:
                few = "few" if len(record) < len(self._names) else "many"
                message = f"too {few} fields: {len(record)}, but {len(self._names)} columns"
                self._break(line, message)
            if len(records) == _RECORDS:
                yield self._sheet(self._columns(records), lines, line)
                records, lines = [], []
        yield self._sheet(self._columns(records), lines, self._line)
        return left

    def _columns(self, records: list[list[str]]) -> dict[str, pa.Array]:
        columns = zip(*records, strict=True) if records else ((),) * len(self._names)
        return {
            name: pa.array(column, pa.string())
            for name, column in zip(self._names, columns, strict=True)
            if name in self._known
        }

    def _sheet(self, texts: dict[str, pa.Array], lines: Sequence[int], reached: int = 0) -> Sheet:
        return Sheet(self._names, texts, lines, self._heading, reached, self._share)

    def _take_heading(self, body: bytes, *, ended: bool) -> bytes:
        """Take the names of the columns from the first line that is not blank; the lines below it."""
        first = re.split(b"[\r\n]", body, maxsplit=1)[0]
        if b"," not in first and (sign := re.search(b"[;\t|]", first)):
            what = {b";": "semicolons", b"\t": "tabs", b"|": "bars"}[sign.group()]
            self._end(1, f"the columns are separated by {what}; use commas")
        text = body.decode()
        stream = io.StringIO(text, newline="")
        reader = csv.reader(stream, strict=True)
        while True:
            self._heading = 1 + reader.line_num
            try:
                names = next(reader)
            except StopIteration:
                message = "the file is empty" if ended else f"the first {_BLOCK:,} bytes are blank"
                self._end(0, f"{message}; it begins with a line of column names")
            except csv.Error as error:
                self._end(self._heading, _in_plain_words(error))
            if names:
                break
        if len(names) > MOST_COLUMNS:
            self._end(self._heading, f"{len(names):,} columns; this is no table of {self._what}")
        self._names = names
        self._line = 1 + reader.line_num
        return text[stream.tell() :].encode()

    def _check_text(self, data: bytes, *, whole: bool) -> None:
        at, message = data.find(b"\0"), "a zero byte; this is no text, or not in UTF-8"
        if at < 0:
            try:
                codecs.getincrementaldecoder("utf-8")().decode(data, final=whole)
            except UnicodeDecodeError as error:
                at = error.start
                message = (
                    f"byte {self._offset + at + 1:,} of the file ({data[at]:#04x}) is not UTF-8; save the "
                    "file as UTF-8 (it may be in Windows-1251 or another old encoding)"
                )
        if at >= 0:
            line = len((data[:at] + b".").splitlines()) - 1
            self._end(self._line + line, message)

    def _break(self, line: int, message: str) -> None:
        self._findings.add(line, "", message)
        self._broken += 1
        if self._broken == _MOST_BROKEN:
            self._end(0, f"line {line} is the {_MOST_BROKEN:,}th that is no row; reading ended there")

    def _end(self, line: int, message: str) -> NoReturn:
        self._findings.add(line, "", message)
        raise _EndError


def _whole_lines(data: bytes) -> bytes:
    """Up to the last line end; a carriage return at the very end may be half of one."""
    end = data.rfind(b"\n") + 1 or data.rfind(b"\r", 0, -1) + 1
    return data[:end]


def _unfinished(error: csv.Error) -> bool:
    return str(error).startswith("unexpected end")


def _in_plain_words(error: csv.Error) -> str:
    if _unfinished(error):
        return "the quote opened on this line is never closed"
    if "expected after" in str(error):
        return "text follows a closing quote; double a quote that is part of the text"
    if str(error).startswith("field larger"):
        return f"a field of more than {csv.field_size_limit():,} characters; is a quote never closed?"
    return f"not CSV: {error}"
