"""A 95 % interval holds what it is about in 95 of 100 studies, where that is known."""

from __future__ import annotations

from functools import partial
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


def test_intervals_of_waits_at_a_desk_hold_their_expectation() -> None:
    # The waits of an M/M/1 queue, each of a run of its own that has forgotten how it began: zero, or exponential.
    draw = np.random.default_rng(5)
    load, rate = 0.5, 1.0
    waiting = draw.random((STUDIES, 400)) < load
    waits = np.where(waiting, draw.exponential(1 / (rate * (1 - load)), waiting.shape), 0.0)
    assert 0.93 <= held(estimates(waits), load / (rate * (1 - load))) <= 0.97


def test_few_values_have_wide_intervals_and_one_has_none() -> None:
    draw = np.random.default_rng(1)
    assert 0.93 <= held(estimates(draw.normal(size=(10_000, 3))), 0.0) <= 0.97
    alone = estimates(np.array([[2.0, np.nan], [3.0, 3.0]]))
    assert alone.mean.tolist() == [2.0, 3.0]
    assert np.isnan([alone.sd[0], alone.low[0], alone.high[0]]).all()
    assert (alone.low[1], alone.high[1]) == (3.0, 3.0)
