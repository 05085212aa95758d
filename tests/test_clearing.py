"""A clearing account lets two countries' agents pay each other on account, within a swing, and square it later."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from chance import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stays import of_payments

import sim

if TYPE_CHECKING:
    from pathlib import Path

SCENARIO = """
name: account
period: {{start: 2024-03-04 00:00, end: {end} 00:00, zone: Europe/Minsk}}
{rates}
calendars: {{belarus: {{country: BY}}}}
systems:
  account:
    kind: clearing
    currency: CNY
    hours: {{zone: Europe/Minsk, calendar: belarus, sessions: ["09:00-17:00"]}}
    swing: {swing}
    settled: {settled}
    at: "16:00"
    {more}
accounts: [{accounts}]
payments: {{file: payments.csv, system: account}}
"""


def run(folder: Path, rows: list[str], *, agents: str = "ab", **declared: str) -> sim.Results:
    """Rows are `03-04 10:00 a b 30`: then agent a pays b thirty yuan."""
    lines = []
    for number, row in enumerate(rows, start=1):
        day, clock, payer, payee, amount = row.split()
        lines.append(f"p{number},2024-{day}T{clock},{payer},{payee},{amount}")
    text = "payment_id,instructed_at,payer_bank,payee_bank,amount\n" + "\n".join(lines) + "\n"
    (folder / "payments.csv").write_text(text, encoding="utf-8")
    usual = {"end": "2024-04-01", "swing": "1000", "settled": "weekly", "more": "", "rates": ""}
    accounts = ", ".join(f"{{holder: {agent}, system: account}}" for agent in agents)
    path = folder / "scenario.yaml"
    path.write_text(SCENARIO.format(accounts=accounts, **{**usual, **declared}), encoding="utf-8")
    return sim.run(path)


def squared(results: sim.Results) -> list[tuple[str, str, str, float]]:
    rows = results["clearings"]
    at = rows["settled_at"].dt.tz_convert("Europe/Minsk").dt.strftime("%m-%d %H:%M")
    return list(zip(at, rows["debtor"], rows["creditor"], rows["amount"] / 100, strict=True))


def test_only_the_balance_of_the_period_is_paid(tmp_path: Path) -> None:
    results = run(tmp_path, ["03-04 10:00 a b 30", "03-05 10:00 b a 10", "03-13 10:00 b a 5"])
    assert squared(results) == [("03-07 16:00", "a", "b", 20), ("03-15 16:00", "b", "a", 5)]
    assert (results.accounts["closing_balance"] == 0).all()
    assert results.measures["netting_efficiency"].value["account"] == pytest.approx(1 - 25 / 45)


def test_the_last_working_day_of_a_week_with_a_holiday_comes_earlier(tmp_path: Path) -> None:
    """Friday, 8 March 2024, is a holiday in Belarus."""
    assert squared(run(tmp_path, ["03-04 10:00 a b 30"])) == [("03-07 16:00", "a", "b", 30)]


@pytest.mark.parametrize(("settled", "day"), [("monthly", "03-29"), ("two-monthly", "04-30")])
def test_months_end_with_their_last_working_day(settled: str, day: str, tmp_path: Path) -> None:
    results = run(tmp_path, ["03-04 10:00 a b 30"], settled=settled, end="2024-06-01")
    assert squared(results) == [(f"{day} 16:00", "a", "b", 30)]


def test_what_would_pass_the_swing_waits_until_the_other_side_pays_or_the_account_is_squared(
    tmp_path: Path,
) -> None:
    rows = ["03-04 10:00 a b 30", "03-04 11:00 a b 15", "03-04 12:00 b a 5", "03-04 13:00 a b 10"]
    results = run(tmp_path, rows, swing="40")
    waited = of_payments(results, "liquidity").set_axis(results.payments["payment_id"])
    assert waited["p2"] == 3600
    assert waited["p4"] == 3 * 86400 + 3 * 3600
    assert squared(results) == [("03-07 16:00", "a", "b", 40), ("03-15 16:00", "a", "b", 10)]


def test_three_agents_square_in_a_fixed_order(tmp_path: Path) -> None:
    rows = ["03-04 10:00 a b 30", "03-04 10:01 c b 20", "03-04 10:02 a c 5"]
    assert squared(run(tmp_path, rows, agents="abc")) == [
        ("03-07 16:00", "a", "b", 35),
        ("03-07 16:00", "c", "b", 15),
    ]


def test_the_balance_may_be_paid_in_another_currency_at_mid(tmp_path: Path) -> None:
    rates = "fx: {kind: constant, rates: {CNY: 7.5}}"
    results = run(tmp_path, ["03-04 10:00 a b 30"], more="settled_in: USD", rates=rates)
    (row,) = results["clearings"].to_dict("records")
    assert (row["currency"], row["amount"], row["settled_in"], row["settled_amount"]) == (
        "CNY",
        3000,
        "USD",
        400,
    )
    with pytest.raises(sim.ScenarioError, match="'fx' is needed to settle CNY in USD"):
        run(tmp_path, ["03-04 10:00 a b 30"], more="settled_in: USD")


def test_two_opposite_flows_save_twice_the_smaller_one(tmp_path: Path) -> None:
    """The ceiling of bilateral netting, 2·min(X, M)/(X + M); 1.61 against 4.18 give 55.6 %."""
    rows = [f"03-{day:02d} 10:00 b a 8.05" for day in (4, 12)] + [
        f"03-{day:02d} 11:00 a b 20.90" for day in (5, 13)
    ]
    results = run(tmp_path, rows, settled="monthly")
    saved = results.measures["netting_efficiency"].value["account"]
    assert saved == pytest.approx(2 * 1.61 / (1.61 + 4.18))
    assert round(saved, 3) == 0.556


def test_credit_exposure_is_what_a_debtor_owes_over_time(tmp_path: Path) -> None:
    rows = ["03-04 12:00 a b 30", "03-05 12:00 b a 20", "03-06 12:00 b a 40"]
    results = run(tmp_path, rows, end="2024-03-08")
    assert results.measures["credit_exposure_peak"].value == {"account": {"a": 30, "b": 30}}
    owed = {"a": 30 * 24 + 10 * 24, "b": 30 * 28}
    assert results.measures["credit_exposure_mean"].value["account"] == pytest.approx(
        {agent: hours / (4 * 24) for agent, hours in owed.items()}
    )


@pytest.mark.parametrize("key", ["balance: 5", "credit: 5", "prefund_days: 2"])
def test_a_position_begins_at_zero(key: str, tmp_path: Path) -> None:
    run(tmp_path, ["03-04 10:00 a b 30"])
    path = tmp_path / "scenario.yaml"
    path.write_text(path.read_text("utf-8").replace("{holder: a,", f"{{holder: a, {key},"), "utf-8")
    with pytest.raises(sim.ScenarioError, match="is a position, which begins at zero"):
        sim.run(path)


@settings(max_examples=examples(20), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    payments=st.lists(
        st.tuples(st.integers(4, 29), st.permutations("abc"), st.integers(1, 70)), min_size=1, max_size=25
    ),
    swing=st.integers(0, 80),
)
def test_no_position_passes_the_swing_and_every_squaring_leaves_zero(
    payments: list[tuple[int, list[str], int]], swing: int, tmp_path: Path
) -> None:
    rows = [f"03-{day:02d} 10:00 {banks[0]} {banks[1]} {amount}" for day, banks, amount in payments]
    results = run(tmp_path, rows, agents="abc", swing=str(swing), more="offsetting: {kind: multilateral}")
    accounts, postings = results.accounts, results.postings
    balance = dict.fromkeys(accounts["account"], 0)
    for _, together in postings.groupby("batch"):
        for row in together.itertuples():
            balance[row.debit_account] -= row.amount
            balance[row.credit_account] += row.amount
        assert min(balance.values()) >= -100 * swing
        if together["payment_id"].isna().all():
            assert set(balance.values()) == {0}
