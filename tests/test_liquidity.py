"""Money is prefunded, lent within the day or bought, and each has its cost."""

from __future__ import annotations

from pathlib import Path

import pytest
from towns import YEAR, cost, opening, refusal, run, write

import sim
from sim.world.build import build_world

# Prefunding.


def test_prefunding_is_so_many_days_of_mean_payouts(tmp_path: Path) -> None:
    payments = ["4 09:10 a b 60.00", "5 10:00 a b 40.01", "5 10:30 b a 7"]
    results = run(tmp_path, ["holder: a, prefund_days: 1.5", "holder: b, balance: 3"], payments)
    # Two working days in the period: 1.5 × 100.01 / 2 = 75.0075, in whole kopecks 75.01.
    assert opening(results, "a") == 7501
    assert opening(results, "b") == 300


def test_prefunding_counts_payments_due_in_the_period_by_the_system_they_ask() -> None:
    results = sim.load("baseline", ["period.end=2024-01-11", "run_in=3d", "horizon=5d"])
    world = sim.run(results)
    payments = world.payments.set_index("payment_id")
    transfers = world.transfers.join(payments[["counted"]], on="payment_id")
    asked = transfers[transfers["counted"] & (transfers["debit_account"] == "minsk-a@nostro-usd")]
    # The bank in Minsk works on 3 to 5 and 8 to 10 January.
    expected = round(4 * int(asked["amount"].sum()) / 6)
    assert world.accounts.set_index("account").loc["minsk-a@nostro-usd", "opening_balance"] == expected


@pytest.mark.parametrize(
    "more",
    [
        [
            "hours.moscow.calendar=russia",
            "hours.new-york.sessions=['09:00-17:00']",
            "hours.hvps.calendar=always",
        ],
        ["timeline=[{kind: service_days, hours: [belarus-office, hvps], days: [2024-01-06, 2024-01-07]}]"],
        ["timeline=[{kind: outage, bank: minsk-a, from: 2024-01-04 00:00, to: 2024-01-10 00:00}]"],
    ],
)
def test_other_hours_bring_no_other_balances(more: list[str]) -> None:
    window = ["period.end=2024-01-11", "run_in=3d", "horizon=5d"]
    usual, other = (build_world(sim.load("baseline", [*window, *change])) for change in ([], more))
    assert (usual.network.accounts.opening == other.network.accounts.opening).all()


def test_the_treasury_restores_what_was_prefunded(tmp_path: Path) -> None:
    treasury = 'treasuries: {t: {at: "16:00", zone: Europe/Minsk, calendar: always}}'
    accounts = ["holder: a, prefund_days: 1, treasury: t", "holder: b, balance: 0"]
    results = run(tmp_path, accounts, ["4 09:10 a b 20", "5 09:10 a b 20"], more=treasury)
    assert opening(results, "a") == 2000
    assert results.accounts.set_index("holder").loc["a", "closing_balance"] == 2000


def test_a_prefunded_scenario_runs_again_from_what_it_left(tmp_path: Path) -> None:
    accounts = ["holder: a, prefund_days: 2", "holder: b, balance: 0"]
    results = run(tmp_path, accounts, ["4 09:10 a b 20", "5 09:10 a b 20.01"]).save(tmp_path / "run")
    again = sim.run(tmp_path / "run" / "scenario.yaml")
    assert opening(again, "a") == opening(results, "a") == 4001


def test_a_balance_and_prefunding_are_one_too_many(tmp_path: Path) -> None:
    path = write(tmp_path, ["holder: a, balance: 5, prefund_days: 2"], [])
    assert "town.yaml:7:43: accounts.0.prefund_days: state either 'balance' or 'prefund_days'" in refusal(
        path
    )


# Credit and what money costs.


def test_an_overdraft_of_a_million_for_six_hours_at_3_65_percent_costs_25(tmp_path: Path) -> None:
    accounts = ["holder: a, intraday_credit: {limit: 1_000_000, rate: 0.0365}", "holder: b"]
    results = run(tmp_path, accounts, ["4 10:00 a b 1_000_000", "4 16:00 b a 1_000_000"])
    assert cost(results, "intraday_credit") == 25.00
    assert results.liquidity_costs["amount"].tolist() == [2500]
    assert cost(results, "overnight_credit") == 0


def test_credit_used_beyond_the_end_of_a_day_costs_the_overnight_rate_until_the_next(tmp_path: Path) -> None:
    credit = "intraday_credit: {limit: 1_000_000, rate: 0.0365, overnight_rate: 0.365}"
    accounts = [f"holder: a, {credit}", "holder: b"]
    results = run(tmp_path, accounts, ["4 10:00 a b 1_000_000", "5 10:00 b a 1_000_000"])
    # 10:00 to 17:00 and 9:00 to 10:00 within days, 16 hours between them.
    assert cost(results, "intraday_credit") == pytest.approx(1e6 * 0.0365 * 8 / YEAR, abs=0.01)
    assert cost(results, "overnight_credit") == pytest.approx(1e6 * 0.365 * 16 / YEAR, abs=0.01)


def test_the_plain_overdraft_is_used_first_and_is_free(tmp_path: Path) -> None:
    credit = "credit: 400_000, intraday_credit: {limit: 600_000, rate: 0.0365, overnight_rate: 0}"
    results = run(tmp_path, [f"holder: a, {credit}", "holder: b"], ["4 11:00 a b 1_000_000"])
    within_days = 6 + 8
    assert cost(results, "intraday_credit") == pytest.approx(6e5 * 0.0365 * within_days / YEAR, abs=0.01)
    assert cost(results, "total") == cost(results, "intraday_credit")


def test_collateral_is_lent_against_less_its_haircut_and_not_a_kopeck_more(tmp_path: Path) -> None:
    credit = "intraday_credit: {collateral: 100.01, haircut: 0.05}"
    payments = ["4 10:00 a b 95.00", "4 11:00 a b 0.01"]
    results = run(tmp_path, [f"holder: a, {credit}", "holder: b"], payments)
    # 100.01 × 0.95 = 95.0095, rounded down to 95.00.
    assert results.payments["status"].tolist() == ["settled", "pending"]
    assert results.accounts.set_index("holder").loc["a", "floor"] == -9500
    assert cost(results, "total") == 0


def test_money_held_costs_its_rate_for_the_period_only(tmp_path: Path) -> None:
    accounts = ["holder: a, balance: 1_000_000", "holder: b, holding_rate: 0"]
    more = "horizon: 3d"
    results = run(
        tmp_path, accounts, ["4 12:00 a b 400_000"], system="holding_rate: 0.05", more=more, end="2024-03-06"
    )
    held = 1e6 * 12 + 6e5 * 36
    assert cost(results, "holding") == pytest.approx(held * 0.05 / YEAR, abs=0.01)
    costs = results.measures["liquidity_cost_by_system"].value["s"]
    assert costs["holding"] == costs["total"] == cost(results, "holding")
    assert results.measures["payment_cost_bps"].value["liquidity"] == pytest.approx(
        1e4 * cost(results, "holding") / 4e5
    )


@pytest.mark.parametrize(
    ("account", "problem"),
    [
        ("intraday_credit: {rate: 0.1}", "intraday_credit: state either 'limit' or 'collateral'"),
        (
            "intraday_credit: {limit: 5, collateral: 5}",
            "intraday_credit: state either 'limit' or 'collateral'",
        ),
        ("intraday_credit: {limit: 5, haircut: 0.1}", "haircut: a haircut needs 'collateral'"),
        ("intraday_credit: {limit: 5.001}", "intraday_credit.limit: 5.001 has more than 2 decimals"),
        ("intraday_credit: {limit: 5, rate: -0.1}", "rate: must be at least 0, not -0.1"),
        (
            "balance: -6, intraday_credit: {limit: 5}",
            "balance: the opening balance is beyond the credit line",
        ),
        ("holding_rate: -1", "holding_rate: must be at least 0, not -1"),
    ],
)
def test_impossible_credit_is_refused_where_it_stands(account: str, problem: str, tmp_path: Path) -> None:
    told = refusal(write(tmp_path, [f"holder: a, {account}"], []))
    assert "town.yaml:7:" in told
    assert problem in told
