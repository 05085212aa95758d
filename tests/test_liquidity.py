"""Where the money comes from and what it costs, seen through the public names: YAML, CSV, tables, measures."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent

import pytest

import sim
from sim.errors import ScenarioError

HOURS = '{zone: Europe/Minsk, sessions: ["09:00-17:00"], calendar: always}'
TOWN = """
name: town
period: {{start: 2024-03-04 00:00, end: {end} 00:00, zone: Europe/Minsk}}
systems:
  s: {{kind: rtgs, currency: BYN, hours: {hours}{system}}}
accounts:
{accounts}
payments: {{file: payments.csv, system: s}}
{more}
"""


def write(
    folder: Path,
    accounts: list[str],
    payments: list[str],
    *,
    system: str = "",
    more: str = "",
    end: str = "2024-03-06",
) -> Path:
    """A town of banks with one system, open from 09:00 to 17:00; payments are `day time payer payee amount`.

    4 March 2024 is a Monday; the run ends with the 5th unless `end` says otherwise.
    """
    rows = []
    for number, text in enumerate(payments, start=1):
        day, time, payer, payee, amount = text.split()
        rows.append(f"p{number},2024-03-{int(day):02d}T{time}:00,{payer},{payee},{amount}")
    lines = ["payment_id,instructed_at,payer_bank,payee_bank,amount", *rows]
    (folder / "payments.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    path = folder / "town.yaml"
    listed = indent("\n".join(f"- {{{account}, system: s}}" for account in accounts), "  ")
    text = TOWN.format(end=end, hours=HOURS, system=system and f", {system}", accounts=listed, more=more)
    path.write_text(text, encoding="utf-8")
    return path


def run(
    folder: Path,
    accounts: list[str],
    payments: list[str],
    *,
    system: str = "",
    more: str = "",
    end: str = "2024-03-06",
) -> sim.Results:
    """Run such a town."""
    return sim.run(write(folder, accounts, payments, system=system, more=more, end=end))


def opening(results: sim.Results, holder: str) -> int:
    """Opening balance in minor units."""
    return int(results.accounts.set_index("holder").loc[holder, "opening_balance"])


def refusal(path: Path) -> str:
    """What is said about a scenario that cannot be."""
    with pytest.raises(ScenarioError) as caught:
        sim.load(path)
    return "\n".join(str(problem) for problem in caught.value.problems)


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
    # New York works on 2 to 5 and 8 to 10 January.
    expected = round(4 * int(asked["amount"].sum()) / 7)
    assert world.accounts.set_index("account").loc["minsk-a@nostro-usd", "opening_balance"] == expected


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
