"""Each second of delay has its place and its reason: one thing at a time delays, and is told by its name.

The plain model tells the same of each of these scenarios.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from agreement import assert_same_story
from builders import BEIJING, EXCHANGING, HOURS, MINSK, POST, Order, accounts, border, by_hand, declare, town
from happened import run, when
from stays import spent

from sim.core.causes import PLACES
from sim.core.clock import DAY, HOUR, MINUTE
from sim.results.execute import execute

if TYPE_CHECKING:
    from sim.engine.records import Records

SETTLE = {"kind": "settle", "system": "gross"}
#: Nine to five in Minsk, by the Belarusian calendar.
OFFICE = {"zone": "Europe/Minsk", "calendar": "belarus", "sessions": ["09:00-17:00"]}
#: In Minsk by the Chinese calendar, by which Friday 8 March 2024 is no holiday.
CHINA_DAY = {"zone": "Europe/Minsk", "calendar": "china", "sessions": ["11:00-17:00"]}
EVENING = {**OFFICE, "sessions": ["22:00-23:00"]}
YEAR = {"period": {"start": "2024-01-01 00:00", "end": "2025-01-20 00:00"}}


def gross(hours: Any = OFFICE, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - parts of a system
    """One system in some hours."""
    return {"systems": {"gross": {"kind": "rtgs", "currency": "CNY", "hours": hours, **more}}}


def route(*steps: dict[str, Any]) -> dict[str, Any]:
    """The only route."""
    return {"routes": {"direct": {"steps": [*steps, POST]}}}


def one(
    declared: dict[str, Any], at: str, *others: Order, zone: ZoneInfo = MINSK
) -> dict[str, dict[str, int]]:
    """Where and why the first of some orders, from a to b, spent its time."""
    return spent(run(declared, Order(at, "a", "b", 1_00), *others, zone=zone))


def hours_of(told: dict[str, int]) -> dict[str, float]:
    return {reason: seconds / HOUR for reason, seconds in told.items()}


def fixed(text: str) -> dict[str, Any]:
    return {"kind": "fixed", "value": text}


# Work and staff.


def review(**more: Any) -> dict[str, Any]:  # noqa: ANN401 - parts of a step
    return {"kind": "screen", "at": "payee_bank", "probability": 1, "work": fixed("2h"), **more}


def test_a_constant_desk_is_work_at_the_review() -> None:
    told = one(town({"a": "9", "b": "0"}, **route(SETTLE, review())), "2024-03-04 10:00")
    assert told == {"review": {"work": 2 * HOUR}}


def test_who_waits_for_an_analyst_waits_for_staff_while_the_desk_is_open() -> None:
    desks = {"desks": {"desk": {"bank": "b", "staff": 1, "hours": OFFICE}}}
    declared = town({"a": "9", "b": "0"}, **desks, **route(SETTLE, review()))
    records = run(
        declared, Order("2024-03-04 14:30", "a", "b", 1_00), Order("2024-03-04 14:30", "a", "b", 1_00)
    )
    assert spent(records, 0) == {"review": {"work": 2 * HOUR}}
    # The analyst is free at half past four; the night comes in between.
    assert spent(records, 1) == {"review": {"staff": 2 * HOUR, "work": 2 * HOUR, "closed_hours": 16 * HOUR}}


def test_banks_work_at_their_own_place_and_a_message_is_under_way() -> None:
    steps = [
        {"kind": "originate", "work": fixed("1h")},
        {"kind": "message", "time": fixed("30min")},
        SETTLE,
        {"kind": "post", "work": fixed("3h")},
    ]
    told = one(town({"a": "9", "b": "0"}, routes={"direct": {"steps": steps}}), "2024-03-09 23:00")
    assert told == {
        "payer_bank": {"work": HOUR},
        "message": {"work": 30 * MINUTE},
        "payee_bank": {"work": 3 * HOUR},
    }


def test_an_order_lies_at_the_cut_off_until_its_window_and_then_at_the_bank_until_that_opens() -> None:
    window = {"zone": "Europe/Minsk", "sessions": ["07:00-11:00"]}
    banks = {bank: {"side": "town", "hours": OFFICE} for bank in "ab"}
    originate = {"kind": "originate", "accepts": window, "work": fixed("1h")}
    told = one(town({"a": "9", "b": "0"}, banks=banks, **route(originate, SETTLE)), "2024-03-04 11:00")
    assert told == {
        "cut_off": {"closed_hours": 20 * HOUR},
        "payer_bank": {"closed_hours": 2 * HOUR, "work": HOUR},
    }


# Shut.

SHUT = {
    "a night": ("2024-03-04 17:30", {"closed_hours": 15.5}),
    "a weekend": ("2024-03-15 17:30", {"closed_hours": 15.5, "closed_weekend": 48}),
    "a holiday before a weekend": (
        "2024-03-07 17:30",
        {"closed_hours": 15.5, "closed_weekend": 48, "closed_holiday": 24},
    ),
    # Christmas is a Sunday; Monday 8 January is worked.
    "a holiday on a weekend": ("2024-01-05 17:30", {"closed_hours": 15.5, "closed_weekend": 48}),
    # Saturday 18 May is worked for Monday the 13th.
    "a moved working Saturday": ("2024-05-17 17:30", {"closed_hours": 15.5}),
    # Monday 13 May is off for it, and Tuesday the 14th is Radunitsa.
    "a day off and a holiday": (
        "2024-05-10 17:30",
        {"closed_hours": 15.5, "closed_weekend": 48, "closed_holiday": 48},
    ),
    # The 1st and 2nd of January are holidays, a Wednesday and a Thursday.
    "the end of a year": ("2024-12-31 17:30", {"closed_hours": 15.5, "closed_holiday": 48}),
}


@pytest.mark.quick
@pytest.mark.parametrize("what", SHUT)
def test_a_shut_system_is_closed_by_its_own_local_day(what: str) -> None:
    at, expected = SHUT[what]
    told = one(town({"a": "9", "b": "0"}, **gross(), **YEAR), at)
    assert {place: hours_of(reasons) for place, reasons in told.items()} == {"system": expected}


@pytest.mark.parametrize("at", ["2024-03-29 18:00", "2024-10-25 18:00"])
def test_a_day_of_23_or_25_hours_is_one_of_so_many(at: str) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    office = {"zone": "Europe/Berlin", "calendar": "weekdays", "sessions": ["09:00-18:00"]}
    told = one(town({"a": "9", "b": "0"}, **gross(office), **YEAR), at, zone=berlin)
    weekend = 47 if "03-" in at else 49
    assert hours_of(told["system"]) == {"closed_hours": 15, "closed_weekend": weekend}


def test_a_session_on_the_eve_makes_no_working_day() -> None:
    told = one(town({"a": "9", "b": "0"}, **gross(HOURS["hvps"])), "2024-03-08 17:15", zone=BEIJING)
    assert hours_of(told["system"]) == {"closed_hours": 6.75, "closed_weekend": 24 + 20.5}


def test_the_timeline_makes_working_days_and_takes_them_away() -> None:
    hours = {"hours": {"office": OFFICE}}
    service = {"kind": "service_days", "hours": ["office"], "days": ["2024-03-08"]}
    other = {"kind": "hours", "hours": "office", "from": "2024-03-05", "to": "2024-03-07", "calendar": "rest"}
    calendars = {
        "calendars": {"belarus": {"country": "BY"}, "rest": {"country": "BY", "closed": ["2024-03-06"]}}
    }
    declared = town({"a": "9", "b": "0"}, **gross("office"), **hours, **calendars, timeline=[service, other])
    records = run(declared, Order("2024-03-05 17:00", "a", "b", 1), Order("2024-03-07 17:00", "a", "b", 1))
    assert hours_of(spent(records, 0)["system"]) == {"closed_hours": 16, "closed_holiday": 24}
    assert hours_of(spent(records, 1)["system"]) == {"closed_hours": 16}


# Money.


def test_an_empty_account_is_liquidity_at_night_too() -> None:
    declared = town({"a": "0", "b": "9"}, **gross())
    told = one(declared, "2024-03-04 16:00", Order("2024-03-05 10:00", "b", "a", 1_00))
    assert told == {"system": {"liquidity": 18 * HOUR}}


def netted(cap: str | None = None) -> dict[str, Any]:
    """Netting at noon; who cannot cover its net debit is put off."""
    holders = accounts({"a": "2", "b": "9"})
    if cap is not None:
        holders[0]["net_debit_cap"] = cap
    return {**gross("always", kind="dns", cycles=["12:00"]), "accounts": holders}


def test_who_waits_for_a_cycle_waits_for_netting() -> None:
    assert one(town({"a": "", "b": ""}, **netted()), "2024-03-04 10:00") == {"system": {"netting": 2 * HOUR}}


def test_a_net_debit_that_is_put_off_waits_for_liquidity_from_the_missed_cycle_on() -> None:
    records = run(
        town({"a": "", "b": ""}, **netted()),
        Order("2024-03-04 10:00", "a", "b", 3_00),
        Order("2024-03-05 09:00", "b", "a", 1_00),
    )
    assert spent(records) == {"system": {"netting": 2 * HOUR, "liquidity": DAY}}


def test_who_is_above_a_cap_waits_for_liquidity_until_it_is_accepted() -> None:
    records = run(
        town({"a": "", "b": ""}, **netted(cap="1")),
        Order("2024-03-04 08:00", "a", "b", 2_00),
        Order("2024-03-04 09:00", "b", "a", 1_00),
    )
    assert spent(records) == {"system": {"liquidity": HOUR, "netting": 3 * HOUR}}


# What is out.


def out(since: str, until: str, **target: str) -> dict[str, Any]:
    return {"timeline": [{"kind": "outage", "from": since, "to": until, **target}]}


@pytest.mark.parametrize(
    ("at", "until", "expected"),
    [
        ("2024-03-05 10:00", "2024-03-05 12:00", {"outage": 2}),
        # Beyond closing time the night is the outage's, too.
        ("2024-03-05 10:00", "2024-03-06 10:00", {"outage": 24}),
        # Who comes at night waits for the opening that there would have been, and from then on for the outage.
        ("2024-03-05 20:00", "2024-03-06 10:00", {"closed_hours": 13, "outage": 1}),
        ("2024-03-05 20:00", "2024-03-06 08:00", {"closed_hours": 13}),
    ],
)
def test_an_outage_is_told_where_it_would_have_been_open_without_it(
    at: str, until: str, expected: dict[str, float]
) -> None:
    told = one(town({"a": "9", "b": "0"}, **gross(), **out("2024-03-05 10:00", until, system="gross")), at)
    assert {place: hours_of(reasons) for place, reasons in told.items()} == {"system": expected}


@pytest.mark.parametrize(
    ("failed", "place"), [("2024-03-04 08:00", "payer_bank"), ("2024-03-05 11:00", "system")]
)
def test_what_a_failed_bank_stops_is_outage_to_the_end(failed: str, place: str) -> None:
    failure = {"timeline": [{"kind": "failed_bank", "at": failed, "bank": "b"}]}
    told = one(town({"a": "0", "b": "9"}, **failure), "2024-03-05 10:00")
    rest = {"outage": 5 * DAY + 14 * HOUR}
    if place == "system":
        rest = {"liquidity": HOUR, "outage": rest["outage"] - HOUR}
    assert told == {place: rest}


def test_after_a_failure_nights_are_an_outage_too_and_work_ends_with_the_bank() -> None:
    failure = {"timeline": [{"kind": "failed_bank", "at": "2024-03-05 16:30", "bank": "b"}]}
    banks = {bank: {"side": "town", "hours": OFFICE} for bank in "ab"}
    steps = [SETTLE, {"kind": "post", "work": fixed("4h")}]
    declared = town({"a": "9", "b": "0"}, banks=banks, routes={"direct": {"steps": steps}}, **failure)
    rest = 5 * DAY + 7 * HOUR + 30 * MINUTE
    assert one(declared, "2024-03-05 15:00") == {"payee_bank": {"work": 90 * MINUTE, "outage": rest}}
    assert one(declared, "2024-03-04 16:00") == {"payee_bank": {"work": 4 * HOUR, "closed_hours": 16 * HOUR}}


@pytest.mark.parametrize(
    ("failed", "expected"),
    [
        ("2024-03-04 20:00", {"closed_hours": 3, "outage": 148}),
        ("2024-03-04 10:00", {"outage": 151}),
        ("2024-03-05 08:00", {"closed_hours": 15, "outage": 136}),
    ],
)
def test_who_waits_for_a_system_when_a_bank_fails_waits_because_of_that(
    failed: str, expected: dict[str, float]
) -> None:
    declared = town(
        {"a": "9", "b": "9", "c": "9"},
        **gross(),
        routes={"direct": {"steps": [{**SETTLE, "credit": "c"}, {**SETTLE, "debit": "c"}, POST]}},
        timeline=[{"kind": "failed_bank", "at": failed, "bank": "c"}],
    )
    assert hours_of(one(declared, "2024-03-04 17:00")["system"]) == expected


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        # Without the outage it would have been done before closing: the night is the outage's, too.
        ("2024-03-05 10:00", {"work": 1, "outage": 24}),
        # Half of it would have been left for the next day, and the night in between closed.
        ("2024-03-05 16:30", {"work": 1, "closed_hours": 16, "outage": 1.5}),
    ],
)
def test_an_office_that_is_out_rests_at_night_if_work_would_have(at: str, expected: dict[str, float]) -> None:
    banks = {bank: {"side": "town", "hours": OFFICE} for bank in "ab"}
    steps = [{"kind": "originate", "work": fixed("1h")}, SETTLE]
    hours = out("2024-03-05 10:00", "2024-03-06 10:00", bank="a")
    told = one(town({"a": "9", "b": "0"}, banks=banks, **hours, **route(*steps)), at)
    assert hours_of(told["payer_bank"]) == expected


def test_work_that_an_outage_interrupts_is_told_as_far_as_it_went() -> None:
    """From noon to one, and from three to four, when the run ends."""
    period = {"period": {"start": "2024-03-04 00:00", "end": "2024-03-04 16:00"}}
    steps = [{"kind": "originate", "work": fixed("5h")}, SETTLE, POST]
    hours = out("2024-03-04 13:00", "2024-03-04 15:00", bank="a")
    declared = town({"a": "9", "b": "0"}, **period, **hours, routes={"direct": {"steps": steps}})
    assert one(declared, "2024-03-04 12:00") == {"payer_bank": {"work": 2 * HOUR, "outage": 2 * HOUR}}


# Currency.


def crossing(hours: dict[str, Any], **quote: Any) -> dict[str, Any]:  # noqa: ANN401 - parts of a quote
    pairs = {"CNY/BYN": {"spread_bps": 0, **quote}}
    return border(
        "100", {"hours": hours, "pairs": pairs, "delivery": "1h"}, routes={"direct": {"steps": EXCHANGING}}
    )


def west(records: Records) -> dict[str, dict[str, float]]:
    return {place: hours_of(reasons) for place, reasons in spent(records).items()}


def test_who_comes_to_a_shut_market_waits_for_it_and_then_for_the_currency() -> None:
    records = run(crossing(OFFICE), Order("2024-03-04 20:00", "west", "east", 1_00))
    assert west(records) == {"market": {"closed_hours": 13, "currency": 1}}


def test_a_night_between_two_parts_waits_for_currency() -> None:
    records = run(crossing(OFFICE, depth="3"), Order("2024-03-04 20:00", "west", "east", 5_00))
    assert west(records) == {"market": {"closed_hours": 13, "currency": 25}}


def test_a_market_that_is_out_is_an_outage() -> None:
    declared = crossing(OFFICE) | out("2024-03-05 08:00", "2024-03-05 11:00", market="exchange")
    records = run(declared, Order("2024-03-04 20:00", "west", "east", 1_00))
    assert west(records) == {"market": {"closed_hours": 13, "outage": 2, "currency": 1}}


def vehicle(home: dict[str, Any], abroad: dict[str, Any], **direct: Any) -> dict[str, Any]:  # noqa: ANN401 - a market
    """The west crosses the Russian rouble, or buys directly where it can."""
    declared = border("100", routes={"direct": {"steps": EXCHANGING}})
    quote = {"spread_bps": 0}
    declared["markets"] = {
        "home": {"hours": home, "pairs": {"RUB/BYN": quote}},
        "abroad": {"hours": abroad, "pairs": {"CNY/RUB": quote}},
        **({"straight": {**direct, "pairs": {"CNY/BYN": quote}}} if direct else {}),
    }
    west = {"markets": list(declared["markets"]), "vehicles": ["RUB"]}
    declared["sides"]["west"] = {**declared["sides"]["west"], **west}
    declared["fx"] = {"kind": "constant", "rates": {"BYN": "3.2", "CNY": "7.25", "RUB": "90"}}
    return {**declared, "period": {"start": "2024-03-04 00:00", "end": "2024-03-18 00:00"}}


def test_of_two_markets_of_a_cross_the_one_that_opens_last_counts() -> None:
    # 8 March, a Friday, is a holiday in Belarus; both open on Monday, the one abroad at eleven.
    on_holiday = run(vehicle(OFFICE, CHINA_DAY), Order("2024-03-08 12:00", "west", "east", 1_00))
    assert west(on_holiday) == {"market": {"closed_holiday": 5, "closed_hours": 7 + 11, "closed_weekend": 48}}


def test_of_two_ways_to_a_currency_the_one_that_opens_first_counts() -> None:
    late = {**CHINA_DAY, "sessions": ["16:00-17:00"]}
    straight = {"hours": late}
    records = run(vehicle(OFFICE, OFFICE, **straight), Order("2024-03-08 17:00", "west", "east", 1_00))
    # The cross opens first, on Monday at nine: Friday is a holiday for it, and none for the direct market.
    assert west(records) == {"market": {"closed_holiday": 7, "closed_hours": 9, "closed_weekend": 48}}


# What comes back, and what is linked.


def test_an_attempt_that_came_back_is_one_stay_for_one_reason() -> None:
    screen = review(return_probability=1, return_after=fixed("1d"), correction=fixed("3h"), attempts=2)
    declared = town({"a": "9", "b": "0"}, **route(SETTLE, screen))
    world = by_hand(declare(declared), Order("2024-03-04 10:00", "a", "b", 1_00))
    records, _ = assert_same_story(world, {})
    rows = records.stays
    assert [list(PLACES)[place] for place in rows.place] == ["back", "back"]
    assert rows.attempt.tolist() == [1, 2]
    assert rows.step.tolist() == [-1, -1]
    # Two hours of review, a day, three hours of correction; then to the end.
    assert [when(at) for at in rows.began_at] == ["2024-03-04 10:00:00", "2024-03-05 15:00:00"]
    assert [when(at) for at in rows.ended_at] == ["2024-03-05 15:00:00", "2024-03-11 00:00:00"]
    assert spent(records) == {"back": {"returned": 6 * DAY + 14 * HOUR}}


def linked(one_leg: Any, other_leg: Any) -> dict[str, Any]:  # noqa: ANN401 - hours
    """A link between a yuan and a rouble system."""
    systems = {
        "yuan": {"kind": "rtgs", "currency": "CNY", "hours": one_leg},
        "rouble": {"kind": "rtgs", "currency": "BYN", "hours": other_leg},
        "link": {"kind": "pvp", "legs": ["yuan", "rouble"]},
    }
    holders = [*accounts({"a": "9", "b": "9"}, "yuan"), *accounts({"a": "9", "b": "9"}, "rouble")]
    return town(
        {"a": "", "b": ""}, systems=systems, accounts=holders, **route({"kind": "settle", "system": "link"})
    )


LINKS = {
    # The one that opens last, at eleven, keeps its calendar: a night.
    "opens last": ("2024-03-04 18:00", CHINA_DAY, OFFICE, {"closed_hours": 17}),
    # Shut until Monday by the Belarusian holiday; on Monday from nine to eleven by the Chinese morning.
    "rests longer": (
        "2024-03-07 18:00",
        CHINA_DAY,
        {**OFFICE, "sessions": ["12:00-17:00"]},
        {"closed_hours": 6 + 12, "closed_holiday": 24, "closed_weekend": 48},
    ),
    # While the Chinese leg is open the Belarusian one is on holiday; after that the Chinese one opens last.
    "on holiday": (
        "2024-03-08 12:00",
        CHINA_DAY,
        OFFICE,
        {"closed_holiday": 5, "closed_hours": 7 + 11, "closed_weekend": 48},
    ),
    # Both open at nine: the first that is declared counts, for which Friday is worked.
    "declared first": (
        "2024-03-08 18:00",
        {**CHINA_DAY, "sessions": ["09:00-17:00"]},
        OFFICE,
        {"closed_hours": 15, "closed_weekend": 48},
    ),
    "declared second": (
        "2024-03-08 18:00",
        OFFICE,
        {**CHINA_DAY, "sessions": ["09:00-17:00"]},
        {"closed_hours": 9, "closed_holiday": 6, "closed_weekend": 48},
    ),
}


@pytest.mark.parametrize("what", LINKS)
def test_of_two_legs_the_one_that_opens_last_counts_or_else_the_first(what: str) -> None:
    at, first, second, expected = LINKS[what]
    declared = {**linked(first, second), "period": {"start": "2024-03-04 00:00", "end": "2024-03-18 00:00"}}
    told = one(declared, at)
    assert {place: hours_of(reasons) for place, reasons in told.items()} == {"system": expected}


# As tables.


def test_measures_call_a_system_by_its_name_and_both_sums_are_the_mean_delay() -> None:
    flow = {
        "payer": "a",
        "payee": "b",
        "value": "10000",
        "currency": "CNY",
        "invoice": {"kind": "fixed", "value": "1"},
        "invoicing": {"CNY": 1},
        "terms": {"only": {"share": 1, "days": [0, 0]}},
    }
    declared = town(
        {"a": "1000", "b": "0"}, **gross(EVENING), **route(SETTLE, review()), flows={"trade": flow}
    )
    results = execute(declare(declared))
    steps, count = results["steps"], len(results.payments)
    measures = {
        name: results.measures[name].value for name in ("delay_by_place", "delay_by_reason", "delay_matrix")
    }
    closed = steps.loc[steps["system"] == "gross", "closed_hours_seconds"].sum() / (count * HOUR)
    assert measures["delay_matrix"]["system:gross"]["closed_hours"] == closed > 0
    reviewed = steps.loc[steps["place"] == "review", "work_seconds"].sum() / (count * HOUR)
    assert measures["delay_by_place"]["review"] == measures["delay_by_reason"]["work"] == reviewed > 0
    mean = results.measures["delay"].value["mean"]
    assert sum(measures["delay_by_place"].values()) == pytest.approx(mean)
    assert sum(measures["delay_by_reason"].values()) == pytest.approx(mean)
