"""Files of own payments that were spoilt in their cells, their columns or their bytes: refused, or run."""

from __future__ import annotations

import csv
import io
from contextlib import chdir
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from fuzz.odd import ODD
from fuzz.trial import command, unplaced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Three banks that pay each other in two systems, one of them in parts.
SCENARIO: Final = """
name: own
period: {start: 2024-03-04 00:00, end: 2024-03-06 00:00, zone: Europe/Minsk}
hours: {day: {zone: Europe/Minsk, sessions: ["09:00-17:00"], calendar: always}}
systems:
  s: {kind: rtgs, currency: BYN, hours: day, queue: bypass}
  yen: {kind: rtgs, currency: JPY, hours: day}
accounts:
  - {holder: a, system: s, balance: 1000}
  - {holder: b, system: s, balance: 500}
  - {holder: c, system: s, balance: 0}
  - {holder: a, system: yen, balance: 1000}
  - {holder: b, system: yen, balance: 1000}
payments: {file: payments.FORMAT, system: s}
"""
HEADER: Final = (
    *("payment_id", "instructed_at", "payer_bank", "payee_bank", "amount"),
    *("currency", "priority", "due_at", "system"),
)
Rows = list[list[Any]]


def csv_faults(number: int, folder: Path) -> list[str]:
    """What is wrong with how one CSV file is treated."""
    chance = Random(f"csv-{number}")
    rows = [list(HEADER), *([str(cell) for cell in row] for row in _rows(chance))]
    for _ in range(chance.choice([0, 0, 1, 1, 2])):
        chance.choice(_CELLS)(rows, chance)
    data = _as_csv(rows, chance)
    if chance.random() < 0.3:
        data = _broken(data, chance)
    return _judged(folder, chance.choice(["csv"] * 40 + ["xlsx", "parquet", "txt", "gz"]), data)


def parquet_faults(number: int, folder: Path) -> list[str]:
    """What is wrong with how one Parquet file is treated."""
    chance = Random(f"parquet-{number}")
    table = _typed(_rows(chance))
    for _ in range(chance.choice([0, 1, 1, 2, 3])):
        table = chance.choice(_COLUMNS)(table, chance)
    buffer = io.BytesIO()
    try:
        pq.write_table(
            table,
            buffer,
            compression=chance.choice(["none", "snappy", "zstd", "gzip"]),
            version=chance.choice(["1.0", "2.4", "2.6"]),
            row_group_size=chance.choice([1, 5, 1000]),
            use_dictionary=chance.random() < 0.5,
        )
    except (pa.ArrowException, ValueError):
        # A column of a type that no Parquet file holds.
        return []
    data = buffer.getvalue()
    if chance.random() < 0.4:
        data = _broken(data, chance)
    return _judged(folder, chance.choice(["parquet"] * 30 + ["csv", "parq", "xlsx"]), data)


def _judged(folder: Path, ending: str, data: bytes) -> list[str]:
    with chdir(folder):
        Path("own.yaml").write_text(SCENARIO.replace("FORMAT", ending), encoding="utf-8")
        Path(f"payments.{ending}").write_bytes(data)
        return list(_told())


def _told() -> Iterator[str]:
    told = command("validate", "own.yaml")
    if told.fault:
        yield told.fault
    elif told.code:
        if fault := unplaced(told):
            yield fault
    else:
        ran = command("run", "own.yaml", "-o", "out", "--no-figures")
        if ran.fault:
            yield ran.fault
        elif ran.code:
            yield f"what validates does not run: {ran.err[:300]}"


def _rows(chance: Random) -> Rows:
    rows: Rows = []
    for k in range(chance.choice([0, 1, 12, 12, 60])):
        payer, payee = chance.sample(["a", "b", "c"], 2)
        at = datetime(2024, 3, 4) + timedelta(minutes=chance.randrange(2880))  # noqa: DTZ001 - local
        system, currency = ("s", "BYN") if "c" in (payer, payee) or chance.random() < 0.7 else ("yen", "JPY")
        row = [f"P{k}", at, payer, payee, Decimal(chance.randrange(1, 900)), currency]
        rows.append([*row, chance.choice([0, 0, 1, -2]), at + timedelta(days=chance.randrange(3)), system])
    return rows


# Cells and rows of text.


def _odd_cell(rows: Rows, chance: Random) -> None:
    row = chance.choice(rows)
    if row:
        row[chance.randrange(len(row))] = chance.choice(ODD)


def _other_cell(rows: Rows, chance: Random) -> None:
    one, other = chance.choice(rows), chance.choice(rows)
    if one and other:
        one[chance.randrange(len(one))] = chance.choice(other)


def _odd_column(rows: Rows, chance: Random) -> None:
    at, value = chance.randrange(len(HEADER)), chance.choice(ODD)
    for row in rows[1:]:
        if at < len(row):
            row[at] = value


def _column_gone(rows: Rows, chance: Random) -> None:
    at = chance.randrange(len(HEADER))
    for row in rows:
        del row[at : at + 1]


def _column_again(rows: Rows, chance: Random) -> None:
    at = chance.randrange(len(HEADER))
    for row in rows:
        row.extend(row[at : at + 1])


def _row_again(rows: Rows, chance: Random) -> None:
    rows.insert(chance.randrange(len(rows) + 1), list(chance.choice(rows)))


def _row_of_other_length(rows: Rows, chance: Random) -> None:
    row = chance.choice(rows)
    row[:] = chance.choice([row[:-1], [*row, ""], [*row, "x"], [], [""], row * 200])


def _long_cell(rows: Rows, chance: Random) -> None:
    row = chance.choice(rows)
    if row:
        row[chance.randrange(len(row))] = chance.choice("a9,\n\"'é") * chance.choice([10**3, 10**5, 10**6])


_CELLS: Final[tuple[Callable[[Rows, Random], None], ...]] = (
    *(_odd_cell, _odd_cell, _odd_cell, _other_cell, _odd_column, _column_gone),
    *(_column_again, _row_again, _row_of_other_length, _long_cell),
)


def _as_csv(rows: Rows, chance: Random) -> bytes:
    """The rows in one of the styles in which programs write them."""
    text = io.StringIO()
    quoting = chance.choice([csv.QUOTE_MINIMAL, csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
    delimiter = chance.choice([","] * 12 + [";", "\t"])
    ending = chance.choice(["\n", "\n", "\r\n", "\r"])
    csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=ending).writerows(rows)
    encoding = chance.choice(["utf-8"] * 20 + ["utf-8-sig", "utf-16", "cp1251", "gbk"])
    return text.getvalue().encode(encoding, "surrogatepass" if encoding.startswith("utf") else "replace")


def _broken(data: bytes, chance: Random) -> bytes:
    """Bytes changed, put in, taken out or cut off, one to a few times."""
    for _ in range(chance.choice([1, 1, 2, 8])):
        at = chance.randrange(len(data) + 1)
        # The end of a Parquet file says what the rest means.
        at = max(0, len(data) - chance.randrange(1, 600)) if chance.random() < 0.5 else at
        end = at + chance.choice([0, 1, 1, 1, 4, 100])
        put = chance.choice(
            [b"", b"\0", b"\xff", b"\n", b'"', b",", b"\x1b", chance.randbytes(1), chance.randbytes(4)]
        )
        data = data[:at] if chance.random() < 0.1 else data[:at] + put + data[end:]
    return data


# Columns of types.


def _typed(rows: Rows) -> pa.Table:
    types = [pa.string(), pa.timestamp("us"), pa.string(), pa.string(), pa.decimal128(18, 2)]
    types += [pa.string(), pa.int64(), pa.timestamp("us"), pa.string()]
    columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in HEADER]
    return pa.table(
        [pa.array(column, kind) for column, kind in zip(columns, types, strict=True)], list(HEADER)
    )


#: Columns of a type, from a number of rows.
_TYPED: Final[tuple[Callable[[int], pa.Array], ...]] = (
    pa.nulls,
    lambda n: pa.array([k % 2 == 0 for k in range(n)]),
    *(
        lambda n, kind=kind: pa.array([k % 100 for k in range(n)], kind)
        for kind in (pa.int8(), pa.uint64(), pa.float32())
    ),
    *(
        lambda n, x=x: pa.array([x] * n, pa.float64())
        for x in (float("nan"), float("inf"), -0.0, 0.1 + 0.2, 1e10 + 0.01, 1e14, 1e300, 5e-324, 2.0**53)
    ),
    lambda n: pa.array([2**64 - 1] * n, pa.uint64()),
    lambda n: pa.array([Decimal("1e30")] * n, pa.decimal256(60, 5)),
    lambda n: pa.array([Decimal("1.005")] * n, pa.decimal128(10, 3)),
    *(lambda n, at=at: pa.array([at] * n) for at in (date(2024, 3, 4), time(10, 30), timedelta(days=1))),
    *(
        lambda n, unit=unit, zone=zone, at=at: pa.array([at] * n, pa.int64()).cast(pa.timestamp(unit, zone))
        for unit, zone, at in (
            ("s", None, 1709539200),
            ("ns", "UTC", 1709539200 * 10**9 + 1),
            ("ms", "Europe/Minsk", 1709539200001),
            ("us", "+05:00", 1709539200 * 10**6),
            ("s", None, 2**62),
            ("ns", None, -(2**62)),
            ("us", "Nowhere/Here", 0),
        )
    ),
    *(
        lambda n, text=text: pa.array([text] * n)
        for text in ("", "a", "1", "2024-03-04 10:00", "\0", "\x1b[31m", "9" * 400)
    ),
    lambda n: pa.array([b"\xff"] * n, pa.binary()),
    lambda n: pa.array([b"ab"] * n, pa.binary(2)),
    lambda n: pa.array(["a"] * n, pa.large_string()),
    lambda n: pa.array(["a"] * n).dictionary_encode(),
    lambda n: pa.array([None] * n, pa.string()).dictionary_encode(),
    lambda n: pa.array([["a"]] * n),
    lambda n: pa.array([{"a": 1}] * n, pa.struct({"a": pa.int64()})),
    lambda n: pa.array([[("a", 1)]] * n, pa.map_(pa.string(), pa.int64())),
)  # fmt: skip


def _odd_type(table: pa.Table, chance: Random) -> pa.Table:
    at = chance.randrange(table.num_columns)
    return table.set_column(at, table.schema.names[at], chance.choice(_TYPED)(len(table)))


def _with_gaps(table: pa.Table, chance: Random) -> pa.Table:
    at = chance.randrange(table.num_columns)
    values = table.column(at).to_pylist()
    column = pa.array([value if chance.random() < 0.8 else None for value in values], table.schema.types[at])
    return table.set_column(at, table.schema.names[at], column)


def _renamed(table: pa.Table, chance: Random) -> pa.Table:
    names = list(table.schema.names)
    names[chance.randrange(len(names))] = chance.choice([*HEADER, *ODD])
    return table.rename_columns([name.encode("utf-8", "replace").decode() for name in names])


def _fewer(table: pa.Table, chance: Random) -> pa.Table:
    if table.num_columns == 1:
        return table
    return table.remove_column(chance.randrange(table.num_columns))


def _more(table: pa.Table, chance: Random) -> pa.Table:
    return table.append_column(
        chance.choice([*HEADER, "x", "counter_amount", "route"]), chance.choice(_TYPED)(len(table))
    )


def _without_columns(table: pa.Table, _: Random) -> pa.Table:
    return table.select([])


def _repeated(table: pa.Table, chance: Random) -> pa.Table:
    return table.slice(0, 0) if chance.random() < 0.3 else pa.concat_tables([table] * chance.choice([2, 50]))


def _texts(table: pa.Table, _: Random) -> pa.Table:
    columns = [[None if v is None else str(v) for v in column.to_pylist()] for column in table.columns]
    return pa.table([pa.array(column, pa.string()) for column in columns], table.schema.names)


def _bomb(_: pa.Table, chance: Random) -> pa.Table:
    """A small file that is large when read: one long text for many rows, or rows that hold nothing."""
    rows = chance.choice([1000, 4000])
    if chance.random() < 0.5:
        return pa.table([pa.nulls(rows * 5000, pa.string()) for _ in HEADER], list(HEADER))
    long = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array(["x" * 10**6]))
    return pa.table([long for _ in HEADER], list(HEADER))


_COLUMNS: Final[tuple[Callable[[pa.Table, Random], pa.Table], ...]] = tuple(
    (lambda table, chance, change=change: change(table, chance) if table.num_columns else table)
    for change in (
        *(*[_odd_type] * 24, *[_with_gaps] * 9, *[_renamed] * 6, *[_fewer] * 3, *[_more] * 3),
        *(*[_without_columns] * 2, *[_repeated] * 3, *[_texts] * 3, _bomb),
    )
)
