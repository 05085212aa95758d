"""What waits for an opening moves when it comes, and what the end finds undone counts until then."""

from __future__ import annotations

from typing import Any

import pytest
from builders import (
    BEIJING,
    HOURS,
    POST,
    Order,
    declare,
    instant,
    town,
)
from happened import run, settled
from stays import seconds

from sim.core.clock import DAY, HOUR, MINUTE, NEVER
from sim.world.build import build_world


def open_in(hours: dict[str, Any], **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - sections
    return town(
        {"a": "1000", "b": "0"},
        systems={"gross": {"kind": "rtgs", "currency": "CNY", "hours": hours}},
        **changes,
    )


def test_a_payment_at_the_closing_instant_waits_for_the_next_session() -> None:
    hours = {"zone": "Asia/Shanghai", "sessions": ["09:00-17:00"]}
    records = run(
        open_in(hours),
        Order("2024-03-04 16:59:59", "a", "b", 1_00),
        Order("2024-03-04 17:00", "a", "b", 1_00),
        Order("2024-03-08 17:00", "a", "b", 1_00),
        zone=BEIJING,
    )
    assert settled(records, BEIJING) == ["2024-03-04 16:59:59", "2024-03-05 09:00:00", "never"]
    assert seconds(records, "closed_hours")[:2] == [0, 16 * HOUR]


@pytest.mark.parametrize(
    ("given_at", "settles"),
    [
        ("2024-06-18 17:14:59", "2024-06-18 17:14:59"),
        ("2024-06-18 17:20", "2024-06-18 20:30:00"),
        # Friday evening belongs to Monday, whose session opens on Sunday.
        ("2024-06-21 17:20", "2024-06-23 20:30:00"),
        # Monday 7 October is the last day of the holidays, and the eve of the first working day.
        ("2024-09-30 17:20", "2024-10-07 20:30:00"),
        # Saturday 12 October is a working day by decree.
        ("2024-10-11 17:20", "2024-10-11 20:30:00"),
    ],
)
def test_hvps_opens_on_the_eve_of_a_working_day(given_at: str, settles: str) -> None:
    period = {"start": "2024-06-01 00:00", "end": "2024-11-01 00:00"}
    records = run(open_in(HOURS["hvps"], period=period), Order(given_at, "a", "b", 1_00), zone=BEIJING)
    assert settled(records, BEIJING) == [settles]


def test_an_order_after_the_cut_off_is_taken_up_at_the_next_opening_and_worked_on_in_the_bank_s_hours() -> (
    None
):
    office = {"zone": "Europe/Minsk", "sessions": ["09:00-17:30"]}
    orders = {"zone": "Europe/Minsk", "sessions": ["09:00-11:00"]}
    originate = {"kind": "originate", "accepts": orders, "work": {"kind": "fixed", "value": "8h"}}
    banks = {bank: {"side": "town", "hours": office} for bank in "ab"}
    steps = [originate, {"kind": "settle", "system": "gross"}, POST]
    records = run(
        town({"a": "100", "b": "0"}, banks=banks, routes={"direct": {"steps": steps}}),
        Order("2024-03-04 10:30", "a", "b", 1_00),
        Order("2024-03-04 11:00", "a", "b", 1_00),
    )
    # Seven hours of work on the first day and one on the second; for the other order, all eight.
    assert settled(records) == ["2024-03-05 10:00:00", "2024-03-05 17:00:00"]
    assert seconds(records, "work") == [8 * HOUR, 8 * HOUR]
    assert seconds(records, "closed_hours") == [15 * HOUR + 30 * MINUTE, 22 * HOUR]


def test_what_is_not_done_at_the_end_counts_until_the_end() -> None:
    slow = {
        "kind": "screen",
        "at": "payee_bank",
        "probability": 1,
        "work": {"kind": "fixed", "value": "900h"},
    }
    records = run(
        town(
            {"a": "100", "b": "0"},
            routes={"direct": {"steps": [{"kind": "settle", "system": "gross"}, slow, POST]}},
        ),
        Order("2024-03-09 00:00", "a", "b", 1_00),
    )
    assert settled(records) == ["2024-03-09 00:00:00"]
    assert records.credited_at.tolist() == [NEVER]
    assert seconds(records, "work") == [2 * DAY]


def test_a_payment_due_at_the_end_is_not_made() -> None:
    records = run(
        town({"a": "100", "b": "0"}),
        Order("2024-03-10 23:59:59", "a", "b", 1_00),
        Order("2024-03-11 00:00", "a", "b", 1_00),
    )
    assert settled(records) == ["2024-03-10 23:59:59", "never"]
    assert instant("2024-03-11 00:00") == build_world(declare(town({"a": "0"}))).window.end
