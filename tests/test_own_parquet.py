"""Parquet holds the same payments as CSV, typed, and is refused where its types cannot mean them exactly."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from own_files import GOOD, HEADER, MINSK, SETTING, local, parquet_refusal, parquet_table, same, table, typed

from sim.errors import ScenarioError
from sim.world.own_payments import read_payments

pytestmark = pytest.mark.usefixtures("folder")


def test_parquet_holds_the_same_columns_typed() -> None:
    found = parquet_table(typed(priority=pa.array([3, None]), due_at=pa.nulls(2), route=["direct", None]))
    rows = [f"{GOOD},3,,direct", "P2,2024-03-04T09:20,B,A,5,,,"]
    assert same(found, table("\n".join([f"{HEADER},priority,due_at,route", *rows])))


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Shanghai"])
def test_a_timestamp_without_a_zone_is_local_to_the_period(unit: str, zone: str | None) -> None:
    at = datetime(2024, 3, 4, 9, 10, tzinfo=MINSK if zone else None)
    times = pa.array([at, at], pa.timestamp(unit, zone))
    assert set(parquet_table(typed(instructed_at=times)).instructed_at) == {local("2024-03-04 09:10")}


@pytest.mark.parametrize(
    "column",
    [
        pa.array([12.0, 5.25]),
        pa.array([np.float16(12.0), np.float16(5.25)], pa.float16()),
        pa.array([12, 5], pa.int32()),
        pa.array([Decimal("12.0000000000"), Decimal("5.25")], pa.decimal128(38, 10)),
        pa.array(["12.00", "5.25"]).dictionary_encode(),
    ],
    ids=lambda column: str(column.type),
)
def test_an_amount_may_be_of_any_type_that_is_exact_to_the_minor_unit(column: pa.Array) -> None:
    assert parquet_table(typed(amount=column)).amount.tolist()[0] == 1200


@pytest.mark.parametrize("kind", [pa.float32(), pa.float64()])
def test_a_float_is_taken_as_long_as_no_other_amount_shares_it(kind: pa.DataType) -> None:
    exact = [12.5, 0.01, 131072.0] + [1e10, 12345678901.25, 2e12, 1e14, 1e15] * (kind == pa.float64())
    assert parquet_table(many(exact, kind)).amount.tolist() == [
        round(Fraction(value) * 100) for value in exact
    ]
    shared = [1e14 + 1 / 8, 1e14 + 7 / 64] if kind == pa.float64() else [12345678.9, 300000.0]
    told = parquet_refusal(many(shared, kind))
    assert len(told) == 2
    assert all("as a binary float may stand for other amounts, too" in problem for problem in told)


def many(amounts: list[float], kind: pa.DataType) -> dict[str, object]:
    rows = len(amounts)
    return {name: cells[:1] * rows for name, cells in typed().items()} | {
        "payment_id": [f"P{number}" for number in range(rows)],
        "amount": pa.array(amounts, kind),
    }


@pytest.mark.parametrize(
    ("column", "problem"),
    [
        (pa.array([12.0, 5.255]), "'5.255' has more than 2 decimals, the most BYN has"),
        (pa.array([12.0, 0.1 + 0.2]), "'0.30000000000000004' has more than 2 decimals, the most BYN has"),
        (pa.array([12.0, float("nan")]), "'nan' is not an amount such as 1234.56"),
        (pa.array([12.0, float("-inf")]), "'-inf' is not an amount such as 1234.56"),
        (pa.array([12, -5]), "an amount is more than zero, not '-5'"),
        (pa.array([Decimal(12), None]), "'' is not an amount such as 1234.56"),
        (
            pa.array([Decimal("12.000"), Decimal("5.001")]),
            "'5.001' has more than 2 decimals, the most BYN has",
        ),
    ],
)
def test_an_amount_that_is_not_exact_is_told_at_its_row(column: pa.Array, problem: str) -> None:
    assert parquet_refusal(typed(amount=column)) == [f"row 2: amount: {problem}"]


def test_nulls_and_fractions_of_seconds_are_told_at_their_rows() -> None:
    times = [datetime(2024, 3, 4, 6, 10, 0, 500, tzinfo=UTC), None]
    told = parquet_refusal(typed(instructed_at=times, payment_id=[None, "P2"], payer_bank=["A", None]))
    fraction = "has a fraction of a second; times are whole seconds"
    assert told == [
        "row 1: payment_id: a payment needs an id",
        f"row 1: instructed_at: '2024-03-04 06:10:00.000500Z' {fraction}",
        "row 2: instructed_at: '' is not a time such as 2024-03-04T09:10:00",
        "row 2: payer_bank: a name is needed here",
    ]


def test_a_column_of_a_type_that_cannot_be_text_is_told_once() -> None:
    assert parquet_refusal(typed(payer_bank=[{"x": 1}, {"x": 2}])) == [
        "payer_bank: values of type struct<x: int64> cannot stand here"
    ]


def test_ids_that_come_again_in_parquet_are_told_by_row() -> None:
    assert parquet_refusal(typed(payment_id=["P1", "P1"])) == [
        "row 2: payment_id: 'P1' stands here again; first on row 1"
    ]


def test_columns_of_parquet_are_told_as_those_of_csv() -> None:
    columns = typed(amuont=[1, 2])
    del columns["amount"]
    assert parquet_refusal(columns) == [
        "amuont: unknown column; did you mean 'amount'?",
        "amount: this column is missing",
    ]


def test_text_in_parquet_that_is_not_utf_8_is_told() -> None:
    broken = pa.array([b"P1", b"\xff"]).view(pa.string())
    (told,) = parquet_refusal(typed(payment_id=broken))
    assert told.startswith("the file cannot be read as Parquet: ")


def test_a_corrupt_parquet_file_is_told_as_such() -> None:
    pq.write_table(pa.table(typed()), "payments.parquet")
    whole = Path("payments.parquet").read_bytes()
    for data in (b"", b"PAR1", whole[:-30], HEADER.encode()):
        Path("payments.parquet").write_bytes(data)
        with pytest.raises(ScenarioError, match=r"^payments.parquet: the file cannot be read as Parquet: "):
            read_payments(Path("payments.parquet"), SETTING)
