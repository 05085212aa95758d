"""How well promises of value are kept, as measures, warnings, the summary and the trace of a payment tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from builders import Order, declare, town
from happened import run as by_hand_run
from stays import spent

import sim
from sim.core.clock import DAY, HOUR
from sim.results.life import life

if TYPE_CHECKING:
    from pathlib import Path

SCENARIO = """
name: promised
period: {start: 2024-03-04 00:00, end: 2024-03-07 00:00, zone: Europe/Minsk}
run_in: 1d
horizon: 2d
hours:
  day: {zone: Europe/Minsk, calendar: always, sessions: ["09:00-17:00"]}
  orders: {zone: Europe/Minsk, calendar: always, sessions: ["09:00-11:00"]}
systems:
  first: {kind: rtgs, currency: BYN, hours: always}
  last: {kind: rtgs, currency: BYN, hours: day}
accounts:
  first: [{holder: A, balance: 1000}, {holder: C, balance: 0}]
  last: [{holder: C, balance: 1000}, {holder: B, balance: 0}]
routes:
  valued:
    value: {cutoff: orders, calendars: [always]}
    steps:
      - {kind: originate, work: {kind: fixed, value: WORK}}
      - {kind: settle, system: first, credit: C}
      - {kind: settle, system: last, debit: C}
      - {kind: post, work: {kind: fixed, value: 0s}}
payments: {file: payments.csv, system: first, route: valued}
"""


def promised(folder: Path, *instants: str, work: str = "1h") -> sim.Results:
    """Payments that are ordered at some instants of March 2024, from A to B if no others are named."""
    orders = [(*text.split(), "A", "B")[:4] for text in instants]
    rows = [
        f"p{k},2024-03-{day}T{time},{payer},{payee},1" for k, (day, time, payer, payee) in enumerate(orders)
    ]
    header = "payment_id,instructed_at,payer_bank,payee_bank,amount"
    (folder / "payments.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    path = folder / "promised.yaml"
    path.write_text(SCENARIO.replace("WORK", work), encoding="utf-8")
    return sim.run(path)


def test_a_promise_is_kept_if_the_last_settlement_falls_into_that_business_day(tmp_path: Path) -> None:
    # The first is ready before the last system opens, the second settles as it has closed, so on the next morning.
    results = promised(tmp_path, "04 07:30", "05 10:30", work="7h")
    assert results.payments["same_day"].tolist() == [True, True]
    assert results.measures["same_day_share"].value == 0.5
    assert results.measures["same_day_share"].unit == "share of payments"
    assert results.measures["value_missed"].value == 0


def test_what_has_nothing_to_move_after_closing_is_not_of_that_day(tmp_path: Path) -> None:
    # C is paid and passes nothing on; half past five is after the last system's closing, and before its next opening.
    results = promised(tmp_path, "04 09:30 A C", "04 09:29:59 A C", work="7h 30min")
    at = results.payments["settled_at"].dt.tz_convert("Europe/Minsk").dt.strftime("%H:%M:%S")
    assert at.tolist() == ["16:59:59", "17:00:00"]
    assert results.measures["same_day_share"].value == 0.5


def test_only_what_is_due_in_the_period_and_promised_the_same_day_counts(tmp_path: Path) -> None:
    # Before the period, in time, late: of the three one counts.
    results = promised(tmp_path, "03 10:00", "04 10:00", "04 12:00")
    assert results.payments["counted"].tolist() == [False, True, True]
    assert results.payments["same_day"].tolist() == [True, True, False]
    assert results.measures["same_day_share"].value == 1
    late = promised(tmp_path, "03 10:00", "04 12:00")
    assert late.measures["same_day_share"].value is None


def test_missed_value_dates_are_counted_in_the_period(tmp_path: Path) -> None:
    # The first system's business day ends at midnight.
    results = promised(tmp_path, "03 10:00", "04 10:00", "05 10:59:59", "05 12:00", work="13h 0min 1s")
    assert results.payments["value_missed"].tolist() == [False, False, True, False]
    assert results.measures["value_missed"].value == 1
    earlier = promised(tmp_path, "03 10:59:59", "04 10:00", work="13h 0min 1s")
    assert earlier.payments["value_missed"].tolist() == [True, False]
    assert earlier.measures["value_missed"].value == 0


@pytest.mark.parametrize(("late", "warned"), [(1, False), (2, True)])
def test_below_95_per_cent_the_run_warns(late: int, warned: bool, tmp_path: Path) -> None:
    results = promised(tmp_path, *["04 09:00"] * (20 * late - late**2), *["04 10:30"] * late, work="6h 30min")
    told = [text for text in results.manifest["warnings"] if "promised value" in text]
    assert (1 - results.measures["same_day_share"].value < 0.05 + 1e-9) == (not warned)
    assert bool(told) == warned
    if warned:
        assert told[0].startswith(
            "2 of 38 payments that were promised value on the same day did not settle on it"
        )
        assert "route 'valued'" in told[0]


def test_the_life_of_a_payment_tells_its_value_date_and_whether_it_missed_it(tmp_path: Path) -> None:
    results = promised(tmp_path, "04 10:59:59", "04 10:00", work="13h 0min 1s")
    for name, missed in (("p0", True), ("p1", False)):
        happened = [one for stay in life(results.run, name).stays for one in stay.happened]
        expected = ["accepted", "missed"] if missed else ["accepted"]
        assert [what for _, what, _ in happened] == expected
        assert {which for *_, which in happened} == {"2024-03-04"}


# What else a wait for a value date depends on.

VALUE = {
    "cutoff": {"zone": "Europe/Minsk", "calendar": "always", "sessions": ["09:00-11:00"]},
    "calendars": ["always"],
}
POST = {"kind": "post", "work": {"kind": "fixed", "value": 0}}


def test_the_business_day_opens_as_the_timeline_says() -> None:
    declared = town(
        {"a": "9", "b": "0"},
        hours={"day": {"zone": "Europe/Minsk", "calendar": "always", "sessions": ["09:00-17:00"]}},
        systems={"gross": {"kind": "rtgs", "currency": "CNY", "hours": "day"}},
        routes={"direct": {"value": VALUE, "steps": [{"kind": "settle", "system": "gross"}, POST]}},
        timeline=[{"kind": "hours", "hours": "day", "sessions": ["07:00-17:00"], "from": "2024-03-05 00:00"}],
    )
    records = by_hand_run(declared, Order("2024-03-04 12:00", "a", "b", 1_00))
    assert spent(records) == {"cut_off": {"closed_hours": 19 * HOUR}}


def test_what_is_not_yet_accepted_as_its_payers_bank_fails_stays_with_it() -> None:
    office = {"zone": "Europe/Minsk", "calendar": "always", "sessions": ["09:00-17:00"]}
    declared = town(
        {"a": "9", "b": "0"},
        banks={bank: {"side": "town", "hours": office} for bank in "ab"},
        routes={"direct": {"value": VALUE, "steps": [{"kind": "settle", "system": "gross"}, POST]}},
        timeline=[{"kind": "failed_bank", "bank": "a", "at": "2024-03-04 20:00"}],
    )
    records = by_hand_run(declared, Order("2024-03-04 18:00", "a", "b", 1_00))
    assert spent(records) == {"payer_bank": {"closed_hours": 2 * HOUR, "outage": 6 * DAY + 4 * HOUR}}
    assert np.isnat(records.value_date[0])


def test_who_comes_to_be_credited_only_after_the_end_is_not_said_to_be_credited_without_hands() -> None:
    post = {**POST, "automatic": 1, "automatic_time": {"kind": "fixed", "value": "1h"}}
    message = {"kind": "message", "time": {"kind": "fixed", "value": "2h"}}
    declared = town(
        {"a": "9", "b": "0"},
        routes={"direct": {"steps": [{"kind": "settle", "system": "gross"}, message, post]}},
    )
    orders = [Order(f"2024-03-10 {hour}:30", "a", "b", 1_00) for hour in (21, 22)]
    assert by_hand_run(declared, *orders).automatic.tolist() == [True, False]
    assert declare(declared).routes["direct"].steps[-1].draws() == (
        "post/work",
        "post/automatic",
        "post/automatic_time",
    )
