"""The measures of a bank's and a system's day are those that a pencil finds."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import click
import pandas as pd
import pytest
from click.testing import CliRunner
from matplotlib.figure import Figure

import sim
from sim.cli import cli
from sim.results.plots import FIGURES

if TYPE_CHECKING:
    from pathlib import Path

    from sim.results.results import Results

HEADER = "payment_id,instructed_at,payer_bank,payee_bank,amount,due_at"

DAY = """
name: day
period: {start: 2024-03-04 09:00, end: 2024-03-04 17:00, zone: Europe/Minsk}
systems:
  s: {kind: rtgs, currency: BYN, hours: {zone: Europe/Minsk, sessions: ["09:00-17:00"], calendar: always}}
  idle: {kind: rtgs, currency: BYN, hours: always}
accounts:
  - {holder: A, system: s, balance: 100, credit: 20}
  - {holder: B, system: s, balance: 50}
  - {holder: A, system: idle, balance: 7}
payments: {file: payments.csv, system: s}
"""

#: The third one waits for an hour, until the fourth brings what it lacks.
DAY_PAYMENTS = """
p1,2024-03-04T09:30,A,B,60,2024-03-04T10:00
p2,2024-03-04T10:00,B,A,30,
p3,2024-03-04T11:00,A,B,100,2024-03-04T11:30
p4,2024-03-04T12:00,B,A,20,
"""

NIGHTS = """
name: nights
period: {start: 2024-03-04 12:00, end: 2024-03-07 12:00, zone: Europe/Minsk}
systems:
  s: {kind: rtgs, currency: BYN, hours: {zone: Europe/Minsk, sessions: ["20:00-04:00"], calendar: always}}
accounts:
  - {holder: A, system: s, balance: 50}
  - {holder: B, system: s, balance: 0}
payments: {file: payments.csv, system: s}
"""

#: Two business days; the last payment stays unsettled.
NIGHTS_PAYMENTS = """
p1,2024-03-04T23:30,A,B,30,
p2,2024-03-05T01:00,A,B,10,
p3,2024-03-05T21:00,B,A,15,
p4,2024-03-05T22:00,A,B,100,
"""

BOOKS = """
name: books
period: {start: 2024-03-04 09:00, end: 2024-03-04 17:00, zone: Europe/Minsk}
banks: {A: {hours: always}, B: {hours: always}, S: {hours: always}}
systems: {s: {kind: correspondent, currency: BYN, hours: always}}
accounts:
  - {holder: A, system: s, servicer: S, balance: 0, credit: 100}
  - {holder: B, system: s, servicer: S, balance: 0, credit: 120}
payments: {file: payments.csv, system: s}
"""

BOOKS_PAYMENTS = """
p1,2024-03-04T10:00,A,S,40,
p2,2024-03-04T11:00,B,S,70,
p3,2024-03-04T12:00,S,A,50,
p4,2024-03-04T13:00,B,S,20,
"""


def written(folder: Path, scenario: str, payments: str) -> Path:
    (folder / "payments.csv").write_text(HEADER + payments, encoding="utf-8")
    (folder / "scenario.yaml").write_text(scenario, encoding="utf-8")
    return folder / "scenario.yaml"


def run(folder: Path, scenario: str, payments: str) -> Results:
    return sim.run(written(folder, scenario, payments))


def told(results: Results, name: str, key: str = "s") -> Any:  # noqa: ANN401 - a number, or several by name
    return results.measures[name].value[key]


def row(results: Results, account: str, day: str = "2024-03-04") -> dict[str, Any]:
    """A day of an account, in major units."""
    table = results.intraday
    (found,) = table[(table["account"] == account) & (table["business_day"] == pd.Timestamp(day))].to_dict(
        "records"
    )
    return {
        name: value / 100 for name, value in found.items() if isinstance(value, int) and name != "counted"
    }


def test_a_bank_s_day_is_the_one_computed_by_hand(tmp_path: Path) -> None:
    results = run(tmp_path, DAY, DAY_PAYMENTS)
    assert row(results, "A@s") == {
        "available": 120,
        "net_debit_peak": 110,
        "net_credit_peak": 0,
        "sent": 160,
        "received": 50,
        "time_specific": 160,
        "time_specific_late": 100,
        "on_behalf": 0,
        "customer_credit": 0,
        "customer_credit_peak": 0,
    }
    assert row(results, "B@s") == row(results, "A@s") | {
        "available": 50,
        "net_debit_peak": 0,
        "net_credit_peak": 110,
        "sent": 50,
        "received": 160,
        "time_specific": 0,
        "time_specific_late": 0,
    }
    one_day = {"largest": 160, "mean_of_three_largest": 160, "mean": 160}
    assert told(results, "payments_sent", "A@s") == one_day
    assert results.measures["time_specific_obligations"].value == {"A@s": {**one_day, "late": 100}}
    assert told(results, "liquidity_used", "A@s") == 110
    assert told(results, "liquidity_used_by_system") == 110


def test_a_system_s_day_is_the_one_computed_by_hand(tmp_path: Path) -> None:
    results = run(tmp_path, DAY, DAY_PAYMENTS)
    # By hour until 17:00: 60 for 7.5, 30 for 7, 100 for 6, of which it waits for 1, and 20 for 5.
    assert told(results, "settlement_delay_indicator") == pytest.approx(100 / 1360)
    # At once, A would stand at −60, −30, −130, −110; in the end at −110.
    assert told(results, "liquidity_upper_bound") == 130
    assert told(results, "liquidity_lower_bound") == 110
    assert told(results, "netting_efficiency") == pytest.approx(1 - 110 / 210)
    assert told(results, "turnover_ratio") == pytest.approx(210 / 170)
    assert told(results, "liquidity_efficiency") == pytest.approx(210 / 110)
    assert told(results, "queue_peak_value") == 100
    assert told(results, "unsettled_value") == 0
    assert told(results, "value_per_day") == 210


def test_what_cannot_be_computed_of_a_system_is_null(tmp_path: Path) -> None:
    run(tmp_path, DAY, DAY_PAYMENTS).save(tmp_path / "run")
    saved = json.loads((tmp_path / "run" / "measures.json").read_text("utf-8"))
    undefined = (
        "settlement_delay_indicator",
        "liquidity_upper_bound",
        "liquidity_lower_bound",
        "liquidity_efficiency",
        "netting_efficiency",
        "turnover_ratio",
    )
    assert [saved[name]["value"]["idle"] for name in undefined] == [None] * len(undefined)
    nothing = ("queue_peak_value", "unsettled_value", "gridlocks", "deadlocks", "value_per_day")
    assert [saved[name]["value"]["idle"] for name in nothing] == [0] * len(nothing)
    assert all(saved[name]["value"].keys() == {"s", "idle"} for name in (*undefined, *nothing))
    assert "–" in sim.open(tmp_path / "run")._repr_html_()


def test_value_settles_by_the_hours_of_the_system_s_clock(tmp_path: Path) -> None:
    shares = told(run(tmp_path, DAY, DAY_PAYMENTS), "throughput")
    assert list(shares) == [f"{hour:02}:00" for hour in range(9, 18)]
    # What settles at 10:00 sharp has settled by 10:00.
    assert list(shares.values()) == pytest.approx([0, 90 / 210, 90 / 210, *[1] * 6])


def test_a_session_across_midnight_is_one_day(tmp_path: Path) -> None:
    results = run(tmp_path, NIGHTS, NIGHTS_PAYMENTS)
    peaks = [row(results, "A@s", f"2024-03-0{day}")["net_debit_peak"] for day in (4, 5, 6)]
    assert peaks == [40, 0, 0]
    assert row(results, "A@s", "2024-03-05")["net_credit_peak"] == 15
    assert row(results, "B@s", "2024-03-05")["net_debit_peak"] == 15
    third = {"largest": 40, "mean_of_three_largest": pytest.approx(40 / 3), "mean": pytest.approx(40 / 3)}
    assert told(results, "intraday_liquidity_usage", "A@s") == third
    assert [row(results, "A@s", f"2024-03-0{day}")["available"] for day in (4, 5, 6)] == [50, 10, 25]
    assert told(results, "intraday_liquidity_available", "A@s")["smallest"] == 10
    # First 40 of A, then 85 of A and 15 of B; on balance 40 and 85.
    assert told(results, "liquidity_upper_bound") == (40 + 100) / 2
    assert told(results, "liquidity_lower_bound") == (40 + 85) / 2
    assert told(results, "netting_efficiency") == pytest.approx(1 - 125 / 155)
    # Hours until 4:00: 30 for 4.5, 10 for 3, 15 for 7, and 100, which waits, for 6.
    assert told(results, "settlement_delay_indicator") == pytest.approx(600 / 870)
    assert told(results, "unsettled_value") == 100
    assert told(results, "queue_peak_value") == 100
    shares = told(results, "throughput")
    assert shares["24:00"] == pytest.approx((30 / 40 + 15 / 115) / 2)
    assert shares["T+1 04:00"] == pytest.approx((1 + 15 / 115) / 2)


def test_payments_that_settle_together_need_only_their_balance(tmp_path: Path) -> None:
    netted = DAY.replace("s: {kind: rtgs,", 's: {kind: dns, cycles: ["12:00"],')
    results = run(tmp_path, netted, "\np1,2024-03-04T09:30,A,B,60,\np2,2024-03-04T10:00,B,A,55,\n")
    assert row(results, "A@s")["net_debit_peak"] == 5
    assert row(results, "B@s")["net_debit_peak"] == 0
    assert told(results, "throughput")["11:00"] == 0
    assert told(results, "throughput")["12:00"] == 1


def test_a_servicer_pays_for_its_customers_and_lends_to_them(tmp_path: Path) -> None:
    results = run(tmp_path, BOOKS, BOOKS_PAYMENTS)
    own = row(results, "S@s")
    assert "available" not in own
    assert (own["on_behalf"], own["customer_credit"]) == (130, 220)
    # Together they draw 40, 110, 70 (A has repaid all of it), 90.
    assert own["customer_credit_peak"] == 110
    assert told(results, "correspondent_payments", "S@s")["mean"] == 130
    assert told(results, "customer_credit", "S@s") == {
        "largest": 110,
        "mean_of_three_largest": 110,
        "mean": 110,
        "lines": 220,
    }
    assert "S@s" not in results.measures["intraday_liquidity_usage"].value


def test_a_deadline_at_closing_belongs_to_the_day_that_closes(tmp_path: Path) -> None:
    results = run(tmp_path, NIGHTS, "\np1,2024-03-04T23:30,A,B,30,2024-03-05T04:00\n")
    assert row(results, "A@s", "2024-03-04")["time_specific"] == 30
    assert row(results, "A@s", "2024-03-05")["time_specific"] == 0


@pytest.fixture(scope="module")
def replayed(baseline_run: Results) -> dict[tuple[str, Any], list[int]]:
    """Sent, received, lowest and highest net of each account of nostro-rub and Moscow day, an instant after another."""
    found: dict[tuple[str, Any], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    rows = baseline_run.postings
    rows = rows[rows["payment_id"].notna() & rows["debit_account"].astype(str).str.endswith("@nostro-rub")]
    days = rows["posted_at"].dt.tz_convert("Europe/Moscow").dt.date
    columns = (days, rows["debit_account"], rows["credit_account"], rows["amount"].tolist())
    last: dict[tuple[str, Any, Any], int] = {}
    for at, day, debit, credit, amount in zip(rows["posted_at"], *columns, strict=True):
        for place, account in enumerate((debit, credit)):
            seen = found[account, day]
            seen[place] += amount
            last[account, day, at] = seen[1] - seen[0]
    for (account, day, _), net in last.items():
        seen = found[account, day]
        seen[2], seen[3] = min(seen[2], net), max(seen[3], net)
    return found


def test_a_year_of_bank_days_is_what_a_replay_finds(
    baseline_run: Results, replayed: dict[tuple[str, Any], list[int]]
) -> None:
    table = baseline_run.intraday
    table = table[table["account"].astype(str).str.endswith("@nostro-rub")]
    seen = 0
    for (account, day), (sent, received, lowest, highest) in replayed.items():
        mine = table[(table["account"] == account) & (table["business_day"] == pd.Timestamp(day))]
        columns = ["sent", "received", "net_debit_peak", "net_credit_peak"]
        assert mine[columns].to_numpy().tolist() == [[sent, received, -lowest, highest]]
        seen += sent
    assert table["sent"].sum() == seen


def test_the_days_of_a_system_bear_its_measures(baseline_run: Results) -> None:
    days = baseline_run.system_days
    assert not days.duplicated(["system", "business_day"]).any()
    assert (days["settled"] <= days["submitted"]).all()
    assert (days["liquidity_lower_bound"] <= days["liquidity_upper_bound"]).all()
    assert (days["closes_at"] > days["opens_at"]).all()
    counted = days[days["counted"]]
    for system, rows in counted.groupby("system", observed=True):
        assert told(baseline_run, "value_per_day", system) == pytest.approx(rows["submitted"].mean() / 100)
        assert told(baseline_run, "queue_peak_value", system) == rows["queue_peak_value"].max() / 100
        last = list(told(baseline_run, "throughput", system).values())[-1]
        busy = rows[rows["submitted"] > 0]
        assert last == pytest.approx((busy["settled"] / busy["submitted"]).mean())


def test_business_days_are_working_days_of_the_system_s_calendar(baseline_run: Results) -> None:
    rows = baseline_run.system_days
    days = rows[(rows["system"] == "biss") & rows["counted"]]["business_day"]
    assert len(days) == 253  # of Belarus in 2024
    assert pd.Timestamp("2024-05-18") in set(days)  # a Saturday made a working day
    opened = rows[(rows["system"] == "hvps") & (rows["business_day"] == pd.Timestamp("2024-03-05"))]
    (span,) = (opened["closes_at"] - opened["opens_at"]).tolist()
    assert span == timedelta(hours=20, minutes=45)


def test_money_to_spend_and_what_waits_are_followed_through_a_day(tmp_path: Path) -> None:
    days = run(tmp_path, DAY, DAY_PAYMENTS).system_days
    mine = days[days["system"] == "s"].iloc[0]
    assert mine["available_lowest"] == 17_000
    assert mine["queue_peak_value"] == 10_000


def labels(axes: Any) -> str:  # noqa: ANN401 - matplotlib's
    return " ".join(text.get_text() for axis in axes.figure.axes for text in axis.texts)


def test_a_day_of_own_payments_is_drawn_and_nothing_empty_is_saved(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        cli, ["run", str(written(tmp_path, DAY, DAY_PAYMENTS)), "-o", str(tmp_path / "run")]
    )
    assert result.exit_code == 0
    saved = {path.stem for path in (tmp_path / "run" / "figures").iterdir()}
    assert {"delay", "liquidity", "throughput"} <= saved
    assert "exposure" not in saved
    assert "Settlement systems" in result.stdout
    assert max(map(len, result.stdout.splitlines()[:-1])) <= 80
    results = sim.open(tmp_path / "run")
    axes = FIGURES["liquidity"](results, Figure().add_subplot())
    assert "S on 4 Mar 2024, when most waits" in labels(axes)
    heights = [patch.get_data()[0] for patch in axes.patches]
    # Two accounts, the money of each on that of the one before it, and below the axis its payments that wait.
    money, waiting = heights[0::2], heights[1::2]
    assert max(part.max() for part in money) == 170
    assert min(part.min() for part in waiting) == -100
    drawn = FIGURES["throughput"](results, Figure().add_subplot()).get_lines()
    assert drawn[1].get_ydata().tolist() == pytest.approx(list(told(results, "throughput").values()))


def test_runs_are_set_side_by_side_by_money_and_time(tmp_path: Path) -> None:
    folders = []
    for name, kind in (("gross", "rtgs"), ("net", 'dns, cycles: ["12:00"]')):
        (tmp_path / name).mkdir()
        scenario = DAY.replace("name: day", f"name: {name}").replace("s: {kind: rtgs,", f"s: {{kind: {kind},")
        folders.append(written(tmp_path / name, scenario, DAY_PAYMENTS))
    out = tmp_path / "runs"
    ran = CliRunner().invoke(cli, ["run", *map(str, folders), "-o", str(out)])
    assert ran.exit_code == 0
    assert ran.stdout.endswith(f"Side by side in {out / 'mechanisms.png'}\n")
    runs = [sim.open(out / "gross-1"), sim.open(out / "net-1")]
    axes = sim.plot_mechanisms(runs, Figure().add_subplot())
    (points,) = axes.get_lines()
    # On balance A pays 110 in any case; gross, 100 of it waits an hour; net, all wait until noon.
    assert points.get_xdata().tolist() == [110, 110]
    assert points.get_ydata().tolist() == pytest.approx([1 / 4, (2.5 + 2 + 1 + 0) / 4])
    assert {"gross", "net"} == {text.get_text() for text in axes.texts} - {"◀ less money    ▼ less time"}
    target = tmp_path / "both.png"
    plotted = CliRunner().invoke(cli, ["plot", str(out / "gross-1"), str(out / "net-1"), "-o", str(target)])
    assert plotted.stdout == f"{target}\n"
    assert target.is_file()
    alone = CliRunner().invoke(cli, ["plot", str(out / "gross-1"), "-o", str(target)], standalone_mode=False)
    assert isinstance(alone.exception, click.UsageError)


def test_runs_in_different_currencies_are_not_set_side_by_side(tmp_path: Path) -> None:
    one = run(tmp_path, DAY, DAY_PAYMENTS)
    other = run(tmp_path, DAY.replace("BYN", "CNY"), DAY_PAYMENTS)
    with pytest.raises(sim.ResultsError, match="BYN and CNY"):
        sim.plot_mechanisms([one, other])
    with pytest.raises(sim.ResultsError, match="there is no run"):
        sim.plot_mechanisms([])


def test_the_manifest_names_the_file_of_the_payments(tmp_path: Path) -> None:
    results = run(tmp_path, DAY, DAY_PAYMENTS)
    assert results.manifest["payments_file"] == {
        "path": str(tmp_path / "payments.csv"),
        "sha256": sha256((tmp_path / "payments.csv").read_bytes()).hexdigest(),
    }


def test_validating_a_scenario_reads_the_payments_it_brings(tmp_path: Path) -> None:
    path = written(tmp_path, DAY, "\np1,2024-03-04T09:30,A,C,60,\n")
    result = CliRunner().invoke(cli, ["validate", str(path)])
    assert result.exit_code == 2
    assert "payments.csv:2: payee_bank: 'C' holds no account" in result.stderr
