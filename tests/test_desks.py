"""A desk with so many people makes cases wait as queueing theory says, and rests when it is shut."""

from __future__ import annotations

from math import factorial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import sim
from sim.core.causes import REASONS
from sim.errors import ScenarioError
from sim.results.plots import FIGURES
from sim.show.frame import NEEDS

SCENARIO = """
name: desk
period: {{start: 2024-03-04 00:00, end: {end}, zone: Europe/Minsk}}
{more}
hours:
  office: {{zone: Europe/Minsk, sessions: ["09:00-17:00"], calendar: {calendar}}}
banks: {{A: {{hours: always}}, B: {{hours: always}}}}
desks: {{review: {{bank: B, {desk}}}}}
systems: {{s: {{kind: rtgs, currency: BYN, hours: always}}}}
accounts: {{s: [{{holder: A, balance: 10_000_000}}, {{holder: B, balance: 0}}]}}
routes:
  reviewed:
    steps:
      - {{kind: settle, system: s}}
      - {{kind: screen, at: payee_bank, probability: {probability}, work: {work}}}
      - {{kind: post, work: {{kind: fixed, value: 0s}}}}
payments: {{file: payments.csv, system: s, route: reviewed}}
"""
USUAL = {
    "desk": "staff: 1, hours: office",
    "work": "{kind: fixed, value: 2h}",
    "probability": "1",
    "end": "2024-03-09 00:00",
    "calendar": "always",
    "more": "",
}


def run(
    folder: Path,
    at: list[str],
    **stated: str,
) -> sim.Results:
    """Payments of 1.00 BYN from A to B at local instants, perhaps with `,priority` behind."""
    header = "payment_id,instructed_at,payer_bank,payee_bank,amount,priority"
    rows = [f"p{k},{one.partition(',')[0]},A,B,1.00,{one.partition(',')[2] or 0}" for k, one in enumerate(at)]
    (folder / "payments.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    path = folder / "scenario.yaml"
    path.write_text(SCENARIO.format_map(USUAL | stated), encoding="utf-8")
    return sim.run(path)


def local(results: sim.Results, column: str) -> list[str | None]:
    """Local day and time by review, in the order of the payments."""
    told = results["reviews"].sort_values("payment_id")[column].dt.tz_convert("Europe/Minsk")
    return [None if pd.isna(at) else at.strftime("%d %H:%M") for at in told]


def seconds(results: sim.Results, payment: int) -> dict[str, int]:
    """Seconds at the desk by reason of one payment, without those that are zero."""
    steps = results["steps"]
    mine = steps["payment_id"] == results.payments["payment_id"].iloc[payment]
    at_desk = steps[mine & (steps["place"] == "review")]
    told = {reason: int(at_desk[f"{reason}_seconds"].sum()) for reason in REASONS}
    return {reason: spent for reason, spent in told.items() if spent}


def erlang_c(servers: int, offered: float) -> float:
    """Probability that a case has to wait, at `offered` = arrivals · mean work: Erlang (1917)."""
    tail = offered**servers / factorial(servers) * servers / (servers - offered)
    return tail / (sum(offered**k / factorial(k) for k in range(servers)) + tail)


@pytest.mark.parametrize(("servers", "load"), [(1, 0.5), (3, 0.6), (3, 0.85), (8, 0.8)])
def test_with_poisson_arrivals_and_exponential_work_cases_wait_as_erlang_says(
    servers: int, load: float, tmp_path: Path
) -> None:
    mean_work, count = 600.0, 40_000
    gap = mean_work / (servers * load)
    draws = np.random.default_rng(servers).exponential(gap, count)
    at = (pd.Timestamp("2024-03-04") + pd.to_timedelta(np.cumsum(draws), unit="s")).strftime(
        "%Y-%m-%dT%H:%M:%S"
    )
    end = str(pd.Timestamp(at[-1]).ceil("D") + pd.Timedelta(days=1))
    results = run(
        tmp_path, list(at), desk=f"staff: {servers}", work="{kind: exponential, mean: 10min}", end=end
    )
    wait = (results["reviews"]["began_at"] - results["reviews"]["arrived_at"]).dt.total_seconds()
    expected = erlang_c(servers, servers * load)
    assert (wait > 0).mean() == pytest.approx(expected, rel=0.06)
    assert wait.mean() == pytest.approx(expected * mean_work / (servers * (1 - load)), rel=0.12)
    # The desk never shuts, and money is there: what is not work is a wait for staff.
    told = results.measures["delay_matrix"].value
    assert told.keys() == {"review"}
    assert told["review"].keys() == {"work", "staff"}
    assert told["review"]["staff"] == pytest.approx(wait.sum() / 3600 / count)


@pytest.mark.quick
def test_the_wait_for_a_review_is_that_of_cases_that_came_within_the_period(tmp_path: Path) -> None:
    """Two cases on a day are waited for two hours in all, three for six; the last one is not taken up in time."""
    days = {"2024-03-03": 3, "2024-03-04": 2, "2024-03-09": 3}
    at = [f"{day}T09:00" for day, cases in days.items() for _ in range(cases)]
    late = "2024-03-08T23:00"
    results = run(tmp_path, [*at, late], more="run_in: 1d\nhorizon: 1d")
    assert len(results["reviews"]) == len(at) + 1
    # That of the evening before the period ends waits for ten hours, and is the first in the morning.
    told = results.measures["review_wait"].value["review"]
    assert told == {"mean": pytest.approx((0 + 2 + 10) / 3), "p95": pytest.approx(2 + 0.9 * 8)}


def test_one_analyst_takes_one_case_after_the_other_and_rests_at_night(tmp_path: Path) -> None:
    results = run(tmp_path, [f"2024-03-04T{time}" for time in ("09:00", "10:00", "10:30", "16:00")])
    assert local(results, "began_at") == ["04 09:00", "04 11:00", "04 13:00", "04 16:00"]
    assert local(results, "ended_at") == ["04 11:00", "04 13:00", "04 15:00", "05 10:00"]
    # 10:00 waits an hour, 10:30 two and a half; the last one is interrupted by the night.
    assert [seconds(results, k) for k in range(4)] == [
        {"work": 2 * 3600},
        {"work": 2 * 3600, "staff": 3600},
        {"work": 2 * 3600, "staff": int(2.5 * 3600)},
        {"work": 2 * 3600, "closed_hours": 16 * 3600},
    ]


def test_what_waits_over_night_waits_for_the_opening_then_for_an_analyst(tmp_path: Path) -> None:
    results = run(tmp_path, ["2024-03-04T16:00", "2024-03-04T16:30", "2024-03-04T20:00"])
    assert local(results, "began_at") == ["04 16:00", "05 10:00", "05 12:00"]
    assert seconds(results, 1) == {"work": 2 * 3600, "staff": int(1.5 * 3600), "closed_hours": 16 * 3600}
    assert seconds(results, 2) == {"work": 2 * 3600, "staff": 3 * 3600, "closed_hours": 13 * 3600}


def test_a_backlog_builds_up_over_a_holiday(tmp_path: Path) -> None:
    # Friday 8 March 2024 is a holiday in Belarus: what comes from Thursday evening on waits for Monday.
    at = ["2024-03-07T18:00", "2024-03-08T10:00", "2024-03-09T10:00", "2024-03-11T08:00"]
    more = "calendars: {belarus: {country: BY}}"
    results = run(tmp_path, at, calendar="belarus", end="2024-03-13 00:00", more=more)
    assert local(results, "began_at") == ["11 09:00", "11 11:00", "11 13:00", "11 15:00"]
    days = results["desk_days"].set_index("date")
    assert days["backlog_peak"].tolist() == [0, 0, 0, 1, 2, 3, 3, 4, 0]
    assert days.loc["2024-03-11", ["ended", "open_seconds", "work_seconds"]].tolist() == [
        4,
        8 * 3600,
        8 * 3600,
    ]
    assert results.measures["review_backlog_peak"].value == {"review": 4}


def test_two_analysts_work_at_once_and_nobody_waits_where_staff_is_not_stated(tmp_path: Path) -> None:
    at = ["2024-03-04T09:00", "2024-03-04T09:00", "2024-03-04T09:00"]
    assert local(run(tmp_path, at, desk="staff: 2, hours: office"), "ended_at") == [
        "04 11:00",
        "04 11:00",
        "04 13:00",
    ]
    assert local(run(tmp_path, at, desk="hours: office"), "ended_at") == ["04 11:00"] * 3


def test_a_desk_by_priority_takes_the_most_urgent_case_first_and_never_interrupts(tmp_path: Path) -> None:
    at = ["2024-03-04T09:00", "2024-03-04T09:10,1", "2024-03-04T09:20,5", "2024-03-04T09:30,5"]
    by_priority = run(tmp_path, at, desk="staff: 1, hours: office, queue: priority")
    assert local(by_priority, "began_at") == ["04 09:00", "04 15:00", "04 11:00", "04 13:00"]
    in_order = run(tmp_path, at)
    assert local(in_order, "began_at") == ["04 09:00", "04 11:00", "04 13:00", "04 15:00"]


def test_of_what_comes_at_night_the_most_urgent_is_first_in_the_morning(tmp_path: Path) -> None:
    at = ["2024-03-04T20:00", "2024-03-04T21:00,1"]
    results = run(tmp_path, at, desk="staff: 1, hours: office, queue: priority")
    assert local(results, "began_at") == ["05 11:00", "05 09:00"]


def test_those_who_are_not_reviewed_pass_a_full_desk_at_once(tmp_path: Path) -> None:
    at = [f"2024-03-04T09:00:{second:02}" for second in range(60)]
    results = run(tmp_path, at, probability="0.5")
    reviewed = set(results["reviews"]["payment_id"])
    assert 15 < len(reviewed) < 45
    passed = results.payments[~results.payments["payment_id"].isin(reviewed)]
    assert (passed["credited_at"] == passed["instructed_at"]).all()


def test_what_an_outage_of_the_desk_adds_is_outage(tmp_path: Path) -> None:
    outage = "timeline: [{kind: outage, desk: review, from: 2024-03-04 10:00, to: 2024-03-04 12:00}]"
    at = ["2024-03-04T09:00", "2024-03-04T09:30", "2024-03-04T10:30"]
    results = run(tmp_path, at, more=outage)
    assert local(results, "began_at") == ["04 09:00", "04 13:00", "04 15:00"]
    assert seconds(results, 0) == {"work": 2 * 3600, "outage": 2 * 3600}
    # While it waits, the second one is held up by the outage for two hours, and by the case before it otherwise.
    assert seconds(results, 1) == {"work": 2 * 3600, "staff": int(1.5 * 3600), "outage": 2 * 3600}
    assert seconds(results, 2) == {"work": 2 * 3600, "staff": 3 * 3600, "outage": int(1.5 * 3600)}
    idle = run(tmp_path, ["2024-03-04T13:00"], more=outage)
    assert seconds(idle, 0) == {"work": 2 * 3600}


def test_cases_still_on_the_desk_at_the_end_are_pending(tmp_path: Path) -> None:
    results = run(tmp_path, ["2024-03-04T09:00"] * 3, end="2024-03-04 12:00")
    assert results.payments["status"].tolist() == ["settled", "pending", "pending"]
    assert local(results, "ended_at") == ["04 11:00", None, None]
    assert seconds(results, 2) == {"staff": 3 * 3600}


def test_a_bank_has_one_desk_and_it_is_declared_right(tmp_path: Path) -> None:
    wrong = {
        "desk": "staff: 0}, other: {bank: B, queue: bypass}, third: {bank: C",
        "more": "timeline: [{kind: outage, desk: revue, from: 2024-03-05}]",
    }
    text = SCENARIO.format_map(USUAL | wrong)
    (tmp_path / "scenario.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "payments.csv").write_text("payment_id,instructed_at,payer_bank,payee_bank,amount\n")
    with pytest.raises(ScenarioError) as raised:
        sim.run(tmp_path / "scenario.yaml")
    told = str(raised.value)
    for message in (
        "desks.review.staff: ",
        "desks.other.queue: ",
        "'C' is not declared under 'banks'",
        "'revue' is not declared under 'desks'; did you mean 'review'?",
    ):
        assert message in told
    text = text.replace("staff: 0", "staff: 1").replace("bypass", "fifo").replace("bank: C", "bank: A")
    (tmp_path / "scenario.yaml").write_text(text.replace("revue", "review"), encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"desks\.other\.bank: a second desk of 'B'"):
        sim.run(tmp_path / "scenario.yaml")


def test_the_figure_shows_the_cases_and_the_waits_of_the_tables(tmp_path: Path) -> None:
    results = run(tmp_path, ["2024-03-04T09:00", "2024-03-04T10:00", "2024-03-05T10:00"])
    above, below = FIGURES["backlog"](results, Figure(layout="constrained").add_subplot()).figure.axes
    (cases,), (waits,) = above.get_lines(), below.get_lines()
    assert cases.get_ydata().tolist() == results["desk_days"]["backlog_peak"].tolist()
    # Of one week, in days: none, one hour, and none.
    waits = [wait for wait in waits.get_ydata().tolist() if not np.isnan(wait)]
    assert waits == [pytest.approx(1 / 3 / 24)]


def test_the_figure_is_saved_only_where_a_desk_states_its_staff(tmp_path: Path) -> None:
    staffed = run(tmp_path, ["2024-03-04T09:00"])
    ample = run(tmp_path, ["2024-03-04T09:00"], desk="hours: office")
    assert NEEDS["backlog"](staffed)
    assert not NEEDS["backlog"](ample)
    (only,) = FIGURES["backlog"](ample, Figure(layout="constrained").add_subplot()).figure.axes
    assert not only.get_lines()
