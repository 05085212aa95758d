"""Payments that are not settled by the end of the run stay in every table and count in every delay up to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from outsider import Rates, Saved, assert_profile, counted_payments, read

from sim.core.causes import REASONS
from sim.results.execute import execute
from sim.scenario.load import load

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.quick

#: A bank of either side fails while payments are under way, and the others have little money and little time.
STUCK = """
name: stuck
extends: baseline
period: {end: 2024-01-20 00:00}
run_in: 5d
horizon: 1d
timeline:
  - {kind: failed_bank, at: 2024-01-10 11:00, bank: minsk-a}
  - {kind: failed_bank, at: 2024-01-12 11:00, bank: beijing-a}
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Saved:
    folder: Path = tmp_path_factory.mktemp("stuck")
    (folder / "stuck.yaml").write_text(STUCK, "utf-8")
    execute(load(folder / "stuck.yaml")).save(folder / "run")
    return read(folder / "run")


@pytest.fixture(scope="module")
def counted(saved: Saved) -> pd.DataFrame:
    found = counted_payments(saved, Rates(saved.fx))
    stuck = found["credited_at"].isna()
    # Enough of them for each number below to be another without them, and enough others.
    assert 0.2 < stuck.mean() < 0.8
    assert stuck.groupby(found["route"]).mean().between(0.05, 0.95).all()
    return found


def test_unsettled_payments_are_counted_among_all_and_not_among_the_settled(
    saved: Saved, counted: pd.DataFrame
) -> None:
    assert saved.measures["payments"] == len(counted)
    done = counted["credited_at"].notna()
    assert saved.measures["settled_share"] == pytest.approx(done.mean())
    value = counted.loc[done, "cents"].sum() / counted["cents"].sum()
    assert saved.measures["settled_value_share"] == pytest.approx(value)


def test_unsettled_payments_count_in_delays_up_to_the_end(saved: Saved, counted: pd.DataFrame) -> None:
    assert_profile(saved.measures["delay"], counted)


def test_unsettled_payments_count_in_delays_by_reason(saved: Saved, counted: pd.DataFrame) -> None:
    told = saved.measures["delay_by_reason"]
    steps = saved.steps[saved.steps["payment_id"].isin(counted["payment_id"])]
    for reason in REASONS:
        assert told[reason] == pytest.approx(steps[f"{reason}_seconds"].sum() / 3_600 / len(counted))
    assert sum(told.values()) == pytest.approx(saved.measures["delay"]["mean"])


def test_unsettled_payments_count_in_delays_by_route(saved: Saved, counted: pd.DataFrame) -> None:
    told = saved.measures["delay_by_route"]
    assert told.keys() == set(counted["route"])
    for route, payments in counted.groupby("route"):
        assert_profile(told[route], payments)
        assert told[route]["payments"] == len(payments)


def test_unsettled_payments_count_in_delays_by_city(saved: Saved, counted: pd.DataFrame) -> None:
    firms = saved.firms.set_index("firm")
    places = {party: counted[party].map(firms["side"] + "/" + firms["city"]) for party in ("payer", "payee")}
    seen = 0
    for side, cities in saved.measures["delay_by_city"].items():
        for city, told in cities.items():
            mine = (places["payer"] == f"{side}/{city}") | (places["payee"] == f"{side}/{city}")
            assert_profile(told, counted[mine])
            assert told["payments"] == mine.sum()
            seen += 1
    assert seen == len(set(places["payer"]) | set(places["payee"]))


def test_what_is_not_paid_by_the_end_is_late_by_the_days_until_then(saved: Saved) -> None:
    """Told by local dates, of obligations due in the period, whether or not anybody ordered a payment."""
    period = saved.scenario["period"]
    start, end = (pd.Timestamp(period[key]).tz_localize(period["zone"]) for key in ("start", "end"))
    due = saved.obligations[(saved.obligations["due_at"] >= start) & (saved.obligations["due_at"] < end)]
    paid = saved.payments.set_index("obligation_id")["credited_at"].reindex(due["obligation_id"])
    until = paid.fillna(saved.end)
    first, last = (
        pd.DatetimeIndex(at).tz_convert(period["zone"]).tz_localize(None).normalize()
        for at in (due["due_at"], until)
    )
    days = np.maximum((last - first).days.to_numpy(), 0)
    value = Rates(saved.fx).usd(due["amount"], due["currency"], due["due_at"])
    for side, told in saved.measures["lateness"].items():
        mine = (due["payee_side"] == side).to_numpy()
        assert paid.isna().to_numpy()[mine].mean() > 0.2
        late = days[mine] > 0
        assert told["late_share"] == pytest.approx(late.mean())
        assert told["late_value_share"] == pytest.approx(value[mine][late].sum() / value[mine].sum())
        assert told["mean_days"] == pytest.approx(days[mine].mean())
        weighted = (days * value)[mine].sum() / value[mine].sum()
        assert told["value_weighted_days"] == pytest.approx(weighted)
