"""A bank that holds back keeps ordinary payments until its balance, the hour or a throughput rule lets them go."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from stays import of_payments

import sim
import sim.show
from sim.errors import ScenarioError

SCENARIO = """
name: holding
period: {{start: 2024-03-04 09:00, end: 2024-03-06 17:00, zone: Europe/Minsk}}
systems:
  s:
    {{{system}, currency: BYN, hours: {{zone: Europe/Minsk, sessions: ["09:00-17:00"], calendar: always}}}}
accounts:
{accounts}
payments: {{file: payments.csv, system: s}}
{more}
"""
RTGS = "kind: rtgs"
HOLDS = "holds: {below: 60, until: '15:00'}"


def scenario(folder: Path, accounts: list[str], rows: list[str], system: str = RTGS, more: str = "") -> Path:
    """Rows are `day time,payer,payee,amount,priority` in March; accounts `holder, balance: …`."""
    header = "payment_id,instructed_at,payer_bank,payee_bank,amount,priority"
    lines = [f"p{number},2024-03-{row.replace(' ', 'T')}" for number, row in enumerate(rows, start=1)]
    (folder / "payments.csv").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    path = folder / "scenario.yaml"
    listed = "\n".join(f"  - {{system: s, holder: {account}}}" for account in accounts)
    path.write_text(SCENARIO.format(system=system, accounts=listed, more=more), encoding="utf-8")
    return path


def run(
    folder: Path, accounts: list[str], rows: list[str], system: str = RTGS, more: str = ""
) -> sim.Results:
    return sim.run(scenario(folder, accounts, rows, system, more))


def times(results: sim.Results) -> list[str | None]:
    """Local day and time of settlement by payment, none for those that still wait."""
    settled = results.payments["settled_at"].dt.tz_convert("Europe/Minsk")
    return [None if pd.isna(at) else at.strftime("%d %H:%M") for at in settled]


def test_what_would_take_the_balance_below_waits_until_the_hour(tmp_path: Path) -> None:
    accounts = [f"A, balance: 100, {HOLDS}", "B"]
    results = run(tmp_path, accounts, ["04 09:01,A,B,40,0", "04 09:02,A,B,1,0", "04 15:00,A,B,1,0"])
    assert times(results) == ["04 09:01", "04 15:00", "04 15:00"]
    # The second would have settled at once; all of its wait is for liquidity.
    assert of_payments(results, "liquidity").tolist() == [0, 358 * 60, 0]


def test_receipts_let_it_go_and_the_next_day_it_holds_back_again(tmp_path: Path) -> None:
    accounts = [f"A, balance: 70, {HOLDS}", "B, balance: 100"]
    rows = ["04 09:01,A,B,30,0", "04 11:00,B,A,20,0", "05 09:00,A,B,1,0", "05 16:00,A,B,1,0"]
    assert times(run(tmp_path, accounts, rows)) == ["04 11:00", "04 11:00", "05 15:00", "05 16:00"]


def test_urgent_payments_are_not_held_back_and_leave_the_rest_held(tmp_path: Path) -> None:
    accounts = [f"A, balance: 100, {HOLDS}", "B, balance: 50"]
    rows = ["04 09:01,A,B,50,0", "04 09:02,A,B,70,1", "04 10:00,B,A,60,0", "04 11:00,B,A,20,0"]
    # The urgent payment leaves 30; 60 and 20 more make 110, of which 50 may go.
    told = times(run(tmp_path, accounts, rows, f"{RTGS}, queue: priority"))
    assert told == ["04 11:00", "04 09:02", "04 10:00", "04 11:00"]


def test_a_bank_may_hold_back_rather_than_use_its_credit(tmp_path: Path) -> None:
    for below, expected in (("0", "04 15:00"), ("-20", "04 15:00"), ("-30", "04 09:01")):
        accounts = [f"A, balance: 10, credit: 50, holds: {{below: {below}, until: '15:00'}}", "B"]
        assert times(run(tmp_path, accounts, ["04 09:01,A,B,40,0"])) == [expected]


def test_a_run_that_begins_after_the_hour_holds_nothing_back_on_that_day(tmp_path: Path) -> None:
    path = scenario(tmp_path, [f"A, balance: 100, {HOLDS}", "B"], ["04 15:30,A,B,50,0", "05 09:30,A,B,10,0"])
    path.write_text(path.read_text("utf-8").replace("2024-03-04 09:00", "2024-03-04 15:20"), encoding="utf-8")
    assert times(sim.run(path)) == ["04 15:30", "05 15:00"]


def test_an_outage_at_the_hour_puts_the_release_off_to_the_next_opening(tmp_path: Path) -> None:
    until = {"2024-03-04 16:00": "04 16:00", "2024-03-05 08:00": "05 09:00"}
    for end, expected in until.items():
        out = f"timeline: [{{kind: outage, system: s, from: 2024-03-04 14:00, to: {end}}}]"
        results = run(tmp_path, [f"A, balance: 100, {HOLDS}", "B"], ["04 09:01,A,B,50,0"], more=out)
        assert times(results) == [expected]


@pytest.mark.quick
@pytest.mark.parametrize(("reserved", "kept"), [(0, 60), (30, 60), (60, 60), (70, 70)])
def test_an_ordinary_payment_leaves_the_larger_of_what_is_reserved_and_what_is_held_back(
    reserved: int, kept: int, tmp_path: Path
) -> None:
    accounts = [f"A, balance: 100, reserved: {reserved}, {HOLDS}", "B"]
    rows = [f"04 09:01,A,B,{100 - kept},0", "04 09:02,A,B,1,0"]
    # From the hour on what is reserved is kept, and no more.
    rest = "04 15:00" if reserved < kept else None
    assert times(run(tmp_path, accounts, rows)) == ["04 09:01", rest]


def test_correspondents_clients_hold_back_too(tmp_path: Path) -> None:
    accounts = [f"A, servicer: C, balance: 100, {HOLDS}", "B, servicer: C"]
    assert times(run(tmp_path, accounts, ["04 09:01,A,B,50,0"], "kind: correspondent")) == ["04 15:00"]


@pytest.mark.parametrize("kind", ["bilateral", "multilateral", "optimal"])
def test_offsetting_leaves_what_is_held_back(kind: str, tmp_path: Path) -> None:
    system = f"{RTGS}, offsetting: {{kind: {kind}}}"
    rows = ["04 09:01,A,B,50,0", "04 09:02,B,A,30,0"]
    for below, expected in ((80, "04 09:02"), (81, "04 15:00")):
        accounts = [f"A, balance: 100, holds: {{below: {below}, until: '15:00'}}", "B, balance: 5"]
        assert times(run(tmp_path, accounts, rows, system)) == [expected, expected]


def test_an_urgent_payment_goes_on_when_a_rule_has_sent_what_stood_before_it(tmp_path: Path) -> None:
    system = f"{RTGS}, throughput: [{{share: 0.5, by: '12:00'}}]"
    rows = ["04 09:01,A,B,10,0", "04 09:02,A,B,10,1", "04 09:03,A,B,10,0"]
    results = run(tmp_path, [f"A, balance: 60, {HOLDS}", "B"], rows, system)
    # A third of the day's value is less than half of it; the urgent payment then stands first and was never held.
    assert times(results) == ["04 12:00", "04 12:00", "04 15:00"]
    # Half of it is enough, but what waits behind is urgent all the same.
    results = run(tmp_path, [f"A, balance: 60, {HOLDS}", "B"], rows[:2], system)
    assert times(results) == ["04 12:00", "04 12:00"]
    assert results.transfers["released_by"].tolist() == ["pace", "pace"]


def test_banks_that_hold_back_for_each_other_are_in_gridlock(tmp_path: Path) -> None:
    accounts = [f"{bank}, balance: 100, {HOLDS}" for bank in "AB"]
    results = run(tmp_path, accounts, ["04 09:01,A,B,50,0", "04 09:02,B,A,50,0"])
    # A alone cannot be helped by anybody; with B's payment both could go.
    assert standstills(results) == [1, 0, 1]
    assert times(results) == ["04 15:00", "04 15:00"]


def standstills(results: sim.Results) -> list[int]:
    return [results.measures[name].value["s"] for name in ("gridlocks", "deadlocks", "shortages")]


def test_an_urgent_payment_that_has_gone_leaves_what_is_held_back_in_shortage(tmp_path: Path) -> None:
    accounts = [f"A, balance: 50, {HOLDS}", "B", "C", "D, balance: 100"]
    # A and B could pay each other all they owe, until D's money lets them, but for the ordinary payment to C.
    rows = ["04 09:01,A,B,80,1", "04 09:02,A,C,10,0", "04 09:03,B,A,40,0", "04 09:04,D,A,30,0"]
    results = run(tmp_path, accounts, rows, f"{RTGS}, queue: priority")
    assert times(results) == ["04 09:04", "04 15:00", "04 09:04", "04 09:04"]
    assert standstills(results) == [1, 0, 2]


REPO = """
facilities:
  repo: {kind: repo, system: s, collateral: {A: 100}, haircut: 0, rate: 0.05}
"""


def test_who_holds_back_borrows_only_when_it_lets_go_and_lacks_money(tmp_path: Path) -> None:
    rows = ["04 09:01,A,B,50,0", "04 09:02,A,B,80,0"]
    results = run(tmp_path, [f"A, balance: 100, {HOLDS}", "B"], rows, more=REPO)
    assert times(results) == ["04 15:00", "04 15:00"]
    loans = results.borrowings
    assert loans["amount"].tolist()[:1] == [30_00]
    drawn_at = loans["drawn_at"].dt.tz_convert("Europe/Minsk")
    assert drawn_at.dt.strftime("%d %H:%M").tolist()[:1] == ["04 15:00"]


def test_who_holds_back_borrows_at_once_for_what_is_urgent(tmp_path: Path) -> None:
    rows = ["04 09:01,A,B,50,0", "04 09:02,A,B,120,1"]
    system = f"{RTGS}, queue: priority"
    results = run(tmp_path, [f"A, balance: 100, {HOLDS}", "B"], rows, system, REPO)
    assert times(results)[1] == "04 09:02"
    assert results.borrowings["amount"].iloc[0] == 20_00


def test_a_treasury_buys_for_what_is_held_back(tmp_path: Path) -> None:
    accounts = [f"A, balance: 100, treasury: desk, {HOLDS}", "B"]
    desk = "treasuries: {desk: {at: '12:00', zone: Europe/Minsk, calendar: always}}"
    # Fifty more keep the account at its target, whichever time the payment goes at.
    assert times(run(tmp_path, accounts, ["04 09:01,A,B,50,0"], more=desk)) == ["04 12:00"]


# Throughput rules.

RULE = RTGS + ", throughput: [{share: 0.5, by: '12:00'}, {share: 0.75, by: '14:00'}]"


def test_at_the_times_of_a_rule_a_bank_releases_what_the_share_takes_and_no_more(tmp_path: Path) -> None:
    accounts = ["A, balance: 100, holds: {below: 100, until: '16:00'}", "B, balance: 100"]
    rows = [f"04 09:0{k},A,B,20,0" for k in range(1, 5)]
    results = run(tmp_path, accounts, rows, RULE)
    assert times(results) == ["04 12:00", "04 12:00", "04 14:00", "04 16:00"]
    assert results.measures["throughput_met"].value == {"s": {"12:00": 1.0, "14:00": 1.0}}


def test_the_value_of_a_day_is_what_was_submitted_by_then_and_what_waited_before(tmp_path: Path) -> None:
    accounts = ["A, balance: 50, holds: {below: 150, until: '16:00'}", "B, balance: 200"]
    # 60 is not covered on the first day. On the second, 80 were asked for by noon, of which 60 are at least half;
    # what is submitted at noon counts for two, when three quarters are 135.
    rows = ["04 09:01,A,B,60,0", "05 09:10,A,B,20,0", "05 09:20,B,A,140,0", "05 12:00,A,B,100,0"]
    results = run(tmp_path, accounts, rows, RULE)
    assert times(results) == ["05 12:00", "05 14:00", "05 09:20", "05 14:00"]
    # On the first day A paid nothing, on the second both kept the rule.
    met = results.measures["throughput_met"].value["s"]
    assert met == {"12:00": pytest.approx(2 / 3), "14:00": pytest.approx(2 / 3)}


def test_what_was_sent_on_another_day_does_not_count(tmp_path: Path) -> None:
    accounts = ["A, balance: 300, holds: {below: 250, until: '16:00'}", "B"]
    rows = ["04 09:01,A,B,40,0", "05 09:01,A,B,20,0"]
    assert times(run(tmp_path, accounts, rows, RULE)) == ["04 09:01", "05 12:00"]


def test_a_rule_is_kept_as_far_as_cover_goes(tmp_path: Path) -> None:
    accounts = ["A, balance: 30, holds: {below: 30, until: '16:00'}", "B, balance: 0"]
    rows = ["04 09:01,A,B,20,0", "04 09:02,A,B,40,0", "04 09:03,A,B,5,0"]
    assert times(run(tmp_path, accounts, rows, RULE)) == ["04 12:00", None, None]
    bypass = run(tmp_path, accounts, rows, RULE + ", queue: bypass")
    assert times(bypass) == ["04 12:00", None, "04 12:00"]
    assert bypass.measures["throughput_met"].value["s"]["12:00"] == 0


def test_what_one_bank_releases_lets_another_keep_the_rule(tmp_path: Path) -> None:
    # B, the first in line, has no cover before A has paid.
    accounts = [
        "B, balance: 0, holds: {below: 50, until: '16:00'}",
        "A, balance: 40, holds: {below: 50, until: '16:00'}",
    ]
    rows = ["04 09:01,B,A,40,0", "04 09:02,A,B,40,0"]
    results = run(tmp_path, accounts, rows, RULE)
    assert times(results) == ["04 12:00", "04 12:00"]
    assert results.measures["throughput_met"].value["s"]["12:00"] == 1


def test_a_rule_moves_nobody_who_does_not_hold_back(tmp_path: Path) -> None:
    accounts, rows = ["A, balance: 30", "B"], ["04 09:01,A,B,40,0", "04 09:02,A,B,10,0", "05 10:00,A,B,20,0"]
    with_rule, without = (run(tmp_path, accounts, rows, system) for system in (RULE, RTGS))
    for table in ("postings", "transfers", "payments", "balances"):
        pd.testing.assert_frame_equal(with_rule[table], without[table])
    assert without.measures["throughput_met"].value == {}


def test_the_figure_shows_the_points_of_a_rule(tmp_path: Path) -> None:
    results = run(tmp_path, ["A, balance: 30", "B"], ["04 09:01,A,B,10,0"], RULE)
    axes = results.plot.throughput(ax=Figure().add_subplot())
    points = [line.get_xydata() for line in axes.lines if line.get_marker() == "D"]
    assert np.concatenate(points).tolist() == [[12, 0.5], [14, 0.75]]


@pytest.mark.parametrize(
    ("account", "system", "told"),
    [
        ("A, holds: {until: '15:00'}", RTGS, "accounts.0.holds: the key 'below' is needed here"),
        ("A, holds: {below: 1}", RTGS, "accounts.0.holds: the key 'until' is needed here"),
        (
            "A, holds: {below: 0.001, until: '15:00'}",
            RTGS,
            "accounts.0.holds.below: 0.001 has more than 2 decimals",
        ),
        (
            "A, holds: {below: 0, until: '15:00'}",
            RTGS,
            "accounts.0.holds.below: the balance cannot fall below that",
        ),
        (
            "A, holds: {below: 5, until: '17:00'}",
            RTGS,
            "accounts.0.holds.until: at 17:00 the system is closed",
        ),
        ("A, holds: {below: 5, until: 15h}", RTGS, "accounts.0.holds.until: '15h' is not a time of day"),
        (
            "A, holds: {below: 5, until: '15:00'}",
            'kind: dns, cycles: ["12:00"]',
            "accounts.0.holds: 's' is no rtgs or correspondent system",
        ),
        ("A", RTGS + ", throughput: [{share: 0, by: '12:00'}]", "throughput.0.share: must be greater than 0"),
        ("A", RTGS + ", throughput: [{share: 1.1, by: '12:00'}]", "throughput.0.share: must be at most 1"),
        (
            "A",
            RTGS + ", throughput: [{share: 0.5, by: '08:00'}]",
            "throughput.0.by: at 08:00 the system is closed",
        ),
        (
            "A",
            RTGS + ", throughput: [{share: 0.5, by: '12:00'}, {share: 0.7, by: '12:00'}]",
            "throughput.1.by: a rule's times follow one another",
        ),
        (
            "A",
            RTGS + ", throughput: [{share: 0.5, by: '12:00'}, {share: 0.4, by: '13:00'}]",
            "throughput.1.share: a rule's shares do not fall",
        ),
    ],
)
def test_nonsense_is_told_with_its_place(account: str, system: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError) as caught:
        sim.load(scenario(tmp_path, [account, "B"], ["04 09:01,A,B,1,0"], system))
    (problem,) = caught.value.problems
    assert told in str(problem)
    assert str(problem).startswith(str(tmp_path / "scenario.yaml"))
