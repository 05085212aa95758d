"""A user's payments are read exactly as written, or every row that cannot be is told with its line."""

from __future__ import annotations

import csv
import io
import os
import sys
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import Field

from sim.core.clock import to_instant
from sim.errors import Problem, ScenarioError
from sim.scenario.load import load_as, to_yaml
from sim.scenario.model.base import Declaration, Name
from sim.scenario.model.own import OwnPayments
from sim.world.own_cells import amount, amounts, instant, instants, whole_number, whole_numbers
from sim.world.own_payments import OwnPaymentsTable, Setting, read_payments
from sim.world.own_sheet import MOST_TOLD, any_csv, sound_csv

MINSK, BERLIN, ST_JOHNS = ZoneInfo("Europe/Minsk"), ZoneInfo("Europe/Berlin"), ZoneInfo("America/St_Johns")
BANKS = ("A", "B", "Central")
CURRENCIES = {"rtgs": "BYN", "yen": "JPY", "dinar": "BHD"}
SETTING = Setting(
    zone=MINSK,
    period_start=to_instant(datetime.fromisoformat("2024-03-04 09:00"), MINSK),
    end=to_instant(datetime.fromisoformat("2024-03-04 17:00"), MINSK),
    currencies_of_system={system: (currency,) for system, currency in CURRENCIES.items()},
    banks=BANKS,
    accounts={(bank, system) for bank in BANKS for system in CURRENCIES} - {("Central", "rtgs")},
    routes=("direct", "detour"),
    default_system="rtgs",
)
HEADER = "payment_id,instructed_at,payer_bank,payee_bank,amount"
GOOD = "P1,2024-03-04T09:10:00,A,B,12.34"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def table(text: str | bytes, setting: Setting = SETTING) -> OwnPaymentsTable:
    Path("payments.csv").write_bytes(text.encode() if isinstance(text, str) else text)
    return read_payments(Path("payments.csv"), setting)


def refusal(text: str | bytes, setting: Setting = SETTING) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        table(text, setting)
    return [str(problem).removeprefix("payments.csv:").strip() for problem in caught.value.problems]


def refusal_of_rows(*rows: str, more: str = "", setting: Setting = SETTING) -> list[str]:
    return refusal("\n".join([HEADER + more, *rows]), setting)


def parquet_table(columns: dict[str, Any], setting: Setting = SETTING) -> OwnPaymentsTable:
    pq.write_table(pa.table(columns), "payments.parquet")
    return read_payments(Path("payments.parquet"), setting)


def parquet_refusal(columns: dict[str, Any], setting: Setting = SETTING) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        parquet_table(columns, setting)
    return [str(problem).removeprefix("payments.parquet:").strip() for problem in caught.value.problems]


def typed(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - columns of any type
    """Two good payments as typed columns."""
    times = [datetime(2024, 3, 4, 9, 10), datetime(2024, 3, 4, 9, 20)]  # noqa: DTZ001 - local to the period
    return {
        "payment_id": ["P1", "P2"],
        "instructed_at": times,
        "payer_bank": ["A", "B"],
        "payee_bank": ["B", "A"],
        "amount": [Decimal("12.34"), Decimal("5.00")],
    } | changes


def same(one: OwnPaymentsTable, other: OwnPaymentsTable) -> bool:
    return all(
        np.array_equal(getattr(one, field.name), getattr(other, field.name)) for field in fields(one)
    ) and all(getattr(one, field.name).dtype == getattr(other, field.name).dtype for field in fields(one))


def local(text: str, zone: ZoneInfo = MINSK) -> int:
    return to_instant(datetime.fromisoformat(text), zone)


# What is read.


def test_a_row_says_who_pays_whom_how_much_and_when() -> None:
    found = table(f"{HEADER}\n{GOOD}\n")
    assert found.payment_id.tolist() == ["P1"]
    assert found.instructed_at.tolist() == [local("2024-03-04 09:10")]
    assert (found.payer_bank.tolist(), found.payee_bank.tolist()) == ([0], [1])
    assert found.amount.tolist() == [1234]


def test_what_a_row_need_not_say_is_due_at_once_ordinary_and_as_the_scenario_has_it() -> None:
    found = table(f"{HEADER}\n{GOOD}\n")
    assert found.due_at.tolist() == found.instructed_at.tolist()
    assert (found.priority.tolist(), found.system.tolist(), found.route.tolist()) == ([0], [0], [-1])
    assert found.currency.tolist() == ["BYN"]


def test_columns_may_stand_in_any_order_and_optional_ones_may_be_empty() -> None:
    found = table(
        "system,route,due_at,priority,currency,amount,payee_bank,payer_bank,instructed_at,payment_id\n"
        "yen,,2024-03-05T00:00,5,JPY,1234,B,A,2024-03-04T09:10,P1\n"
        ",detour,,,,12.34,B,A,2024-03-04T09:11,P2\n"
    )
    assert found.amount.tolist() == [1234, 1234]
    assert found.currency.tolist() == ["JPY", "BYN"]
    assert (found.system.tolist(), found.route.tolist()) == ([1, 0], [-1, 1])
    assert (found.priority.tolist(), found.due_at[0]) == ([5, 0], local("2024-03-05"))
    assert found.due_at[1] == found.instructed_at[1]


def test_payments_are_in_order_of_instant_then_priority_then_file() -> None:
    rows = ["a,10:00,1", "b,09:30,0", "c,10:00,2", "d,10:00,1", "e,10:00,-3", "f,10:00,2"]
    parts = [row.split(",") for row in rows]
    text = "\n".join(f"{name},2024-03-04T{time},A,B,1,{priority}" for name, time, priority in parts)
    assert table(f"{HEADER},priority\n{text}\n").payment_id.tolist() == ["b", "c", "f", "a", "d", "e"]


def test_a_time_may_have_a_space_no_seconds_or_an_offset_of_its_own() -> None:
    times = ["2024-03-04 09:10", "2024-03-04T06:10Z", "2024-03-04 14:10:00+08:00", "2024-03-04T09:10:00.000"]
    text = "\n".join(f"{number},{time},A,B,1" for number, time in enumerate(times))
    assert set(table(f"{HEADER}\n{text}").instructed_at.tolist()) == {local("2024-03-04 09:10")}


def test_amounts_never_pass_through_binary_floats() -> None:
    setting = replace(SETTING, default_system="dinar")
    texts = ["96000000000000.001", "0.001", "0.1", "99999999999999.999", "1.2300000"]
    exact = [96000000000000001, 1, 100, 99999999999999999, 1230]
    # The last one is out of the ordinary, and makes all be read one by one.
    for count in (4, 5):
        rows = "\n".join(f"{number},2024-03-04T09:10,A,B,{texts[number]}" for number in range(count))
        assert table(f"{HEADER}\n{rows}", setting).amount.tolist() == exact[:count]


@pytest.mark.parametrize(
    ("marks", "ending"),
    [(b"", b"\n"), (b"\xef\xbb\xbf", b"\n"), (b"", b"\r\n"), (b"\xef\xbb\xbf", b"\r\n"), (b"", b"\r")],
)
def test_a_byte_order_mark_and_the_line_endings_of_any_editor_are_accepted(
    marks: bytes, ending: bytes
) -> None:
    lines = [HEADER, GOOD, "", '"P,2",2024-03-04T09:20,B,A,"1.00"', ""]
    for text in (lines, lines[:2]):
        found = table(marks + ending.join(line.encode() for line in text))
        assert found.payment_id.tolist() == ["P1", "P,2"][: len(found)]


def test_an_id_may_hold_quotes_commas_and_lines() -> None:
    found = table(f'{HEADER}\n"a ""b"", c\nd",2024-03-04T09:10,A,B,1\n')
    assert found.payment_id.tolist() == ['a "b", c\nd']


def test_a_header_alone_is_an_empty_period() -> None:
    for text in (HEADER, f"{HEADER}\n", f'"{HEADER}"'.replace(",", '","')):
        found = table(text)
        assert len(found) == 0
        assert found.amount.dtype == np.int64
    assert len(parquet_table({name: pa.array([], pa.string()) for name in HEADER.split(",")})) == 0


def test_a_row_on_a_route_needs_no_account_in_the_system() -> None:
    found = table(f"{HEADER},route\n{GOOD.replace(',B,', ',Central,')},direct\n")
    assert found.route.tolist() == [0]
    by_default = replace(SETTING, default_route="detour")
    assert table(f"{HEADER}\n{GOOD.replace(',B,', ',Central,')}\n", by_default).route.tolist() == [1]


def test_a_system_in_every_row_makes_up_for_none_in_the_scenario() -> None:
    setting = replace(SETTING, default_system=None)
    assert table(f"{HEADER},system\n{GOOD},rtgs\n", setting).system.tolist() == [0]


# What is refused, and where.

ROWS = {
    "P1,2024-03-04T09:10,A,B,0": "amount: an amount is more than zero, not '0'",
    "P1,2024-03-04T09:10,A,B,0.00": "amount: an amount is more than zero, not '0.00'",
    "P1,2024-03-04T09:10,A,B,-5": "amount: an amount is more than zero, not '-5'",
    "P1,2024-03-04T09:10,A,B,12.345": "amount: '12.345' has more than 2 decimals, the most BYN has",
    "P1,2024-03-04T09:10,A,B,NaN": "amount: 'NaN' is not an amount such as 1234.56",
    "P1,2024-03-04T09:10,A,B,1e3": "amount: '1e3' is not an amount such as 1234.56",
    "P1,2024-03-04T09:10,A,B,": "amount: '' is not an amount such as 1234.56",
    "P1,2024-03-04T09:10,A,B, 5": "amount: ' 5' is not an amount such as 1234.56",
    "P1,2024-03-04T09:10,A,B,5.": "amount: '5.' is not an amount such as 1234.56",
    "P1,2024-03-04T09:10,A,B,٣": "amount: '٣' is not an amount such as 1234.56",
    'P1,2024-03-04T09:10,A,B,"1,234.56"': "amount: '1,234.56' is not an amount such as 1234.56",
    "P1,2024-03-04T09:10,A,B,1000000000000000.01": (
        "amount: '1000000000000000.01' BYN is more than this simulator can count"
    ),
    "P1,2024-03-04T09:10,A,B,"
    + "9" * 5000: f"amount: '{'9' * 60}…' BYN is more than this simulator can count",
    "P1,2024-03-04T08:59:59,A,B,1": (
        "instructed_at: 2024-03-04T08:59:59 is not from 2024-03-04 09:00:00 to before 2024-03-04 17:00:00"
    ),
    "P1,2024-03-04T17:00,A,B,1": (
        "instructed_at: 2024-03-04T17:00 is not from 2024-03-04 09:00:00 to before 2024-03-04 17:00:00"
    ),
    "P1,2024-03-04,A,B,1": "instructed_at: '2024-03-04' is not a time such as 2024-03-04T09:10:00",
    "P1,04.03.2024 09:10,A,B,1": (
        "instructed_at: '04.03.2024 09:10' is not a time such as 2024-03-04T09:10:00"
    ),
    "P1,2024-03-04T24:00,A,B,1": (
        "instructed_at: '2024-03-04T24:00' is not a time such as 2024-03-04T09:10:00"
    ),
    "P1,2024-02-30T09:10,A,B,1": "instructed_at: '2024-02-30T09:10' is a day that does not exist",
    "P1,2024-03-04T09:10:00.5,A,B,1": (
        "instructed_at: '2024-03-04T09:10:00.5' has a fraction of a second; times are whole seconds"
    ),
    "P1,,A,B,1": "instructed_at: '' is not a time such as 2024-03-04T09:10:00",
    ",2024-03-04T09:10,A,B,1": "payment_id: a payment needs an id",
    "P1,2024-03-04T09:10,A,A,1": "payee_bank: a bank does not pay itself, and this is the payer's",
    "P1,2024-03-04T09:10,A,Centrl,1": "payee_bank: 'Centrl' holds no account; did you mean 'Central'?",
    "P1,2024-03-04T09:10,X,B,1": "payer_bank: 'X' holds no account",
    "P1,2024-03-04T09:10,,B,1": "payer_bank: a name is needed here",
    "P1,2024-03-04T09:10,A,Central,1": "payee_bank: 'Central' has no account in 'rtgs'",
    "P1,2024-03-04T09:10,Central,B,1": "payer_bank: 'Central' has no account in 'rtgs'",
    "P1,2024-03-04T09:10,A,B": "too few fields: 4, but 5 columns",
    "P1,2024-03-04T09:10,A,B,1,2": "too many fields: 6, but 5 columns",
    'P1,2024-03-04T09:10,A,B,"1"2': "text follows a closing quote; double a quote that is part of the text",
    '"P1,2024-03-04T09:10,A,B,1': "the quote opened on this line is never closed",
}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[:40])
def test_a_row_that_cannot_be_is_told_at_its_line(row: str) -> None:
    other = GOOD.replace("P1", "P2")
    assert refusal_of_rows(other, row) == [f"3: {ROWS[row]}"]


@pytest.mark.parametrize(
    ("more", "said", "problem"),
    [
        ("currency", "CNY", "currency: 'rtgs' settles BYN, not 'CNY'"),
        ("priority", "high", "priority: 'high' is not a whole number of up to 18 digits"),
        ("priority", "1.5", "priority: '1.5' is not a whole number of up to 18 digits"),
        ("due_at", "soon", "due_at: 'soon' is not a time such as 2024-03-04T09:10:00"),
        ("route", "detuor", "route: 'detuor' is not declared under 'routes'; did you mean 'detour'?"),
        ("system", "rtg", "system: 'rtg' is not declared under 'systems'; did you mean 'rtgs'?"),
    ],
)
def test_an_optional_column_is_held_to_its_meaning(more: str, said: str, problem: str) -> None:
    other = GOOD.replace("P1", "P2")
    assert refusal_of_rows(f"{other},", f"{GOOD},{said}", more=f",{more}") == [f"3: {problem}"]


def test_a_system_is_needed_in_the_scenario_or_in_the_row() -> None:
    setting = replace(SETTING, default_system=None)
    assert refusal_of_rows(f"{GOOD},", more=",system", setting=setting) == [
        "2: system: a name is needed here"
    ]
    assert refusal_of_rows(GOOD, setting=setting) == [
        "1: system: this column is missing, and the scenario names no system"
    ]


def test_the_decimals_of_an_amount_are_those_of_its_rows_system() -> None:
    assert refusal_of_rows(f"{GOOD},yen", f"{GOOD.replace('P1', 'P2')},dinar", more=",system") == [
        "2: amount: '12.34' has more than 0 decimals, the most JPY has"
    ]


def test_an_id_that_comes_again_is_told_with_both_lines() -> None:
    assert refusal_of_rows(GOOD, GOOD.replace("P1", "P2"), GOOD, GOOD) == [
        "4: payment_id: 'P1' stands here again; first on line 2",
        "5: payment_id: 'P1' stands here again; first on line 2",
    ]


def test_lines_are_those_of_an_editor_with_quoted_line_breaks_and_blank_lines() -> None:
    rows = ['"P\n\n1",2024-03-04T09:10,A,B,1', "", "P2,2024-03-04T09:10,A,B,x", '"P\r\n3",?,A,B,1']
    assert refusal_of_rows(*rows) == [
        "6: amount: 'x' is not an amount such as 1234.56",
        "7: instructed_at: '?' is not a time such as 2024-03-04T09:10:00",
    ]


def test_all_problems_are_told_at_once_in_the_order_of_the_lines() -> None:
    assert refusal_of_rows("P1,x,A,Q,y", "P2,1", "P1,2024-03-04T09:10,A,A,1") == [
        "2: instructed_at: 'x' is not a time such as 2024-03-04T09:10:00",
        "2: payee_bank: 'Q' holds no account",
        "2: amount: 'y' is not an amount such as 1234.56",
        "3: too few fields: 2, but 5 columns",
        "4: payment_id: 'P1' stands here again; first on line 2",
        "4: payee_bank: a bank does not pay itself, and this is the payer's",
    ]


def test_beyond_a_hundred_problems_the_others_are_counted() -> None:
    rows = [f"P{number},2024-03-04T09:10,A,Q,z" for number in range(1000)]
    told = refusal_of_rows(*rows)
    assert len(told) == MOST_TOLD + 1
    assert told[0].startswith("2: payee_bank")
    assert told[99].startswith("51: amount")
    assert told[100] == "and 1,900 more like these"


def test_names_of_columns_are_told_with_what_was_meant() -> None:
    assert refusal("payment_id,instructed_at,payer_bank,payee_bnak,amount,remark,amount\n") == [
        "1: payee_bnak: unknown column; did you mean 'payee_bank'?",
        "1: amount: this column stands here twice",
        "1: remark: unknown column",
        "1: payee_bank: this column is missing",
    ]


def test_columns_that_are_there_are_looked_at_even_if_another_is_missing() -> None:
    assert refusal("payment_id,instructed_at,payer_bank,amount\nP1,2024-03-04T09:10,Q,0\n") == [
        "1: payee_bank: this column is missing",
        "2: payer_bank: 'Q' holds no account",
        "2: amount: an amount is more than zero, not '0'",
    ]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "the file is empty; it begins with a line of column names"),
        (b"\n\n", "the file is empty; it begins with a line of column names"),
        (f"{HEADER}\n{GOOD}\n".encode("utf-16"), "the file is in UTF-16 or UTF-32; save it as UTF-8"),
        (f"{HEADER}\n{GOOD}\n".encode("utf-16-le"), "1: a zero byte; this is no text, or not in UTF-8"),
        (f"{HEADER}\n{GOOD}\0\n".encode(), "2: a zero byte; this is no text, or not in UTF-8"),
        (
            f"{HEADER}\r\n{GOOD}\r\nБанк".encode("cp1251"),
            "3: a byte that is not UTF-8; save the file as UTF-8",
        ),
        (f"{HEADER}\n".replace(",", ";").encode(), "1: the columns are separated by semicolons; use commas"),
        (b'"payment_id";"amount"\n', "1: the columns are separated by semicolons; use commas"),
        (f"{HEADER}\n".replace(",", "\t").encode(), "1: the columns are separated by tabs; use commas"),
        (b'"payment_id', "1: the quote opened on this line is never closed"),
        (
            f'{HEADER}\n"{"x" * 200_000}'.encode(),
            "2: a field of more than 131,072 characters; is a quote never closed?",
        ),
    ],
)
def test_a_file_of_another_form_is_told_as_such(data: bytes, problem: str) -> None:
    assert refusal(data) == [problem]


def test_a_folder_or_a_file_that_is_not_there_is_told() -> None:
    Path("folder.csv").mkdir()
    for name, reason in (("folder.csv", "it is a folder"), ("none.csv", "No such file or directory")):
        with pytest.raises(ScenarioError) as caught:
            read_payments(Path(name), SETTING)
        assert str(caught.value) == f"{name}: the file cannot be read: {reason}"


def test_amounts_that_no_total_could_hold_are_refused() -> None:
    rows = [f"{number},2024-03-04T09:10,A,B,{10**15}" for number in range(60)]
    assert refusal_of_rows(*rows) == ["amount: the amounts add up to more than can be counted"]


# Clocks.


def a_year(zone: ZoneInfo, year: int = 2010) -> Setting:
    start, end = (local(f"{first}-01-01", zone) for first in (year, year + 1))
    return replace(SETTING, zone=zone, period_start=start, end=end)


def test_a_local_time_that_clocks_skip_or_show_twice_is_refused() -> None:
    times = ["2010-03-28T02:30", "2010-10-31T02:30", "2010-10-31T02:30+02:00", "2010-10-31T03:00"]
    rows = [f"{number},{time},A,B,1" for number, time in enumerate(times)]
    skipped, twice = refusal_of_rows(*rows, setting=a_year(BERLIN))
    assert skipped == (
        "2: instructed_at: '2010-03-28T02:30' does not exist in Europe/Berlin: clocks are put forward over it"
    )
    assert twice == (
        "3: instructed_at: '2010-10-31T02:30' comes twice in Europe/Berlin: "
        "add the offset that is meant, such as +02:00"
    )


def test_clocks_put_back_over_midnight_make_the_evening_before_come_twice() -> None:
    # In 2010, St. John's went back from 00:01 on 7 November to 23:01 on the 6th.
    rows = ["1,2010-11-06T23:30,A,B,1", "2,2010-11-06T23:00,A,B,1"]
    (told,) = refusal_of_rows(*rows, setting=a_year(ST_JOHNS))
    assert told.startswith("2: instructed_at: '2010-11-06T23:30' comes twice in America/St_Johns")


@pytest.mark.parametrize("zone", [BERLIN, ST_JOHNS, MINSK], ids=str)
def test_every_half_hour_of_a_year_is_the_instant_that_clocks_showed(zone: ZoneInfo) -> None:
    setting = a_year(zone)
    every = range(setting.period_start, setting.end, 1800)
    shown = [datetime.fromtimestamp(at, zone).replace(tzinfo=None) for at in every]
    once = {clock for clock in shown if len({to_instant(clock.replace(fold=k), zone) for k in (0, 1)}) == 1}
    kept = [(at, clock) for at, clock in zip(every, shown, strict=True) if clock in once]
    rows = "\n".join(f"{at},{clock.isoformat()},A,B,1" for at, clock in kept)
    assert table(f"{HEADER}\n{rows}", setting).instructed_at.tolist() == [at for at, _ in kept]


# Parquet.


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
        pa.array([12, 5], pa.int32()),
        pa.array([Decimal("12.0000000000"), Decimal("5.25")], pa.decimal128(38, 10)),
        pa.array(["12.00", "5.25"]).dictionary_encode(),
    ],
    ids=lambda column: str(column.type),
)
def test_an_amount_may_be_of_any_type_that_is_exact_to_the_minor_unit(column: pa.Array) -> None:
    assert parquet_table(typed(amount=column)).amount.tolist()[0] == 1200


@pytest.mark.parametrize(
    ("column", "problem"),
    [
        (pa.array([12.0, 5.255]), "'5.255' has more than 2 decimals, the most BYN has"),
        (pa.array([12.0, 0.1 + 0.2]), "'0.30000000000000004' has more than 2 decimals, the most BYN has"),
        (pa.array([12.0, 2e12]), "'2e+12 as an inexact float' is not an amount such as 1234.56"),
        (pa.array([12.0, float("nan")]), "'nan as an inexact float' is not an amount such as 1234.56"),
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


# By chance.


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


IDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), min_size=1, max_size=8)
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
    for name in draw(st.lists(IDS, unique=True, max_size=12)):
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
        payment_id=np.array([row.payment_id for row in ordered], dtype=object),
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


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
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


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
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


@settings(max_examples=500)
@given(st.sampled_from(["", "a,b\n", '"a",b\r\n']), st.text('ab,,,\n\n\r"" é', max_size=30))
@example("a,b\n", '"x"y,z\n')
@example("a,b\n", 'x"y,"z\n')
def test_the_quick_reading_of_csv_is_the_careful_one_or_none(heading: str, rest: str) -> None:
    data = (heading + rest).encode()
    quick, careful = sound_csv(data), any_csv(data)
    if quick is not None:
        assert not careful.broken
        assert list(careful.names) == list(quick.names)
        assert {name: texts.to_pylist() for name, texts in quick.texts.items()} == {
            name: texts.to_pylist() for name, texts in careful.texts.items()
        }


NEAR_TIMES = st.from_regex(
    r"(2024|2010|1999|0000|3000)-(0[1-9]|1[0-3])-([0-3][0-9])[T t](0[0-9]|2[0-5]):[0-6][0-9](:[0-6][0-9])?"
    r"(\.0{1,3}|\.5)?(Z|z|[+-](0[0-9]|2[3-4]):?[0-6][0-9])?",
    fullmatch=True,
)
NEAR_AMOUNTS = st.from_regex(r"[+-]?[0-9]{0,20}(\.[0-9]{0,6})?(e[0-9])?", fullmatch=True)


@settings(max_examples=500)
@given(st.lists(NEAR_TIMES, min_size=1, max_size=3), st.sampled_from([BERLIN, MINSK, ST_JOHNS]))
def test_a_column_of_times_is_read_as_each_of_them_or_not_at_all(texts: list[str], zone: ZoneInfo) -> None:
    try:
        found = instants(pa.array(texts), zone).tolist()
    except ValueError:
        return
    assert found == [instant(text, zone) for text in texts]


@settings(max_examples=500)
@given(st.lists(st.tuples(NEAR_AMOUNTS, st.sampled_from(sorted(DIGITS))), min_size=1, max_size=3))
def test_a_column_of_amounts_is_read_as_each_of_them_or_not_at_all(rows: list[tuple[str, str]]) -> None:
    digits = np.array([DIGITS[currency] for _, currency in rows])
    try:
        found = amounts(pa.array([text for text, _ in rows]), digits).tolist()
    except ValueError:
        return
    assert found == [amount(text, currency) for text, currency in rows]


@given(st.lists(st.from_regex(r"[+-]?0?[0-9]{0,20}", fullmatch=True), min_size=1, max_size=3))
def test_a_column_of_whole_numbers_is_read_as_each_of_them_or_not_at_all(texts: list[str]) -> None:
    try:
        found = whole_numbers(pa.array(texts)).tolist()
    except ValueError:
        return
    assert found == [whole_number(text) for text in texts]


def problems_of(name: str) -> tuple[Problem, ...]:
    try:
        read_payments(Path(name), SETTING)
    except ScenarioError as error:
        return error.problems
    return ()


PIECES = [HEADER, GOOD, "system", "A", "1", ",", ";", '"', "\n", "\r\n", "\r", "\0", "\ufeff", "é", "2024-"]
CSV_BYTES = st.lists(st.sampled_from(PIECES), max_size=12).map(lambda parts: "".join(parts).encode())


@settings(max_examples=500, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(CSV_BYTES | st.binary(max_size=200) | CSV_BYTES.map(lambda data: data + b"\xff"))
def test_whatever_the_bytes_a_csv_file_is_read_or_refused(data: bytes) -> None:
    Path("payments.csv").write_bytes(data)
    assert all(len(str(problem).splitlines()) == 1 for problem in problems_of("payments.csv"))


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
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


# Where the file is sought.


class Toy(Declaration):
    """As much of a scenario as names systems, routes and own payments."""

    name: str = "toy"
    systems: dict[Name, str] = Field(default={})
    routes: dict[Name, str] = Field(default={})
    payments: OwnPayments | None = None


@pytest.fixture
def project(folder: Path) -> Path:
    (folder / "study" / "data").mkdir(parents=True)
    for name in ("study/data/payments.csv", "study/beside.csv", "here.csv"):
        (folder / name).write_text(f"{HEADER}\n", "utf-8")
    (folder / "study" / "base.yaml").write_text("payments: {file: data/payments.csv}\n", "utf-8")
    return folder


def file_of(source: str, *overrides: str) -> Path:
    declared = load_as(Toy, source, overrides).scenario.payments
    assert declared is not None
    assert type(declared.file) is str
    return Path(declared.file)


def file_refusal(text: str, *overrides: str) -> list[str]:
    Path("study/toy.yaml").write_text(text, "utf-8")
    with pytest.raises(ScenarioError) as caught:
        load_as(Toy, "study/toy.yaml", overrides)
    return [str(problem) for problem in caught.value.problems]


def test_a_file_is_sought_beside_the_scenario_that_names_it(project: Path) -> None:
    assert file_of("study/base.yaml") == project / "study/data/payments.csv"
    (project / "variant.yaml").write_text("extends: study/base.yaml\nname: variant\n", "utf-8")
    assert file_of("variant.yaml") == project / "study/data/payments.csv"
    (project / "variant.yaml").write_text("extends: study/base.yaml\npayments: {file: here.csv}\n", "utf-8")
    assert file_of("variant.yaml") == project / "here.csv"


def test_a_file_named_on_the_command_line_is_sought_in_the_current_folder(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert file_of("study/base.yaml", "payments.file=study/beside.csv") == project / "study/beside.csv"
    given_ = io.TextIOWrapper(io.BytesIO(b"payments: {file: here.csv}\n"), "utf-8")
    monkeypatch.setattr(sys, "stdin", given_)
    assert file_of("-") == project / "here.csv"


def test_a_resolved_scenario_names_the_same_file_wherever_it_lies(project: Path) -> None:
    toy = load_as(Toy, "study/base.yaml").scenario
    (project / "resolved.yaml").write_text(to_yaml(toy), "utf-8")
    assert load_as(Toy, "resolved.yaml").scenario == toy


@pytest.mark.usefixtures("project")
def test_a_file_that_cannot_be_read_is_told_where_it_is_named() -> None:
    os.mkfifo("study/pipe.csv")
    Path("study/loop.csv").symlink_to("loop.csv")
    at = "study/toy.yaml:1:18: payments.file"
    for name, message in {
        "besides.csv": "there is no file 'besides.csv'; did you mean 'beside.csv'?",
        "data/payment.csv": "there is no file 'data/payment.csv'; did you mean 'data/payments.csv'?",
        "nowhere/x.csv": "there is no file 'nowhere/x.csv'",
        "beside.csv/x": "the file 'beside.csv/x' cannot be read: Not a directory",
        "data": "'data' is a folder; a file is needed",
        "pipe.csv": "'pipe.csv' is a pipe or a device; a file is needed",
        "/dev/null": "'/dev/null' is a pipe or a device; a file is needed",
        "loop.csv": "the file 'loop.csv' cannot be read: Too many levels of symbolic links",
        '""': "'' is a folder; a file is needed",
        r'"a\0b"': "the file 'a\\x00b' cannot be read: embedded null byte",
        "7": "text is needed, found 7; put it in quotes",
    }.items():
        assert file_refusal(f"payments: {{file: {name}}}\n") == [f"{at}: {message}"]


@pytest.mark.usefixtures("project")
def test_a_missing_file_of_an_override_is_told_by_its_text() -> None:
    assert file_refusal("payments: {file: beside.csv}\n", "payments.file=heer.csv") == [
        "--set payments.file=heer.csv: payments.file: there is no file 'heer.csv'; did you mean 'here.csv'?"
    ]


@pytest.mark.usefixtures("project")
def test_the_system_and_the_route_of_own_payments_are_declared_ones() -> None:
    text = (
        "systems: {rtgs: x}\nroutes: {direct: x}\npayments: {file: beside.csv, system: rtg, route: dirct}\n"
    )
    assert file_refusal(text) == [
        "study/toy.yaml:3:38: payments.system: 'rtg' is not declared under 'systems'; did you mean 'rtgs'?",
        "study/toy.yaml:3:50: payments.route: 'dirct' is not declared under 'routes'; did you mean 'direct'?",
    ]
