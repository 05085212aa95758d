"""What a bank accepts by its cut-off has value on a promised day, and settles from that business day's opening on.

The plain model tells the same of each run.
"""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from agreement import assert_same_story
from builders import BEIJING, EXCHANGING, HOURS, MINSK, POST, Order, accounts, border, by_hand, declare, town
from happened import run, settled, when
from stays import spent

import sim
from sim.core.clock import DAY, HOUR, MINUTE
from sim.errors import ScenarioError

SETTLE = {"kind": "settle", "system": "gross"}
MOSCOW = ZoneInfo("Europe/Moscow")
YEAR = {"period": {"start": "2024-01-01 00:00", "end": "2025-01-20 00:00"}}
OFFICE = {"zone": "Europe/Minsk", "calendar": "belarus", "sessions": ["09:00-17:00"]}


def cutoff(closes: str = "11:00", zone: str = "Europe/Minsk", calendar: str = "belarus") -> dict[str, Any]:
    return {"zone": zone, "calendar": calendar, "sessions": [f"09:00-{closes}"]}


def value(hours: Any = None, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - parts of a promise
    return {"cutoff": hours or cutoff(), "calendars": ["belarus", "china"], **more}


def valued(
    promise: dict[str, Any],
    *steps: dict[str, Any],
    system: Any = "always",  # noqa: ANN401 - hours
    **more: Any,  # noqa: ANN401 - sections
) -> dict[str, Any]:
    """A town with one route that promises value dates."""
    sections = {
        "systems": {"gross": {"kind": "rtgs", "currency": "CNY", "hours": system}},
        "routes": {"direct": {"value": promise, "steps": [*(steps or [SETTLE]), POST]}},
    }
    return town({"a": "1000", "b": "0"}, **sections | YEAR | more)


def promised(declared: dict[str, Any], at: str, zone: ZoneInfo = MINSK) -> str:
    """The value date of a payment that is given at an instant."""
    return str(run(declared, Order(at, "a", "b", 1_00), zone=zone).value_date[0])


# The published cases, and others on days that are worked in one country only.


@pytest.mark.parametrize(
    ("given_at", "days", "expected"),
    [
        ("2024-04-26 12:00", 1, "2024-05-06"),
        # A Saturday that is worked in Russia; Sunday is worked in China.
        ("2024-04-27 12:00", 1, "2024-05-06"),
        ("2020-04-30 10:00:01", 0, "2020-05-06"),
        ("2020-04-30 10:00:00", 0, "2020-04-30"),
        ("2020-05-08 12:00", 0, "2020-05-12"),
        # In time on a day that only Russia works: the next joint day.
        ("2020-05-09 09:00", 0, "2020-05-12"),
    ],
)
def test_published_value_dates(given_at: str, days: int, expected: str) -> None:
    year = {"period": {"start": f"{given_at[:4]}-04-01 00:00", "end": f"{given_at[:4]}-06-01 00:00"}}
    closes = "18:00" if days else "10:00"
    hours = cutoff(closes, "Europe/Moscow", "russia")
    calendars = {"calendars": {"china": {"country": "CN"}, "russia": {"country": "RU"}}}
    told = value(hours, days=days, calendars=["russia", "china"])
    declared = valued(told, **year, **calendars)
    assert promised(declared, given_at, MOSCOW) == expected


@pytest.mark.parametrize(
    ("given_at", "days", "late", "expected"),
    [
        # Friday 3 May is a holiday in China, worked in Belarus; Monday 6 May is joint.
        ("2024-05-03 10:00", 0, 1, "2024-05-06"),
        ("2024-05-03 10:00", 1, 1, "2024-05-06"),
        ("2024-05-03 10:00", 2, 1, "2024-05-07"),
        ("2024-05-03 12:00", 0, 1, "2024-05-06"),
        ("2024-05-03 12:00", 0, 3, "2024-05-08"),
        # Sunday 28 April is worked in China alone: no session of the cut-off, so all is late.
        ("2024-04-28 09:30", 0, 2, "2024-04-30"),
        # Saturday 18 May is worked in Belarus alone: in time, and the next joint day.
        ("2024-05-18 10:00", 0, 5, "2024-05-20"),
        # Before the session begins is in time; so is the second of its end.
        ("2024-03-04 00:00", 0, 1, "2024-03-04"),
        ("2024-03-04 11:00:00", 0, 1, "2024-03-04"),
        ("2024-03-04 11:00:01", 0, 1, "2024-03-05"),
        # Over the year's end: 1 and 2 January are no joint days.
        ("2024-12-31 12:00", 0, 1, "2025-01-03"),
    ],
)
def test_value_dates_are_joint_days(given_at: str, days: int, late: int, expected: str) -> None:
    assert promised(valued(value(days=days, late=late)), given_at) == expected


def test_the_day_and_the_cutoff_count_in_the_zone_of_the_cutoff() -> None:
    promise = value(cutoff("18:00", "Asia/Shanghai", "china"))
    # Half past seven in the evening in Minsk is half past midnight in China.
    assert promised(valued(promise), "2024-03-04 19:30") == "2024-03-05"
    assert promised(valued(promise), "2024-03-04 18:30") == "2024-03-05"
    assert promised(valued(promise), "2024-03-04 12:30") == "2024-03-04"


def test_a_cutoff_that_the_timeline_moves_counts_as_it_is_then() -> None:
    declared = valued(
        value("orders"),
        hours={"orders": cutoff()},
        timeline=[
            {"kind": "hours", "hours": "orders", "sessions": ["09:00-15:00"], "from": "2024-03-05 00:00"}
        ],
    )
    assert promised(declared, "2024-03-04 14:00") == "2024-03-05"
    assert promised(declared, "2024-03-05 14:00") == "2024-03-05"


# Acceptance.


def test_what_comes_while_the_bank_is_shut_is_accepted_at_its_opening() -> None:
    banks = {bank: {"side": "town", "hours": OFFICE if bank == "a" else "always"} for bank in "ab"}
    records = run(valued(value(cutoff("10:00")), banks=banks), Order("2024-03-04 18:00", "a", "b", 1_00))
    assert when(int(records.accepted_at[0])) == "2024-03-05 09:00:00"
    assert records.value_date[0] == np.datetime64("2024-03-05")
    assert records.same_day[0]
    assert spent(records) == {"payer_bank": {"closed_hours": 15 * HOUR}}
    assert settled(records) == ["2024-03-05 09:00:00"]


def test_acceptance_and_work_of_the_payers_bank_are_one_stay() -> None:
    banks = {bank: {"side": "town", "hours": OFFICE if bank == "a" else "always"} for bank in "ab"}
    originate = {"kind": "originate", "work": {"kind": "fixed", "value": "30min"}}
    records = run(valued(value(), originate, SETTLE, banks=banks), Order("2024-03-04 18:00", "a", "b", 1_00))
    assert spent(records) == {"payer_bank": {"closed_hours": 15 * HOUR, "work": 30 * MINUTE}}


# What waits.


def test_work_and_messages_go_on_at_once_and_only_the_first_settlement_waits() -> None:
    message = {"kind": "message", "time": {"kind": "fixed", "value": "2h"}}
    originate = {"kind": "originate", "work": {"kind": "fixed", "value": "1h"}}
    declared = valued(value(), originate, message, SETTLE, SETTLE, system=HOURS["hvps"])
    records = run(declared, Order("2024-03-04 14:00", "a", "b", 1_00))
    # Late, so it has value on the 5th, whose business day begins in China on the evening of the 4th.
    assert settled(records, BEIJING) == ["2024-03-04 22:00:00"]
    assert spent(records) == {"payer_bank": {"work": HOUR}, "message": {"work": 2 * HOUR}}
    early = run(declared, Order("2024-03-04 11:30", "a", "b", 1_00))
    assert settled(early, BEIJING) == ["2024-03-04 20:30:00"]
    assert spent(early)["cut_off"] == {"closed_hours": HOUR}


def test_a_missed_value_date_takes_the_next_joint_day_and_keeps_its_own() -> None:
    originate = {"kind": "originate", "work": {"kind": "fixed", "value": "9h"}}
    declared = valued(value(), originate, SETTLE, system=OFFICE)
    # Ready as the business day of Tuesday 30 April ends; 1 to 5 May are holidays in China.
    records = run(declared, Order("2024-04-30 08:00", "a", "b", 1_00))
    assert records.value_missed[0]
    assert records.value_date[0] == np.datetime64("2024-04-30")
    assert settled(records) == ["2024-05-06 09:00:00"]
    # The rest of 30 April and the morning of 6 May, three weekdays, a weekend.
    assert spent(records)["cut_off"] == {
        "closed_hours": 7 * HOUR + 9 * HOUR,
        "closed_holiday": 3 * DAY,
        "closed_weekend": 2 * DAY,
    }
    in_time = run(declared, Order("2024-04-30 07:59:59", "a", "b", 1_00))
    assert not in_time.value_missed[0]
    assert settled(in_time) == ["2024-04-30 16:59:59"]


def test_a_system_without_that_business_day_takes_its_next_one() -> None:
    """Saturday 18 May is worked in Belarus, and the system keeps the Chinese calendar."""
    office = {**OFFICE, "calendar": "china"}
    declared = valued(value(calendars=["belarus"]), system=office)
    records = run(declared, Order("2024-05-18 10:00", "a", "b", 1_00))
    assert records.value_date[0] == np.datetime64("2024-05-18")
    assert settled(records) == ["2024-05-20 09:00:00"]
    assert not records.value_missed[0]
    # The rest of Saturday is joint, Sunday is not.
    assert spent(records)["cut_off"] == {"closed_hours": 14 * HOUR + 9 * HOUR, "closed_weekend": DAY}


def test_of_a_link_it_is_the_business_day_of_the_first_leg() -> None:
    """The other leg is open day and night, and its business day begins at midnight."""
    legs = {
        "first": {"kind": "rtgs", "currency": "CNY", "hours": {**OFFICE, "sessions": ["12:00-16:00"]}},
        "second": {"kind": "rtgs", "currency": "BYN", "hours": "always"},
    }
    declared = valued(
        value(),
        {"kind": "settle", "system": "link"},
        systems={**legs, "link": {"kind": "pvp", "legs": ["first", "second"]}},
        accounts=[*accounts({"a": "9", "b": "9"}, "first"), *accounts({"a": "9", "b": "9"}, "second")],
    )
    records = run(declared, Order("2024-03-04 11:30", "a", "b", 1_00))
    assert settled(records) == ["2024-03-05 12:00:00"]
    assert spent(records) == {"cut_off": {"closed_hours": 24 * HOUR + 30 * MINUTE}}


def test_an_outage_after_the_opening_is_an_outage_in_the_system() -> None:
    timeline = [
        {"kind": "outage", "system": "gross", "from": "2024-03-04 20:00", "to": "2024-03-05 12:00"},
    ]
    declared = valued(value(), system=OFFICE, timeline=timeline)
    records = run(declared, Order("2024-03-04 12:00", "a", "b", 1_00))
    assert settled(records) == ["2024-03-05 12:00:00"]
    assert spent(records) == {"cut_off": {"closed_hours": 21 * HOUR}, "system": {"outage": 3 * HOUR}}


def test_what_waits_for_its_day_as_its_bank_fails_stays_there() -> None:
    timeline = [{"kind": "failed_bank", "bank": "b", "at": "2024-03-04 20:00"}]
    declared = valued(
        value(), period={"start": "2024-03-04 00:00", "end": "2024-03-11 00:00"}, timeline=timeline
    )
    records = run(declared, Order("2024-03-04 12:00", "a", "b", 1_00))
    assert settled(records) == ["never"]
    assert spent(records) == {"cut_off": {"closed_hours": 8 * HOUR, "outage": 6 * DAY + 4 * HOUR}}


def test_who_pays_itself_waits_for_the_value_date_and_for_no_account() -> None:
    records = run(valued(value()), Order("2024-03-04 12:00", "a", "a", 1_00))
    assert settled(records) == ["2024-03-05 00:00:00"]


def test_an_empty_account_on_the_value_date_is_liquidity() -> None:
    declared = valued(value(), accounts=accounts({"a": "0", "b": "5"}))
    records = run(
        declared, Order("2024-03-04 12:00", "a", "b", 1_00), Order("2024-03-05 10:00", "b", "a", 1_00)
    )
    assert spent(records) == {"cut_off": {"closed_hours": 12 * HOUR}, "system": {"liquidity": 10 * HOUR}}


# By side, and with markets and returns.


def test_only_the_sides_that_are_named_are_promised_anything() -> None:
    routes = {"direct": {"value": {"west": value()}, "steps": EXCHANGING}}
    declared = border(
        "9", routes=routes, calendars={"china": {"country": "CN"}, "belarus": {"country": "BY"}}
    )
    west = run(declared, Order("2024-03-04 12:00", "west", "east", 1_00))
    assert str(west.value_date[0]) == "2024-03-05"
    east = run(declared, Order("2024-03-04 12:00", "east", "west", 1_00))
    assert np.isnat(east.value_date[0])
    assert settled(east) == ["2024-03-04 12:00:00"]
    assert when(int(east.accepted_at[0])) == "never"


def test_a_payment_that_is_ordered_again_has_another_value_date() -> None:
    screen = {
        "kind": "screen",
        "at": "payee_bank",
        "probability": 1,
        "work": {"kind": "fixed", "value": "1h"},
        "return_probability": 1,
        "return_after": {"kind": "fixed", "value": "1h"},
    }
    declared = valued(value(), SETTLE, screen)
    records, _ = assert_same_story(by_hand(declare(declared), Order("2024-03-04 10:00", "a", "b", 1_00)), {})
    # Back at noon, after the cut-off: settled on the 5th, and sent back for good.
    assert when(int(records.accepted_at[0])) == "2024-03-04 12:00:00"
    assert str(records.value_date[0]) == "2024-03-05"
    assert records.attempts[0] == 2


# What cannot be promised.


def refused(text: str) -> str:
    with pytest.raises(ScenarioError) as caught:
        sim.load("baseline", [text])
    return str(caught.value)


def test_a_promise_to_whoever_never_pays_there_is_refused() -> None:
    told = refused("routes.cny-to-belarus.value={belarus: {cutoff: yuan-orders, calendars: [china]}}")
    assert "carries payments of 'china' only, none of 'belarus'" in told


def test_a_route_has_one_cutoff() -> None:
    told = refused("routes.cny-to-china.steps.originate.accepts=belarus-office")
    assert "'value' has its cut-off" in told


@pytest.mark.parametrize(
    ("promise", "expected"),
    [
        ("{cutoff: yuan-orders}", "'calendars'"),
        ("{cutoff: yuan-order, calendars: [china]}", "did you mean 'yuan-orders'"),
        ("{cutoff: yuan-orders, calendars: [chin]}", "did you mean 'china'"),
        ("{cutoff: yuan-orders, calendars: []}", "calendars"),
        ("{cutoff: yuan-orders, calendars: [china], late: 0}", "late"),
        ("{chin: {cutoff: yuan-orders, calendars: [china]}}", "did you mean 'china'"),
        ("{china: {cutof: yuan-orders, calendars: [china]}}", "did you mean 'cutoff'"),
        ("{}", "value"),
    ],
)
def test_what_is_wrong_with_a_promise_is_told_at_its_place(promise: str, expected: str) -> None:
    assert expected in refused(f"routes.cny-to-belarus.value={promise}")
