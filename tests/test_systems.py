"""How the kinds of settlement system settle, seen through the public names: a YAML file, a CSV file, the tables."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from chance import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sim
from sim.core.causes import REASONS
from sim.engine import netting
from sim.engine.systems import offsetting

SCENARIO = """
name: own-payments
period: {{start: 2024-03-04 09:00, end: 2024-03-04 17:00, zone: Europe/Minsk}}
systems:
  s: {{{system}, currency: BYN, hours: {{zone: Europe/Minsk, sessions: ["09:00-17:00"], calendar: always}}}}
accounts:
{accounts}
payments: {{file: payments.csv, system: s}}
"""


def run(
    folder: Path,
    balances: list[float],
    payments: list[tuple[int, int, float]],
    system: str,
    extra: str = "",
    more: str = "",
) -> sim.Results:
    """Run payments (payer, payee, amount), a minute apart from 09:01 on, between banks with these balances."""
    accounts = "\n".join(
        f"  - {{holder: b{number}, system: s, balance: {balance}{extra}}}"
        for number, balance in enumerate(balances, start=1)
    )
    rows = [
        f"p{number},2024-03-04T{9 + number // 60:02d}:{number % 60:02d}:00,b{payer},b{payee},{amount}"
        for number, (payer, payee, amount) in enumerate(payments, start=1)
    ]
    header = "payment_id,instructed_at,payer_bank,payee_bank,amount"
    (folder / "payments.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    path = folder / "scenario.yaml"
    path.write_text(SCENARIO.format(system=system, accounts=accounts) + more, encoding="utf-8")
    return sim.run(path)


def settled(results: sim.Results) -> set[int]:
    """Numbers of the payments that settled, counted from 1."""
    table = results.payments
    return {int(name[1:]) for name in table.loc[table["status"] == "settled", "payment_id"]}


def measure(results: sim.Results, name: str) -> float:
    return results.measures[name].value["s"]


def seconds_of(results: sim.Results, payment: str) -> dict[str, int]:
    steps = results.steps[results.steps["payment_id"] == payment]
    found = {reason: int(steps[f"{reason}_seconds"].sum()) for reason in REASONS}
    return {reason: seconds for reason, seconds in found.items() if seconds}


#: Published cases of MAS Project Ubin (2017): balances, payments, set in queue order, best value.
UBIN = {
    "1_1": ([0, 0], [(2, 1, 2), (1, 2, 2)], {1, 2}, 4),
    "1_2": ([3, 4], [(1, 2, 5), (2, 1, 6)], {1, 2}, 11),
    "2_1": ([0, 0], [(2, 1, 2), (2, 1, 3), (1, 2, 5), (2, 1, 2)], {1, 2, 3}, 10),
    "2_2": ([10, 8], [(1, 2, 20), (2, 1, 15), (1, 2, 30), (1, 2, 15), (2, 1, 80)], {1, 2}, 35),
    "2_3": ([10, 8], [(1, 2, 20), (2, 1, 15), (1, 2, 30), (2, 1, 12), (1, 2, 15), (2, 1, 80)], {1, 2, 4}, 62),
    "3_1": ([0, 0, 0], [(1, 3, 2), (2, 3, 3), (3, 2, 5), (2, 1, 2)], {1, 2, 3, 4}, 12),
    "4_2": (
        [5, 6, 7],
        [(1, 2, 8), (2, 3, 7), (3, 1, 9), (1, 2, 20), (2, 1, 7), (1, 2, 40), (2, 3, 80), (3, 2, 10)],
        {1, 2, 3, 5},
        43,
    ),
    "5_2": (
        [0, 0, 0, 0, 0],
        [(1, 2, 2), (2, 3, 3), (3, 4, 5), (4, 5, 6), (5, 1, 2), (5, 2, 1), (5, 3, 2), (5, 4, 1)],
        {1, 2, 3, 4, 5, 6, 7, 8},
        22,
    ),
    "7_1": ([3, 4, 5, 4, 3], [(1, 2, 8), (2, 3, 10), (3, 4, 20), (4, 5, 30), (5, 1, 40)], set(), 0),
}


@pytest.mark.parametrize("case", UBIN)
def test_multilateral_offsetting_settles_the_published_sets(case: str, tmp_path: Path) -> None:
    balances, payments, expected, _ = UBIN[case]
    # Once, after the last payment has come in, as the published cases have it.
    offsetting = f"offsetting: {{kind: multilateral, size: {len(payments)}}}"
    assert settled(run(tmp_path, balances, payments, f"kind: rtgs, {offsetting}")) == expected


@pytest.mark.parametrize("case", UBIN)
def test_optimal_offsetting_settles_the_published_value(case: str, tmp_path: Path) -> None:
    balances, payments, _, best = UBIN[case]
    results = run(
        tmp_path, balances, payments, f"kind: rtgs, offsetting: {{kind: optimal, size: {len(payments)}}}"
    )
    assert sum(payments[number - 1][2] for number in settled(results)) == best


@pytest.mark.parametrize("case", UBIN)
def test_a_netting_cycle_with_unwinding_settles_the_published_sets(case: str, tmp_path: Path) -> None:
    balances, payments, expected, _ = UBIN[case]
    results = run(tmp_path, balances, payments, 'kind: dns, cycles: ["12:00"]')
    assert settled(results) == expected
    table = results.payments
    at = table.loc[table["status"] == "settled", "settled_at"].unique()
    assert list(at) == ([pd.Timestamp("2024-03-04 12:00", tz="Europe/Minsk")] if expected else [])


def test_a_gridlock_is_counted_once_and_a_shortage_apart_from_it(tmp_path: Path) -> None:
    alone = run(tmp_path, [50, 20], [(1, 2, 60), (2, 1, 30)], "kind: rtgs")
    assert [measure(alone, name) for name in ("gridlocks", "deadlocks", "shortages")] == [1, 0, 1]
    assert measure(alone, "unsettled_value") == 90
    offset = run(tmp_path, [50, 20], [(1, 2, 60), (2, 1, 30)], "kind: rtgs, offsetting: {kind: multilateral}")
    assert (measure(offset, "gridlocks"), measure(offset, "unsettled_value")) == (0, 0)


def test_a_later_payment_passes_a_blocked_one_only_in_a_bypass_queue(tmp_path: Path) -> None:
    payments = [(1, 2, 60), (1, 2, 40)]
    assert settled(run(tmp_path, [50, 0], payments, "kind: rtgs, queue: fifo")) == set()
    assert settled(run(tmp_path, [50, 0], payments, "kind: rtgs, queue: bypass")) == {2}


def test_a_queue_is_tried_again_at_every_credit(tmp_path: Path) -> None:
    results = run(tmp_path, [50, 70], [(1, 2, 60), (2, 1, 10), (2, 1, 5)], "kind: rtgs")
    first = results.payments.set_index("payment_id").loc["p1"]
    assert first["settled_at"] == pd.Timestamp("2024-03-04 09:02", tz="Europe/Minsk")
    assert seconds_of(results, "p1") == {"liquidity": 60}


def test_waiting_for_a_cycle_is_netting_and_waiting_beyond_it_is_liquidity(tmp_path: Path) -> None:
    results = run(tmp_path, [0, 0], [(1, 2, 10)], 'kind: dns, cycles: ["12:00", "15:00"]')
    assert seconds_of(results, "p1") == {"netting": (2 * 60 + 59) * 60, "liquidity": 5 * 3600}


def test_a_pool_lends_what_a_participant_lacks(tmp_path: Path) -> None:
    cycle = 'kind: dns, cycles: ["12:00"]'
    payments = [(1, 2, 30)]
    assert settled(run(tmp_path, [20, 5, 50], payments, cycle)) == set()
    results = run(tmp_path, [20, 5, 50], payments, f"{cycle}, shortfall: pool")
    assert settled(results) == {1}
    assert results.accounts["closing_balance"].sum() == 7500
    assert (results.accounts["closing_balance"] >= 0).all()


@pytest.mark.quick
@pytest.mark.parametrize("lacks", [10, 45, 56, 100])
def test_the_participants_of_a_pool_lend_what_they_have_to_spare_and_the_market_lends_nothing(
    lacks: int, tmp_path: Path
) -> None:
    """Whoever grants money to a bank has an account without a limit beside those of the participants."""
    grant = "{kind: liquidity, holder: b3, system: s, at: 2024-03-04 10:00, amount: 50}"
    results = run(
        tmp_path,
        [20, 5, 0],
        [(1, 2, 20 + lacks)],
        'kind: dns, cycles: ["12:00"], shortfall: pool',
        more=f"timeline: [{grant}]",
    )
    assert "market@s" in set(results.accounts["account"])
    lent = results.borrowings.set_index("lender")["amount"]
    # Only 55 are there; for more nobody borrows, and nothing settles.
    assert set(lent.index) == ({"b2@s", "b3@s"} if lacks <= 55 else set())
    assert lent.sum() == (100 * lacks if lacks <= 55 else 0)
    assert settled(results) == ({1} if lacks <= 55 else set())


def test_a_pool_is_paid_back_at_the_next_cycle_as_far_as_the_borrower_is_covered(tmp_path: Path) -> None:
    cycles = 'kind: dns, cycles: ["09:01:30", "12:00", "15:00"], shortfall: pool'
    results = run(tmp_path, [20, 5, 50], [(1, 2, 30), (2, 1, 4)], cycles)
    loans = results.borrowings[["lender", "repaid_at", "amount", "carried_over", "rolled"]]
    at = loans["repaid_at"].dt.tz_convert("Europe/Minsk").dt.strftime("%H:%M")
    # b1 lacks 10.00, lent as 5 to 50. At 12:00 it has nothing, then 4.00 come in, which go back at 15:00.
    assert [tuple(row) for row in loans.assign(repaid_at=at).itertuples(index=False)] == [
        ("b2@s", "12:00", 91, 91, 0),
        ("b3@s", "12:00", 909, 909, 0),
        ("b2@s", "15:00", 91, 0, 1),
        ("b3@s", "15:00", 909, 600, 1),
        ("b3@s", pytest.approx(float("nan"), nan_ok=True), 600, 0, 2),
    ]
    assert set(results.borrowings["kind"]) == {"pool"}
    assert results.accounts.set_index("holder")["closing_balance"].to_dict() == {
        "b1": 0,
        "b2": 3100,
        "b3": 4400,
    }


def test_nobody_borrows_from_a_pool_for_payments_that_are_put_off(tmp_path: Path) -> None:
    # b1 lacks 100 and the others have 15 to lend: its payment is put off, and so is the loan.
    results = run(tmp_path, [0, 5, 10], [(1, 2, 100)], 'kind: dns, cycles: ["12:00"], shortfall: pool')
    assert settled(results) == set()
    assert len(results.borrowings) == len(results.postings) == 0
    # Of two payments the newer one is put off, and only what the older one needs is lent.
    results = run(
        tmp_path, [0, 5, 10], [(1, 2, 8), (1, 2, 100)], 'kind: dns, cycles: ["12:00"], shortfall: pool'
    )
    assert settled(results) == {1}
    assert results.borrowings["amount"].sum() == 800


def test_a_net_debit_cap_holds_a_payment_until_money_is_owed_back(tmp_path: Path) -> None:
    results = run(
        tmp_path,
        [100, 100],
        [(1, 2, 15), (1, 2, 10), (2, 1, 5)],
        'kind: dns, cycles: ["12:00"]',
        extra=", net_debit_cap: 20",
    )
    assert settled(results) == {1, 2, 3}
    # Refused at 09:02 (15 + 10 > 20), accepted at 09:03 when 5 came to be owed back.
    assert seconds_of(results, "p2") == {"liquidity": 60, "netting": (2 * 60 + 57) * 60}


def test_a_hybrid_settles_gross_while_funds_last_and_the_rest_at_its_cycle(tmp_path: Path) -> None:
    results = run(tmp_path, [50, 20], [(1, 2, 40), (1, 2, 30), (2, 1, 70)], 'kind: hybrid, cycles: ["12:00"]')
    times = results.payments.set_index("payment_id")["settled_at"].dt.tz_convert("Europe/Minsk")
    assert [times[name].strftime("%H:%M") for name in ("p1", "p2", "p3")] == ["09:01", "12:00", "12:00"]


def test_each_run_of_offsetting_is_told_with_what_waited_and_what_settled(tmp_path: Path) -> None:
    balances, payments, _, best = UBIN["4_2"]
    size = f"size: {len(payments)}"
    offered = sum(amount for _, _, amount in payments)
    ordered = run(tmp_path, balances, payments, f"kind: rtgs, offsetting: {{kind: multilateral, {size}}}")
    (row,) = ordered.offsettings.to_dict("records")
    assert (row["system"], row["kind"], row["queued_payments"]) == ("s", "multilateral", len(payments))
    assert (row["queued_value"], row["settled_payments"], row["settled_value"]) == (100 * offered, 4, 3100)
    assert pd.isna(row["bound"])
    assert measure(ordered, "offset_ratio") == pytest.approx(31 / offered)
    assert measure(ordered, "optimality_gap") is None
    (row,) = run(
        tmp_path, balances, payments, f"kind: rtgs, offsetting: {{kind: optimal, {size}}}"
    ).offsettings.to_dict("records")
    assert (row["settled_value"], row["bound"], row["gap"], row["status"]) == (
        100 * best,
        100 * best,
        0,
        "optimal",
    )
    assert row["offset_at"] == pd.Timestamp("2024-03-04 09:08", tz="Europe/Minsk")


def test_a_search_that_runs_out_of_time_settles_what_multilateral_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    balances, payments, _, best = UBIN["4_2"]
    monkeypatch.setattr(
        offsetting, "optimal", lambda *given, **how: netting.optimal(*given, **how | {"time_limit": 0.0})
    )
    results = run(tmp_path, balances, payments, "kind: rtgs, offsetting: {kind: optimal, size: 8}")
    (row,) = results.offsettings.to_dict("records")
    assert row["status"] == "time_limit"
    assert 3100 <= row["settled_value"] <= 100 * best <= row["bound"]
    assert measure(results, "optimality_gap") == pytest.approx(1 - row["settled_value"] / row["bound"])


def test_a_zero_balance_account_is_empty_when_the_session_ends(tmp_path: Path) -> None:
    results = run(tmp_path, [50, 20], [(1, 2, 40)], "kind: rtgs, zero_balance: true")
    # The end of the run is the end of the session; what ends then is no longer simulated.
    assert settled(results) == {1}
    longer = (tmp_path / "scenario.yaml").read_text(encoding="utf-8").replace("04 17:00", "05 09:00")
    (tmp_path / "scenario.yaml").write_text(longer, encoding="utf-8")
    accounts = sim.run(tmp_path / "scenario.yaml").accounts.set_index("holder")["closing_balance"]
    assert accounts.to_dict() == {"b1": 0, "b2": 0, "market": 7000}


def test_the_standard_measures_of_a_small_day_are_those_computed_by_hand(tmp_path: Path) -> None:
    results = run(
        tmp_path, [50, 20], [(1, 2, 60), (2, 1, 80)], "kind: rtgs, offsetting: {kind: multilateral}"
    )
    # Entries 09:01 and 09:02, both settled at 09:02, the day ends at 17:00.
    waited, longest = 60 * 60, 60 * (8 * 3600 - 60) + 80 * (8 * 3600 - 120)
    assert measure(results, "settlement_delay_indicator") == pytest.approx(waited / longest)
    assert measure(results, "liquidity_upper_bound") == 60 + 20
    assert measure(results, "liquidity_lower_bound") == 20
    assert measure(results, "netting_efficiency") == pytest.approx(1 - 20 / 140)
    assert measure(results, "queue_peak_value") == 60
    assert measure(results, "turnover_ratio") == pytest.approx(140 / 70)


SYSTEMS = {
    "fifo": "kind: rtgs",
    "bypass": "kind: rtgs, queue: bypass",
    "bilateral": "kind: rtgs, offsetting: {kind: bilateral}",
    "multilateral": "kind: rtgs, offsetting: {kind: multilateral}",
    "timer": "kind: rtgs, queue: priority, offsetting: {kind: multilateral, every: 7min}",
    "optimal": "kind: rtgs, offsetting: {kind: optimal, every: 1h}",
    "dns": 'kind: dns, cycles: ["09:20", "12:00"]',
    "pool": 'kind: dns, cycles: ["09:20", "12:00"], shortfall: pool',
    "hybrid": 'kind: hybrid, cycles: ["09:20", "12:00"]',
}


@settings(max_examples=examples(6), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    balances=st.lists(st.integers(0, 60), min_size=3, max_size=3),
    payments=st.lists(
        st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 90)).filter(lambda p: p[0] != p[1]),
        min_size=1,
        max_size=25,
    ),
)
@pytest.mark.parametrize("system", SYSTEMS)
def test_money_is_conserved_and_no_account_is_overdrawn(
    system: str, balances: list[int], payments: list[tuple[int, int, int]], tmp_path: Path
) -> None:
    results = run(tmp_path, balances, payments, SYSTEMS[system])
    accounts, postings = results.accounts, results.postings
    assert accounts["closing_balance"].sum() == 100 * sum(balances)
    balance = dict(zip(accounts["account"], accounts["opening_balance"], strict=True))
    for _, together in postings.groupby("batch", sort=True):
        for row in together.itertuples():
            balance[row.debit_account] -= row.amount
            balance[row.credit_account] += row.amount
        assert min(balance.values()) >= 0
    assert balance == dict(zip(accounts["account"], accounts["closing_balance"], strict=True))
    posted = postings["payment_id"].dropna()
    assert posted.is_unique
    assert {int(name[1:]) for name in posted} == settled(results)
