"""Each scenario of the library moves its own measure in the direction that its text claims, by a year's run."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from sim.core.clock import HOUR
from sim.results.execute import execute
from sim.scenario.load import load

if TYPE_CHECKING:
    from sim.results.results import Results


@cache
def year(name: str) -> Results:
    return execute(load(name))


def delay_hours(results: Results, first: str, last: str) -> float:
    """Mean hours to the credit of payments due on some days."""
    rows = results.payments
    rows = rows[(rows["due_at"] >= first) & (rows["due_at"] < last)]
    return float((rows["credited_at"] - rows["instructed_at"]).dt.total_seconds().mean()) / HOUR


def mean_of_route(results: Results, route: str) -> float:
    return float(results.measures["delay_by_route"].value[route]["mean"])


@pytest.mark.parametrize(
    "name", ["direct-participation", "clearing-bank", "longer-hours", "golden-week", "cyber-outage"]
)
def test_a_policy_moves_no_draw(name: str, baseline_run: Results) -> None:
    pd.testing.assert_frame_equal(year(name).obligations, baseline_run.obligations)
    pd.testing.assert_frame_equal(year(name).fx, baseline_run.fx)


@pytest.mark.parametrize("name", ["direct-participation", "clearing-bank", "longer-hours"])
def test_a_shorter_way_or_a_longer_day_brings_yuan_earlier(name: str, baseline_run: Results) -> None:
    for route in ("cny-to-china", "cny-to-belarus"):
        assert mean_of_route(year(name), route) < mean_of_route(baseline_run, route)
    for route in ("usd", "eur"):
        there, here = mean_of_route(year(name), route), mean_of_route(baseline_run, route)
        assert there == pytest.approx(here, rel=1e-12) if name != "longer-hours" else there <= here


def test_a_clearing_bank_ties_up_half_the_yuan(baseline_run: Results) -> None:
    def opening(results: Results, system: str) -> int:
        rows = results.accounts[results.accounts["system"] == system]
        return int(rows["opening_balance"].sum())

    assert opening(year("clearing-bank"), "rmb-minsk") == pytest.approx(
        opening(baseline_run, "nostro-cny") / 2, rel=0.1
    )


def test_duty_service_takes_a_third_off_the_delay_of_the_long_holidays(baseline_run: Results) -> None:
    for first, last in (("2024-02-08", "2024-02-18"), ("2024-09-29", "2024-10-08")):
        assert delay_hours(year("golden-week"), first, last) < delay_hours(baseline_run, first, last) * 2 / 3
    summer = ("2024-06-10", "2024-08-31")
    assert delay_hours(year("golden-week"), *summer) == pytest.approx(
        delay_hours(baseline_run, *summer), rel=1e-3
    )


def test_an_outage_delays_what_was_due_and_nobody_else(baseline_run: Results) -> None:
    hit, spared = year("cyber-outage").payments, baseline_run.payments
    touched = hit["outage_seconds"] > 0
    assert touched.sum() > 50
    assert set(hit.loc[touched, "route"].astype(str)) == {"cny-to-china", "cny-to-belarus"}
    assert hit.loc[touched, "instructed_at"].min() > pd.Timestamp("2024-05-15", tz="UTC")
    # Service comes back for parts of three hours.
    assert hit.loc[touched, "instructed_at"].max() < pd.Timestamp("2024-06-21 04:00", tz="UTC")
    before = spared["credited_at"] < pd.Timestamp("2024-06-19 01:00", tz="UTC")
    assert (hit.loc[before, "credited_at"] == spared.loc[before, "credited_at"]).all()
    assert (spared["outage_seconds"] == 0).all()
