"""A large payment is submitted in parts, each of which settles for itself; the payment settles with the last."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest
from agreement import assert_agreement
from builders import POST, Order, accounts, by_hand, declare, town
from oracle import tell
from stays import of_payments

import sim
from sim.engine.run import simulate
from sim.results.promises import check_promises

if TYPE_CHECKING:
    from pathlib import Path

SCENARIO = """
name: split
period: {{start: 2024-03-04 09:00, end: 2024-03-04 17:00, zone: Europe/Minsk}}
banks: {{a: {{hours: always}}, b: {{hours: always}}}}
systems:
  rtgs: {{kind: rtgs, currency: BYN, hours: always, split_above: {split_above}{more}}}
  next: {{kind: rtgs, currency: BYN, hours: always, split_above: 25}}
accounts:
  rtgs: [{{holder: a, balance: {balance}}}, {{holder: b, balance: 0}}]
  next: [{{holder: a, balance: 1000}}, {{holder: b, balance: 1000}}]
routes:
  both:
    steps:
      - {{kind: settle, system: rtgs}}
      - {{kind: settle, system: next}}
      - {{kind: post, work: {{kind: fixed, value: 0}}}}
payments: {{file: payments.csv, {way}}}
"""


def run(
    folder: Path,
    rows: list[str],
    balance: float,
    split_above: str = "40",
    more: str = "",
    way: str = "system: rtgs",
) -> sim.Results:
    """Rows are `10:00,a,b,100`; bank a begins with the balance, bank b with nothing."""
    lines = [f"p{number},2024-03-04T{row.replace(' ', ',')}" for number, row in enumerate(rows, start=1)]
    text = "payment_id,instructed_at,payer_bank,payee_bank,amount\n" + "\n".join(lines) + "\n"
    (folder / "payments.csv").write_text(text, encoding="utf-8")
    declared = SCENARIO.format(balance=balance, split_above=split_above, more=more, way=way)
    (folder / "scenario.yaml").write_text(declared, encoding="utf-8")
    return sim.run(folder / "scenario.yaml")


def of_system(results: sim.Results, system: str = "rtgs") -> pd.DataFrame:
    transfers = results.transfers
    return transfers[(transfers["system"] == system).to_numpy()]


def test_parts_that_the_payees_bank_has_are_not_at_risk_with_correspondents(tmp_path: Path) -> None:
    results = run(tmp_path, ["10:00,a,b,100", "11:00,b,a,30"], balance=70)
    assert len(set(results.transfers["settled_at"])) > 1  # the first payment has its parts at two instants
    assert results.principal_risk.empty


@pytest.mark.parametrize(
    ("amount", "parts"),
    [("39.99", [3999]), ("40", [4000]), ("40.01", [4000, 1]), ("100", [4000, 4000, 2000])],
)
def test_parts_are_of_the_largest_size_and_the_last_is_the_rest(
    amount: str, parts: list[int], tmp_path: Path
) -> None:
    results = run(tmp_path, [f"10:00 a b {amount}"], 100)
    assert of_system(results)["amount"].tolist() == parts
    assert of_system(results)["part"].tolist() == list(range(len(parts)))
    assert results.postings["part"].tolist() == list(range(len(parts)))
    assert results.payments["amount"].sum() == sum(parts)


def test_parts_settle_as_money_comes_and_the_payment_with_the_last_of_them(tmp_path: Path) -> None:
    results = run(tmp_path, ["10:00 a b 100", "11:00 b a 10", "12:00 b a 15"], 75)
    at = of_system(results).set_index(["payment_id", "part"])["settled_at"].dt.tz_convert("Europe/Minsk")
    clock = [at["p1", part].strftime("%H:%M") for part in range(3)]
    assert clock == ["10:00", "11:00", "12:00"]
    payment = results.payments.set_index("payment_id").loc["p1"]
    assert payment["settled_at"] == at["p1", 2]
    assert of_payments(results, "liquidity").iloc[0] == 2 * 3600


def test_a_payment_goes_on_when_its_last_part_has_settled(tmp_path: Path) -> None:
    rows = ["10:00 a b 100", "11:00 b a 10", "12:00 b a 15"]
    results = run(tmp_path, rows, 75, way="system: rtgs, route: both")
    second = of_system(results, "next")
    mine = second[(second["payment_id"] == "p1").to_numpy()]
    assert mine["amount"].tolist() == [2500] * 4
    # Those that are first to wait for its parts are p2 and p3, which are split in the second system only.
    assert mine["submitted_at"].dt.tz_convert("Europe/Minsk").dt.strftime("%H:%M").tolist() == ["12:00"] * 4


def test_a_payment_that_settles_in_part_is_pending(tmp_path: Path) -> None:
    results = run(tmp_path, ["10:00 a b 100"], 60, more=", queue: bypass")
    assert of_system(results)["settled_at"].notna().tolist() == [True, False, True]
    assert results.payments["status"].tolist() == ["pending"]
    assert results.measures["unsettled_value"].value["rtgs"] == 40


def test_splitting_frees_what_one_large_payment_would_hold_up(tmp_path: Path) -> None:
    rows = ["10:00 a b 100", "10:01 b a 40", "10:02 b a 40"]
    assert run(tmp_path, rows, 40, split_above="1000").payments["status"].tolist() == ["pending"] * 3
    assert run(tmp_path, rows, 40).payments["status"].tolist() == ["settled"] * 3


def test_engine_and_plain_model_agree_on_parts() -> None:
    scenario = declare(
        town(
            {"a": "70", "b": "0", "c": "10"},
            systems={
                "gross": {"kind": "rtgs", "currency": "CNY", "hours": "always", "split_above": "30"},
                "next": {"kind": "rtgs", "currency": "CNY", "hours": "always", "split_above": "7.77"},
            },
            accounts=[
                *accounts({"a": "70", "b": "0", "c": "10"}),
                *accounts({"a": "50", "b": "9", "c": "90"}, "next"),
            ],
            routes={
                "direct": {"steps": [{"kind": "settle", "system": s} for s in ("gross", "next")] + [POST]}
            },
        )
    )
    orders = [
        Order(f"2024-03-05 10:{number:02d}", *pair, amount)
        for number, (pair, amount) in enumerate(
            [
                (("a", "b"), 10_000),
                (("b", "c"), 4_500),
                (("c", "a"), 9_000),
                (("a", "c"), 3_001),
                (("c", "b"), 100),
            ]
        )
    ]
    world = by_hand(scenario, *orders)
    records = simulate(world)
    assert_agreement(world, records, tell(world))
    assert len(records.journal.at) > len(orders) * 3


def test_parts_that_do_not_add_up_break_a_promise(tmp_path: Path) -> None:
    results = run(tmp_path, ["10:00 a b 100"], 0)
    tables = {name: results[name].copy() for name in results.table_names}
    tables["transfers"].loc[0, "amount"] += 1
    with pytest.raises(sim.PromiseError, match="payment p1: the parts of step 0 are not its amount"):
        check_promises(tables, pd.Timestamp("2024-03-04 17:00", tz="Europe/Minsk"))


@pytest.mark.parametrize("split_above", ["0", "-5", "1.234", "1e-99"])
def test_a_part_is_an_amount_above_zero(split_above: str, tmp_path: Path) -> None:
    with pytest.raises(sim.ScenarioError, match="split_above"):
        run(tmp_path, ["10:00 a b 100"], 0, split_above=split_above)


def test_more_parts_than_can_be_counted_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        sim.ScenarioError, match=r"systems\.rtgs\.split_above: payments would be split into more"
    ):
        run(tmp_path, ["10:00 a b 9000000"], 0, split_above="0.01")
