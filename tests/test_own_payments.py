"""A user's payments are read exactly as written, at the instants that local clocks showed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from own_files import (
    BERLIN,
    GOOD,
    HEADER,
    MINSK,
    SETTING,
    ST_JOHNS,
    a_year,
    local,
    refusal_of_rows,
    table,
)

from sim.core.clock import to_instant

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

pytestmark = pytest.mark.usefixtures("folder")


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


def test_a_row_on_a_route_needs_no_account_in_the_system() -> None:
    found = table(f"{HEADER},route\n{GOOD.replace(',B,', ',Central,')},direct\n")
    assert found.route.tolist() == [0]
    by_default = replace(SETTING, default_route="detour")
    assert table(f"{HEADER}\n{GOOD.replace(',B,', ',Central,')}\n", by_default).route.tolist() == [1]


def test_a_system_in_every_row_makes_up_for_none_in_the_scenario() -> None:
    setting = replace(SETTING, default_system=None)
    assert table(f"{HEADER},system\n{GOOD},rtgs\n", setting).system.tolist() == [0]


# Clocks.


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


# Routes.

ROUTED = replace(
    SETTING,
    default_system=None,
    systems_of_route={"direct": {"rtgs"}, "detour": {"yen", "rtgs"}},
    currencies_of_route={"direct": ("BYN",), "detour": ("JPY",)},
)


def test_rows_that_name_a_route_need_no_system() -> None:
    found = table(
        f"{HEADER},route\n{GOOD},direct\n{GOOD.replace('P1', 'P2').replace('12.34', '7')},detour", ROUTED
    )
    assert found.currency.tolist() == ["BYN", "JPY"]
    assert found.amount.tolist() == [1234, 7]
    assert (found.route.tolist(), found.system.tolist()) == ([0, 1], [-1, -1])
    by_default = replace(ROUTED, default_route="direct")
    assert table(f"{HEADER}\n{GOOD}", by_default).currency.tolist() == ["BYN"]


def test_a_row_names_a_system_or_a_route() -> None:
    assert refusal_of_rows(
        f"{GOOD},direct", f"{GOOD.replace('P1', 'P2')},", more=",route", setting=ROUTED
    ) == ["3: system: this row names neither a system nor a route"]


def test_the_system_of_a_row_lies_on_its_route() -> None:
    rows = [f"{GOOD},rtgs,direct", f"{GOOD.replace('P1', 'P2')},yen,direct"]
    assert refusal_of_rows(*rows, more=",system,route", setting=ROUTED) == [
        "3: system: 'direct' does not pass 'yen'"
    ]
    assert table(f"{HEADER},system,route\n{rows[0]}", ROUTED).currency.tolist() == ["BYN"]


def test_the_usual_system_is_not_forced_on_a_route_that_does_not_pass_it() -> None:
    found = table(
        f"{HEADER},route\n{GOOD.replace('12.34', '7')},detour", replace(ROUTED, default_system="dinar")
    )
    assert (found.currency.tolist(), found.amount.tolist()) == (["JPY"], [7])


def test_the_currency_of_a_row_is_one_of_its_route() -> None:
    assert refusal_of_rows(f"{GOOD},direct,JPY", more=",route,currency", setting=ROUTED) == [
        "2: currency: 'direct' settles BYN, not 'JPY'"
    ]
    torn = replace(ROUTED, currencies_of_route={"direct": ()})
    assert refusal_of_rows(f"{GOOD},direct", more=",route", setting=torn) == [
        "2: route: the systems of 'direct' have no currency in common"
    ]
