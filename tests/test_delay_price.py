"""Delay costs whoever waits from the order on, or from the due date if that is later, until the money is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

import sim
from sim.errors import ScenarioError
from sim.scenario.load import load

if TYPE_CHECKING:
    from pathlib import Path

YEAR = 365 * 86_400
OWN = """\
name: own
question: What does waiting cost?
period: {start: 2024-03-04 00:00, end: 2024-03-05 00:00}
reporting_currency: BYN
payments: {file: own.csv, system: s}
banks: {a: {hours: always}, b: {hours: always}, c: {hours: always}}
systems: {s: {kind: rtgs, currency: BYN, hours: always}}
accounts: {s: [{holder: a, balance: 0}, {holder: b, balance: 0}, {holder: c, balance: 500000}]}
"""
#: `late` waits from 10:00 to 12:30, `due` from its due date at 12:00 on, `never` to the end, `urgent` not at all.
PAYMENTS = """\
payment_id,instructed_at,due_at,payer_bank,payee_bank,amount,priority
late,2024-03-04 10:00,,a,b,100000,0
due,2024-03-04 10:00,2024-03-04 12:00,a,b,200000,0
urgent,2024-03-04 10:00,,c,b,1000,1
help,2024-03-04 12:30,,c,a,300000,0
never,2024-03-04 21:00,,a,b,900000,5
"""


def costs(folder: Path, price: str) -> pd.DataFrame:
    (folder / "own.yaml").write_text(f"{OWN}delay_price: {price}\n")
    (folder / "own.csv").write_text(PAYMENTS)
    found: pd.DataFrame = sim.run("own.yaml").delay_costs.set_index("payment_id")
    return found


@pytest.mark.quick
@pytest.mark.parametrize("price", ["0.365", "{rate: 0.365}"])
def test_a_rate_is_per_year_on_the_value_for_every_second(price: str, folder: Path) -> None:
    table = costs(folder, price)
    seconds = {"late": 9_000, "due": 1_800, "urgent": 0, "help": 0, "never": 3 * 3_600}
    values = {
        "late": 10_000_000,
        "due": 20_000_000,
        "urgent": 100_000,
        "help": 30_000_000,
        "never": 90_000_000,
    }
    for name, lasted in seconds.items():
        assert table.loc[name, "value"] == values[name]
        assert table.loc[name, "cost"] == round(values[name] * lasted * 0.365 / YEAR)
        assert (table.loc[name, "ended_at"] - table.loc[name, "began_at"]).total_seconds() == lasted
    assert table.index[table["at_least"]].tolist() == ["never"]
    assert str(table.loc["due", "began_at"]) == "2024-03-04 09:00:00+00:00"


def test_priorities_and_periods_have_prices_of_their_own(folder: Path) -> None:
    by_priority = costs(folder, '{rate: 0, priorities: {"5": 3.65}}')["cost"]
    assert by_priority["never"] == 90_000_000 * 10_800 * 3.65 // YEAR
    assert by_priority.drop("never").tolist() == [0] * 4
    # A period that has begun counts whole: 2.5 h are three hours, half an hour is one, and nothing is none.
    by_hour = costs(folder, "{amount: 0.2, every: 1h}")["cost"]
    assert by_hour.to_dict() == {"late": 60, "due": 20, "urgent": 0, "help": 0, "never": 60}
    by_share = costs(folder, "{share: 0.001, every: 1h}")["cost"]
    assert by_share.to_dict() == {"late": 30_000, "due": 20_000, "urgent": 0, "help": 0, "never": 270_000}


@pytest.mark.parametrize(
    ("price", "told"),
    [
        ("{}", "state one price"),
        ("{rate: 0.1, amount: 1, every: 1h}", "state one price"),
        ("{amount: 1}", "add 'every'"),
        ("{rate: 0.1, every: 1h}", "rates per year know no period"),
        ("{flows: {potahs: 0.1}}", "did you mean 'potash'"),
        ("-0.1", "must be at least 0"),
        ("soon", "a mapping is needed"),
    ],
)
def test_a_price_that_cannot_be_is_told(price: str, told: str) -> None:
    with pytest.raises(ScenarioError, match=told):
        load("baseline", [f"delay_price={price}"])


def test_delay_is_a_part_of_the_whole_cost_and_flows_have_their_own_price() -> None:
    short = ("period.start=2024-03-04", "period.end=2024-03-15", "run_in=5d", "horizon=10d")
    asked = ["delay_cost", "payment_cost_bps", "value", "payments"]
    plain = sim.run(load("baseline", short), measures=asked).measures
    assert (plain["delay_cost"].value, plain["payment_cost_bps"].value["delay"]) == ({}, 0.0)
    price = "delay_price={rate: 0.1, flows: {potash: 0}}"
    run = sim.run(load("baseline", (*short, price)), measures=asked)
    cost, bps = (run.measures[name].value for name in ("delay_cost", "payment_cost_bps"))
    assert bps["delay"] == pytest.approx(10_000 * cost["total"] / run.measures["value"].value)
    assert bps["total"] == pytest.approx(plain["payment_cost_bps"].value["total"] + bps["delay"])
    assert cost["per_payment"] == pytest.approx(cost["total"] / run.measures["payments"].value)
    rows = run.delay_costs.merge(run.payments[["payment_id", "flow", "counted"]])
    assert (rows.loc[rows["flow"] == "potash", "cost"] == 0).all()
    assert rows.loc[rows["counted"], "cost"].sum() == round(cost["total"] * 100)
    seconds = (rows["ended_at"] - rows["began_at"]).dt.total_seconds()
    others = rows[rows["flow"] != "potash"]
    exact = others["value"] * seconds[others.index] * 0.1 / YEAR
    assert ((others["cost"] - exact).abs() <= 0.5001).all()


def test_a_payment_that_is_given_up_costs_until_its_money_is_back() -> None:
    short = ("period.start=2024-03-04", "period.end=2024-03-15", "run_in=2d", "horizon=60d")
    run = sim.run(
        load("returned-payments", (*short, "routes.usd.steps.review.attempts=1", "delay_price=0.1")),
        measures=[],
    )
    given_up = run.payments.loc[run.payments["status"] == "cancelled", "payment_id"]
    assert len(given_up)
    ended = run.delay_costs.set_index("payment_id").loc[given_up, "ended_at"]
    back = run.returns.drop_duplicates("payment_id", keep="last").set_index("payment_id")["returned_at"]
    assert ended.tolist() == back.loc[given_up].tolist()
