"""Speed is told on three clocks, and an outsider who counts days finds the same shares."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

import sim
from sim.core.calendars import country_days
from sim.scenario.load import load

FRAME = ("period.start=2024-04-24", "period.end=2024-05-08", "run_in=3d", "horizon=6d")


@pytest.fixture(scope="module")
def run() -> sim.Results:
    return sim.run(load("baseline", FRAME), measures=["speed"])


@pytest.fixture(scope="module")
def returning() -> sim.Results:
    found = sim.run(load("returned-payments", (*FRAME, "horizon=40d")), measures=["speed"])
    again = found.payments[found.payments["counted"] & (found.payments["attempts"] > 1)]
    assert again["credited_at"].notna().any()
    return found


def local(results: sim.Results, bank: str, at: pd.Timestamp) -> date:
    hours = results.scenario.hours[str(results.scenario.banks[bank].hours)]
    found: date = at.tz_convert(ZoneInfo(hours.zone)).date()
    return found


@pytest.mark.parametrize("of", ["run", "returning"])
def test_an_outsider_counts_the_same_shares(of: str, request: pytest.FixtureRequest) -> None:
    run: sim.Results = request.getfixturevalue(of)
    span = (date(2024, 4, 1), date(2024, 6, 30))
    belarus, china = (set(country_days(code, *span).dates().tolist()) for code in ("BY", "CN"))
    joint = sorted(belarus & china)
    steps = dict(iter(run.steps.groupby("payment_id")))
    counted = run.payments[run.payments["counted"]].to_dict("records")
    found = {
        clock: dict.fromkeys(run.measures["speed"].value[clock], 0) for clock in run.measures["speed"].value
    }
    for row in counted:
        stays = steps[row["payment_id"]]
        stays = stays[stays["attempt"] == row["attempts"]]
        messages = stays.loc[stays["place"] == "message", "began_at"]
        submitted = stays.loc[stays["place"] == "system", "began_at"]
        # What came back in its last attempt never arrives, whenever it was sent.
        sent = next(iter([*messages, *submitted, row["instructed_at"]]))
        clocks = {
            "from_order": (row["instructed_at"], row["credited_at"]),
            "from_release": (sent, row["credited_at"]),
            "between_banks": (sent, row["settled_at"]),
        }
        for clock, (since, until) in clocks.items():
            if pd.isna(until):
                continue
            for hours in (1, 4, 24):
                found[clock][f"within_{hours}h"] += until - since <= timedelta(hours=hours)
            start, end = (local(run, row["payer_bank"], at) for at in (since, until))
            for days in (0, 1, 2, 3, 5):
                last = [day for day in joint if day > start][days - 1] if days else start
                found[clock][f"by_day_{days}"] += end <= last
    assert len(counted) > 500
    for clock, shares in run.measures["speed"].value.items():
        assert shares == {name: number / len(counted) for name, number in found[clock].items()}


def test_speed_grows_with_the_time_allowed_and_from_the_order_to_the_banks(run: sim.Results) -> None:
    value = run.measures["speed"].value
    for shares in value.values():
        hours, days = [*shares.values()][:3], [*shares.values()][3:]
        assert hours == sorted(hours)
        assert days == sorted(days)
    for name, share in value["from_release"].items():
        assert value["from_order"][name] <= share <= value["between_banks"][name]


def test_what_never_arrives_is_in_no_share() -> None:
    results = sim.run(load("scarce-roubles"), measures=["speed", "settled_share"])
    arrived = results.measures["settled_share"].value
    assert results.measures["speed"].value["from_order"]["by_day_5"] <= arrived


def test_banks_work_on_the_days_of_their_calendars(run: sim.Results) -> None:
    table = run.bank_days
    beijing = table[table["bank"] == "beijing-a"].set_index("date")["works"]
    assert not beijing[pd.Timestamp("2024-05-01")]
    assert beijing[pd.Timestamp("2024-04-28")]
    assert pd.Timestamp("2024-04-27") not in beijing.index
