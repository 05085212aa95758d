"""A local day lasts from one local midnight to the next, also where clocks change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

import sim

if TYPE_CHECKING:
    from pathlib import Path

ZONE = "Europe/Berlin"
#: Clocks go forward on 31 March, so that this day has 23 hours.
SCENARIO = """
name: spring
period: {start: 2024-03-30 00:00, end: 2024-04-02 00:00, zone: Europe/Berlin}
systems:
  s: {kind: rtgs, currency: EUR, hours: always, holding_rate: 0.365}
accounts:
  - {holder: A, system: s, balance: 1000}
  - {holder: B, system: s, balance: 0}
payments: {file: payments.csv, system: s}
"""
#: Half an hour after the midnights that end 30 and 31 March, by the clock of the day.
PAYMENTS = """payment_id,instructed_at,payer_bank,payee_bank,amount
p1,2024-03-31T00:30,A,B,100
p2,2024-04-01T00:30,A,B,200
"""


@pytest.fixture
def run(tmp_path: Path) -> sim.Results:
    (tmp_path / "spring.yaml").write_text(SCENARIO, "utf-8")
    (tmp_path / "payments.csv").write_text(PAYMENTS, "utf-8")
    return sim.run(tmp_path / "spring.yaml")


def test_a_balance_closes_at_the_local_midnight(run: sim.Results) -> None:
    mine = run.balances[run.balances["account"] == "A@s"]
    assert [f"{day:%d %b}" for day in mine["date"]] == ["30 Mar", "31 Mar", "01 Apr"]
    assert mine["closing_balance"].tolist() == [1000_00, 900_00, 700_00]
    assert mine["lowest_balance"].tolist() == [1000_00, 900_00, 700_00]


def test_a_cost_is_that_of_the_local_day(run: sim.Results) -> None:
    """At 36.5 % a year a day costs a thousandth, and an hour a 24th of that."""
    costs = run.liquidity_costs
    costs = costs[(costs["account"] == "A@s") & (costs["component"] == "holding")]
    midnights = (
        pd.DatetimeIndex(["2024-03-30", "2024-03-31", "2024-04-01"]).tz_localize(ZONE).tz_convert("UTC")
    )
    assert costs["valued_at"].tolist() == midnights.tolist()
    hours = [(24, 0), (0.5, 22.5), (0.5, 23.5)]
    before, after = [1000_00, 1000_00, 900_00], [1000_00, 900_00, 700_00]
    expected = [
        round((first * old + rest * new) / 24 / 1000)
        for (first, rest), old, new in zip(hours, before, after, strict=True)
    ]
    assert costs["amount"].tolist() == expected


def test_payments_under_way_are_counted_at_local_midnights(run: sim.Results) -> None:
    local = run.in_flight["at"].dt.tz_convert(ZONE)
    assert [f"{at:%d %b %H:%M}" for at in local] == ["31 Mar 00:00", "01 Apr 00:00", "02 Apr 00:00"]


def test_exposure_is_told_at_local_midnights() -> None:
    berlin = ("period.zone=Europe/Berlin", "period.start=2024-03-30", "period.end=2024-04-02")
    run = sim.run(sim.load("baseline", (*berlin, "run_in=3d", "horizon=3d")), measures=())
    local = run.exposure["at"].drop_duplicates().dt.tz_convert(ZONE)
    assert [f"{at:%d %b %H:%M}" for at in local] == [
        "30 Mar 00:00",
        "31 Mar 00:00",
        "01 Apr 00:00",
        "02 Apr 00:00",
    ]
