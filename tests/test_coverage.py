"""A 95 % interval holds what it is about in 95 of 100 studies, where that is known."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from math import exp
from pathlib import Path

import numpy as np
import pytest

from sim.studies.ensemble import ensemble
from sim.studies.statistics import Estimates, estimates
from sim.studies.study import How
from sim.studies.subject import Subject
from sim.studies.workers import workers

STUDIES, EACH = 1_000, 3
#: One payment in dollars, worth what the rate has come to after a week: by a martingale what it was, in expectation.
RATE = """
name: rate
period: {start: 2024-03-04 00:00, end: 2024-03-12 00:00, zone: Europe/Minsk}
reporting_currency: CNY
systems: {s: {kind: rtgs, currency: USD, hours: always}}
accounts:
  - {holder: A, system: s, balance: 1_000_000}
  - {holder: B, system: s, balance: 0}
payments: {file: payments.csv, system: s}
fx: {kind: lognormal, start: {CNY: 7}, volatility: {CNY: 0.15}}
"""
#: One analyst, whose reviews take an hour on average.
DESK = """
name: desk
period: {start: 2024-01-01 00:00, end: 2024-05-01 00:00, zone: UTC}
horizon: 2d
systems: {s: {kind: rtgs, currency: CNY, hours: always}}
banks: {A: {hours: always}, B: {hours: always}}
desks: {review: {bank: B, staff: 1}}
accounts:
  - {holder: A, system: s, balance: 1_000_000}
  - {holder: B, system: s, balance: 0}
routes:
  reviewed:
    steps:
      - {kind: settle, system: s}
      - {kind: screen, at: payee_bank, probability: 1, work: {kind: exponential, mean: 1h}}
      - {kind: post, work: {kind: fixed, value: 0}}
payments: {file: payments.csv}
"""
DAYS = 120


def held(found: Estimates, truth: float) -> float:
    """The share of intervals that hold the truth."""
    return float(((found.low <= truth) & (truth <= found.high)).mean())


@pytest.mark.long
def test_intervals_of_a_lognormal_rate_hold_its_expectation(folder: Path) -> None:
    (folder / "rate.yaml").write_text(RATE, "utf-8")
    (folder / "payments.csv").write_text(
        "payment_id,instructed_at,payer_bank,payee_bank,amount\np1,2024-03-11T12:00,A,B,1000000\n", "utf-8"
    )
    found = ensemble(
        Subject.named("rate.yaml"), STUDIES * EACH, How(partial(workers, 2), measures=("value",))
    )
    values = found.replications["value"].to_numpy().reshape(STUDIES, EACH)
    assert 0.93 <= held(estimates(values), 7_000_000) <= 0.97


@pytest.mark.long
def test_intervals_of_waits_at_a_desk_hold_their_expectation(folder: Path) -> None:
    """Two reviews that take exponential times, the second asked for half an hour after the first, on many days.

    It waits for what is left of the first: on average the mean times exp(−gap / mean), for one analyst.
    """
    (folder / "desk.yaml").write_text(DESK, "utf-8")
    asked = (f"{day},{instant}" for day in range(DAYS) for instant in ("09:00", "09:30"))
    rows = [
        f"p{number},{date(2024, 1, 1) + timedelta(int(day))}T{at},A,B,1,reviewed\n"
        for number, (day, at) in enumerate(text.split(",") for text in asked)
    ]
    head = "payment_id,instructed_at,payer_bank,payee_bank,amount,route\n"
    (folder / "payments.csv").write_text(head + "".join(rows), "utf-8")
    found = ensemble(
        Subject.named("desk.yaml"),
        STUDIES * EACH,
        How(partial(workers, 2), measures=("delay_by_reason",)),
    )
    staff = found.replications[found.replications["of"] == "staff"].sort_values("replication")
    values = staff["value"].to_numpy().reshape(STUDIES, EACH)
    gap, mean = 0.5, 1.0
    assert 0.93 <= held(estimates(values), mean * exp(-gap / mean) / 2) <= 0.97


def test_few_values_have_wide_intervals_and_one_has_none() -> None:
    draw = np.random.default_rng(1)
    assert 0.93 <= held(estimates(draw.normal(size=(10_000, 3))), 0.0) <= 0.97
    alone = estimates(np.array([[2.0, np.nan], [3.0, 3.0]]))
    assert alone.mean.tolist() == [2.0, 3.0]
    assert np.isnan([alone.sd[0], alone.low[0], alone.high[0]]).all()
    assert (alone.low[1], alone.high[1]) == (3.0, 3.0)
