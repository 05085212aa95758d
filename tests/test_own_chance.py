"""Whatever payments a user means are read as meant, and whatever else a file holds is read or refused."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from chance import examples
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from own_files import (
    BANKS,
    BERLIN,
    CURRENCIES,
    GOOD,
    HEADER,
    MINSK,
    SETTING,
    ST_JOHNS,
    a_year,
    local,
    parquet_table,
    same,
    table,
    typed,
)

from sim.core.clock import to_instant
from sim.errors import Problem, ScenarioError
from sim.world.own_csv import csv_sheets
from sim.world.own_payments import OwnPaymentsTable, read_payments
from sim.world.own_sheet import KNOWN, MOST_MINOR, MOST_TOLD, Findings, amounts, instants, whole_numbers

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from sim.world.own_sheet import Reading

pytestmark = [pytest.mark.quick, pytest.mark.usefixtures("folder")]


class Row(NamedTuple):
    """A payment as meant, before anybody writes it down."""

    payment_id: str
    instructed_at: int
    payer_bank: int
    payee_bank: int
    amount: int
    due_at: int | None
    priority: int | None
    system: int
    route: int


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), min_size=1, max_size=8)
#: Ids as programs write them, but for what they write for a missing one.
IDS = TEXTS.filter(
    lambda text: (
        text.strip().lower().strip("+-#<>")
        not in ("", "nan", "inf", "infinity", "null", "none", "nat", "n/a", "na")
    )
)
DIGITS = {"BYN": 2, "JPY": 0, "BHD": 3}
SYSTEMS = list(CURRENCIES)
#: A year in which the clocks of Minsk do not change.
WIDE = replace(a_year(MINSK, 2024), accounts={(bank, system) for bank in BANKS for system in SYSTEMS})


@st.composite
def meant(draw: st.DrawFn) -> list[Row]:
    """Some payments of a year, many at one instant."""
    instants_ = st.integers(WIDE.period_start, WIDE.end - 1)
    often = draw(instants_)
    rows = []
    for name in draw(st.lists(IDS, unique=True, min_size=1, max_size=12)):
        payer, payee = draw(st.permutations(range(len(BANKS))))[:2]
        rows.append(
            Row(
                payment_id=name,
                instructed_at=draw(st.sampled_from([often]) | instants_),
                payer_bank=payer,
                payee_bank=payee,
                amount=draw(st.integers(1, 10**6) | st.integers(1, 10**17)),
                due_at=draw(st.none() | st.integers(local("2012-01-01"), 2**32)),
                priority=draw(st.none() | st.integers(-2, 2) | st.integers(-(10**18) + 1, 10**18 - 1)),
                system=draw(st.sampled_from(range(len(SYSTEMS)))),
                route=draw(st.sampled_from([-1, 0, 1])),
            )
        )
    return rows


def expected(rows: list[Row]) -> OwnPaymentsTable:
    """What must be read, by the plainest means."""
    ordered = sorted(rows, key=lambda row: (row.instructed_at, -(row.priority or 0)))

    def column(name: str) -> np.ndarray[Any, np.dtype[np.int64]]:
        return np.array([getattr(row, name) for row in ordered], dtype=np.int64)

    return OwnPaymentsTable(
        payment_id=pa.array([row.payment_id for row in ordered], pa.large_string()),
        instructed_at=column("instructed_at"),
        due_at=np.array(
            [row.instructed_at if row.due_at is None else row.due_at for row in ordered], dtype=np.int64
        ),
        payer_bank=column("payer_bank"),
        payee_bank=column("payee_bank"),
        amount=column("amount"),
        currency=np.array([CURRENCIES[SYSTEMS[row.system]] for row in ordered], dtype=object),
        priority=np.array([row.priority or 0 for row in ordered], dtype=np.int64),
        system=column("system"),
        route=column("route"),
        counter_amount=np.full(len(ordered), -1, dtype=np.int64),
    )


def major(row: Row) -> Decimal:
    return Decimal(row.amount).scaleb(-DIGITS[CURRENCIES[SYSTEMS[row.system]]])


@settings(
    max_examples=examples(100), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(rows=meant(), data=st.data())
def test_a_table_written_as_csv_in_any_style_is_read_as_meant(rows: list[Row], data: st.DataObject) -> None:
    def at(instant_: int | None) -> str:
        if instant_ is None:
            return ""
        zone = data.draw(st.sampled_from([None, UTC, timezone(timedelta(hours=-3, minutes=-30))]))
        clock = datetime.fromtimestamp(instant_, zone or MINSK)
        text = (clock if zone else clock.replace(tzinfo=None)).isoformat(sep=data.draw(st.sampled_from("T ")))
        return text.replace("+00:00", "Z").replace(":00Z", "Z") if zone is UTC else text

    columns = {
        "payment_id": [row.payment_id for row in rows],
        "instructed_at": [at(row.instructed_at) for row in rows],
        "due_at": [at(row.due_at) for row in rows],
        "payer_bank": [BANKS[row.payer_bank] for row in rows],
        "payee_bank": [BANKS[row.payee_bank] for row in rows],
        "amount": [f"{major(row):f}" for row in rows],
        "currency": [CURRENCIES[SYSTEMS[row.system]] for row in rows],
        "priority": ["" if row.priority is None else str(row.priority) for row in rows],
        "system": [SYSTEMS[row.system] for row in rows],
        "route": ["" if row.route < 0 else WIDE.routes[row.route] for row in rows],
    }
    names = data.draw(st.permutations(list(columns)))
    text = io.StringIO(newline="")
    quoting = data.draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    writer = csv.writer(text, quoting=quoting, lineterminator=data.draw(st.sampled_from(["\n", "\r\n"])))
    writer.writerow(names)
    writer.writerows(zip(*(columns[name] for name in names), strict=True))
    if sum(row.amount for row in rows) < 2**62:
        assert same(table(text.getvalue(), WIDE), expected(rows))


@settings(
    max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(rows=meant(), unit=st.sampled_from(["s", "us", "ns"]), zone=st.sampled_from([None, "UTC"]))
def test_a_table_written_as_parquet_is_read_as_meant(rows: list[Row], unit: str, zone: str | None) -> None:
    def times(name: str) -> pa.Array:
        found = [getattr(row, name) for row in rows]
        clocks = [None if at is None else datetime.fromtimestamp(at, MINSK) for at in found]
        naive = [clock if zone or clock is None else clock.replace(tzinfo=None) for clock in clocks]
        return pa.array(naive, pa.timestamp(unit, zone))

    columns = {
        "payment_id": pa.array([row.payment_id for row in rows], pa.string()),
        "instructed_at": times("instructed_at"),
        "due_at": times("due_at"),
        "payer_bank": pa.array([BANKS[row.payer_bank] for row in rows], pa.string()),
        "payee_bank": pa.array([BANKS[row.payee_bank] for row in rows], pa.string()),
        "amount": pa.array([major(row) for row in rows], pa.decimal128(24, 3)),
        "priority": pa.array([row.priority for row in rows], pa.int64()),
        "system": pa.array([SYSTEMS[row.system] for row in rows], pa.string()),
        "route": pa.array([None if row.route < 0 else WIDE.routes[row.route] for row in rows], pa.string()),
    }
    if sum(row.amount for row in rows) < 2**62:
        assert same(parquet_table(columns, WIDE), expected(rows))


@settings(max_examples=examples(300))
@given(st.sampled_from(["amount,system\n", '"amount",system\r\n']), st.text('ab,,,\n\n\r"" é', max_size=30))
@example("amount,system\n", '"x"y,z\n')
@example("amount,system\n", 'x"y,"z\n')
@example("amount,system\n", "x,y\rz,\n")
def test_rows_of_csv_are_those_of_the_csv_module_each_with_its_line(heading: str, rest: str) -> None:
    reader = csv.reader(io.StringIO(heading + rest, newline=""), strict=True)
    expected_, broken = [], False
    while True:
        line = reader.line_num + 1
        try:
            record = next(reader)
        except StopIteration:
            break
        except csv.Error:
            broken = True
            continue
        if len(record) == 2:
            expected_.append((line, *record))
        broken |= len(record) not in (0, 2)
    data, findings = (heading + rest).encode(), Findings("x.csv", "line")
    sheets = list(csv_sheets(io.BytesIO(data), len(data), findings, KNOWN, "payments"))
    found = [
        (line, sheet.text("amount", row), sheet.text("system", row))
        for sheet in sheets
        for row, line in enumerate(sheet.lines)
    ]
    assert found == expected_[1:]
    assert bool(findings.count) == broken


NEAR_TIMES = st.from_regex(
    r"(2024|2010|1999|0000|3000)-(0[1-9]|1[0-3])-([0-3][0-9])[T t](0[0-9]|2[0-5]):[0-6][0-9](:[0-6][0-9])?"
    r"(\.0{1,3}|\.5)?(Z|z|[+-](0[0-9]|2[3-4]):?[0-6][0-9])?",
    fullmatch=True,
)
NEAR_AMOUNTS = st.from_regex(r"[+-]?[0-9]{0,20}(\.[0-9]{0,6})?(e[0-9])?", fullmatch=True)
#: The standard library takes an offset of sixty minutes, which ISO 8601 does not know.
FORM = re.compile(
    "[12][0-9]{3}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\\.0+)?)?(Z|[+-][0-9]{2}:[0-5][0-9])?"
)


def plain_instant(text: str, zone: ZoneInfo) -> int | None:
    """The instant that the standard library knows for a time; None if there is none, or there are two."""
    if not FORM.fullmatch(text):
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    first, second = (to_instant(at.replace(fold=fold), zone) for fold in (0, 1))
    return first if first == second else None


def plain_amount(text: str, digits: int) -> int | None:
    """Minor units of a decimal; None for what is no payment."""
    if not re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", text):
        return None
    minor = Decimal(text).scaleb(digits)
    return int(minor) if 0 < minor <= MOST_MINOR and minor == int(minor) else None


def plain_whole(text: str) -> int | None:
    return int(text) if re.fullmatch("[+-]?[0-9]{1,18}", text) else None


def found_in(reading: Reading) -> list[int | None]:
    """The values, None where something is wrong; nothing is wrong in two ways."""
    faults = np.sum([fault.wrong for fault in reading.faults], axis=0)
    assert faults.max() <= 1
    return [None if wrong else value for value, wrong in zip(reading.values.tolist(), faults, strict=True)]


@settings(max_examples=examples(300))
@given(st.lists(NEAR_TIMES, min_size=1, max_size=5), st.sampled_from([BERLIN, MINSK, ST_JOHNS]))
def test_a_column_of_times_is_read_as_the_standard_library_reads_each(
    texts: list[str], zone: ZoneInfo
) -> None:
    assert found_in(instants(pa.array(texts), zone)) == [plain_instant(text, zone) for text in texts]


@settings(max_examples=examples(300))
@given(st.lists(NEAR_AMOUNTS, min_size=1, max_size=5), st.sampled_from(sorted(DIGITS)))
def test_a_column_of_amounts_is_read_as_decimals(texts: list[str], currency: str) -> None:
    assert found_in(amounts(pa.array(texts), currency)) == [
        plain_amount(text, DIGITS[currency]) for text in texts
    ]


@given(st.lists(st.from_regex(r"[+-]?0?[0-9]{0,20}", fullmatch=True), min_size=1, max_size=5))
def test_a_column_of_whole_numbers_is_read_as_each_of_them(texts: list[str]) -> None:
    assert found_in(whole_numbers(pa.array(texts))) == [plain_whole(text) for text in texts]


@settings(
    max_examples=examples(50), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.floats(0, 1e16) | st.integers(1, 2**53).map(lambda n: n / 100), st.sampled_from(["f4", "f8"]))
def test_a_float_is_read_as_the_one_amount_that_it_can_mean(value: float, kind: str) -> None:
    column = np.array([value, 1], dtype=kind)
    try:
        found = parquet_table(typed(amount=pa.array(column))).amount.tolist()[0]
    except ScenarioError:
        return
    single = np.dtype(kind).type
    assert single(found) / single(100) == column[0] or Fraction(found, 100) == Fraction(float(column[0]))
    assert kind == "f8" or found < 2**24


def problems_of(name: str) -> tuple[Problem, ...]:
    try:
        read_payments(Path(name), SETTING)
    except ScenarioError as error:
        return error.problems
    return ()


PIECES = [HEADER, GOOD, "system", "A", "1", ",", ";", '"', "\n", "\r\n", "\r", "\0", "\ufeff", "é", "2024-"]
CSV_BYTES = st.lists(st.sampled_from(PIECES), max_size=12).map(lambda parts: "".join(parts).encode())


@settings(
    max_examples=examples(200), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(CSV_BYTES | st.binary(max_size=200) | CSV_BYTES.map(lambda data: data + b"\xff"))
def test_whatever_the_bytes_a_csv_file_is_read_or_refused(data: bytes) -> None:
    Path("payments.csv").write_bytes(data)
    assert all(len(str(problem).splitlines()) == 1 for problem in problems_of("payments.csv"))


@settings(
    max_examples=examples(200), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=6), st.integers(0, 40))
def test_whatever_the_bytes_a_parquet_file_is_read_or_refused(
    changes: list[tuple[int, int]], cut: int
) -> None:
    buffer = io.BytesIO()
    pq.write_table(pa.table(typed()), buffer)
    data = bytearray(buffer.getvalue())
    for at, byte in changes:
        data[at % len(data)] = byte
    Path("payments.parquet").write_bytes(data[: len(data) - cut // 30 * cut])
    assert len(problems_of("payments.parquet")) <= MOST_TOLD + 1
