"""What is counted at an instant is counted after everything of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import sim

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from sim.results.results import Results

SCENARIO = """
name: instants
period: {{start: 2024-03-04 09:00, end: 2024-03-05 17:00, zone: Europe/Minsk}}
banks: {{A: {{hours: always}}, B: {{hours: always}}, C: {{hours: always}}, D: {{hours: always}}, S: {{hours: always}}}}
systems: {{s: {{{system}, currency: BYN, hours: {{zone: Europe/Minsk, sessions: ["09:00-17:00"], calendar: always}}}}}}
accounts:
{accounts}
payments: {{file: payments.csv, system: s}}
"""


def run(folder: Path, accounts: list[str], rows: list[str], system: str = "kind: rtgs") -> Results:
    """Rows are `time,payer,payee,amount` on one day; accounts `holder, …`."""
    lines = [f"p{number},2024-03-04T{row}" for number, row in enumerate(rows)]
    header = "payment_id,instructed_at,payer_bank,payee_bank,amount"
    (folder / "payments.csv").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    path = folder / "scenario.yaml"
    listed = "\n".join(f"  - {{system: s, holder: {account}}}" for account in accounts)
    path.write_text(SCENARIO.format(system=system, accounts=listed), encoding="utf-8")
    return sim.run(path)


def waits(results: Results) -> bool:
    return bool((results.transfers["settled_at"] != results.transfers["submitted_at"]).any())


@pytest.mark.parametrize("seed", range(3))
def test_with_the_upper_bound_nothing_waits_and_with_one_unit_less_something_does(
    seed: int, tmp_path: Path
) -> None:
    random, banks = np.random.default_rng(seed), "ABCD"
    net, need, rows = np.zeros(4, dtype=int), np.zeros(4, dtype=int), []
    for minute in range(8):
        # At one instant money goes one way round, so that gross settlement finds an order for it.
        way = random.permutation(4)
        for _ in range(random.integers(1, 7)):
            first, second = np.sort(random.choice(4, 2, replace=False))
            payer, payee, amount = way[first], way[second], int(random.integers(1, 9))
            rows.append(f"09:0{minute},{banks[payer]},{banks[payee]},{amount}")
            net[payer] -= amount
            net[payee] += amount
        need = np.maximum(need, -net)

    def with_balances(balances: NDArray[np.float64]) -> Results:
        return run(
            tmp_path, [f"{bank}, balance: {b:.2f}" for bank, b in zip(banks, balances, strict=True)], rows
        )

    enough = with_balances(need)
    assert enough.measures["liquidity_upper_bound"].value["s"] == need.sum()
    assert not waits(enough)
    assert enough.accounts["opening_balance"].sum() == sum(
        told * 100 for told in enough.measures["liquidity_used"].value.values()
    )
    for bank in np.flatnonzero(need):
        assert waits(with_balances(need - 0.01 * (np.arange(4) == bank))), banks[bank]


#: A pays before it is paid, in one and the same second; so does C, a minute later.
BEFORE = ["10:00,A,B,100", "10:00,D,A,100", "10:01,C,D,30", "10:01,B,C,30"]


def test_peaks_are_of_what_an_instant_leaves_behind(tmp_path: Path) -> None:
    results = run(tmp_path, ["A, balance: 100", "B", "C, balance: 30", "D, balance: 100"], BEFORE)
    intraday = results.intraday.groupby("account", observed=True).first()
    assert intraday["net_debit_peak"].to_dict() == {"A@s": 0, "B@s": 0, "C@s": 0, "D@s": 10_000}
    assert intraday["net_credit_peak"].to_dict() == {"A@s": 0, "B@s": 10_000, "C@s": 0, "D@s": 0}
    assert results.measures["liquidity_used"].value == {"A@s": 0, "B@s": 0, "C@s": 0, "D@s": 100}
    day = results.system_days.iloc[0]
    assert (day["liquidity_upper_bound"], day["queue_peak_value"]) == (10_000, 0)


def test_credit_of_customers_is_what_an_instant_leaves_drawn(tmp_path: Path) -> None:
    accounts = [f"{bank}, servicer: S, credit: 100" for bank in "ABCD"]
    results = run(tmp_path, accounts, BEFORE, "kind: correspondent")
    # D's 100, and then 70 when C's payment has come to it.
    assert results.measures["customer_credit"].value["S@s"]["largest"] == 100


def test_positions_in_a_clearing_account_are_what_an_instant_leaves_behind(tmp_path: Path) -> None:
    system = "kind: clearing, swing: 100, settled: monthly, at: '16:00'"
    results = run(tmp_path, list("ABCD"), BEFORE, system)
    assert results.measures["credit_exposure_peak"].value["s"] == {"A": 0, "B": 0, "C": 0, "D": 100}


def test_what_an_opening_settles_is_not_in_the_queue_of_that_day(tmp_path: Path) -> None:
    # The limit lets 40 go on each day; what waits for that through the night goes as the system opens.
    accounts = ["A, balance: 80, limits: {multilateral: 40}", "B"]
    results = run(tmp_path, accounts, ["16:00,A,B,40", "16:01,A,B,40"])
    assert results.system_days["queue_peak_value"].tolist() == [4_000, 0]
    assert results.system_days["available_lowest"].tolist() == [8_000, 8_000]
    assert results.balances.loc[results.balances["account"] == "A@s", "lowest_balance"].tolist()[0] == 4_000
