"""Firms exchange early, late, in batches, or not at all, and cash is spent only once it has come."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from builders import EXCHANGING, POST, Order, accounts, by_hand, declare, instant
from stays import seconds
from telling import run_of
from trading import assert_promises, at, number, run, settled, trade

from sim.core.clock import HOUR
from sim.engine.run import simulate

if TYPE_CHECKING:
    from sim.world.world import World


def dated(world: World, invoiced: str, due: str) -> World:
    """The same world with all invoices and due dates at these instants."""
    count = len(world.obligations)
    dates = {"invoiced_at": np.full(count, instant(invoiced)), "due_at": np.full(count, instant(due))}
    return replace(world, obligations=replace(world.obligations, **dates))


def test_who_buys_on_invoice_has_neither_contract_nor_clearing_however_rates_move() -> None:
    declared = trade(firms={"west": {"exchange": {"buys": "on_invoice"}}})
    world = by_hand(declare(declared), Order("2024-03-07 11:00", "west", "east", 725_00))
    world = dated(world, "2024-03-05 12:00", "2024-03-07 11:00")
    per_usd = world.fx.per_usd.copy()
    per_usd[:, world.fx.index("BYN")] = 3 + 0.1 * np.arange(len(per_usd))
    world = replace(world, fx=replace(world.fx, per_usd=per_usd))
    records = simulate(world)
    assert_promises(world, records)
    assert at(run_of(world, records)["conversions"]) == ["05 12:00"]
    told = run_of(world, records)["fx_results"]
    assert told[["contract", "clearing", "spread"]].to_numpy().tolist() == [[0, 0, 0]]
    assert run_of(world, records)["exposure"]["payable"].sum() == 0


def test_who_buys_on_the_due_date_does_not_wait_for_the_bank() -> None:
    office = {"kind": "originate", "work": {"kind": "fixed", "value": "5h"}}
    for buys, told in (("on_due", "04 11:00"), ("on_instruction", "05 10:00")):
        declared = trade(firms={"west": {"exchange": {"buys": buys}}})
        declared["routes"]["direct"]["steps"] = [office, *EXCHANGING]
        _, records, deals = run(declared, Order("2024-03-04 11:00", "west", "east", 725_00))
        assert at(deals) == [told]
        assert settled(records) == ["04 16:00" if buys == "on_due" else "05 10:00"]


def test_currency_bought_early_that_has_not_come_holds_the_payment_up() -> None:
    declared = trade({"depth": 100}, firms={"west": {"exchange": {"buys": "on_invoice"}}})
    world = by_hand(declare(declared), Order("2024-03-05 11:00", "west", "east", 300_00))
    world = dated(world, "2024-03-04 09:00", "2024-03-05 11:00")
    records = simulate(world)
    assert_promises(world, records)
    assert settled(records) == ["06 10:00"]
    assert (seconds(records, "closed_hours"), seconds(records, "currency")) == ([0], [23 * HOUR])


def kept(kind: str, surrender: str = "0", **more: Any) -> dict[str, Any]:  # noqa: ANN401 - a declaration
    sells = {"kind": kind, "surrender_share": surrender, **more}
    return trade(firms={"west": {"exchange": {"sells": sells}}})


def test_foreign_cash_pays_what_is_owed_in_it_from_the_second_after_its_credit() -> None:
    world, records, deals = run(
        kept("keep"),
        Order("2024-03-04 14:00", "east", "west", 725_00),
        Order("2024-03-04 14:00", "west", "east", 100_00),
        Order("2024-03-04 14:00:01", "west", "east", 200_00),
        Order("2024-03-04 15:00", "west", "east", 600_00),
    )
    assert deals["kind"].tolist() == ["matched"] * 4 + ["market"] * 2
    assert deals["payment_id"].tolist() == [0, 2, 0, 3, 1, 3]
    assert deals["amount"].tolist() == [200_00, 200_00, 525_00, 525_00, 100_00, 75_00]
    assert at(deals) == ["04 14:00"] * 2 + ["04 15:00"] * 2 + ["05 10:00"] * 2
    assert settled(records) == ["04 14:00", "05 10:00", "04 14:00", "05 10:00"]
    assert (deals["mid_value"] == deals["realised_value"]).all()
    assert deals["market"].isna().tolist() == [True] * 4 + [False] * 2
    assert run_of(world, records)["fx_results"]["realised"].all()


def test_cash_that_settles_late_is_not_spent_before() -> None:
    declared = kept("keep")
    declared["accounts"] = accounts({"west": "1000", "east": "0"})
    world, _, deals = run(
        declared,
        Order("2024-03-04 14:00", "east", "west", 500_00),
        Order("2024-03-04 15:00", "west", "east", 300_00),
        Order("2024-03-05 16:00", "west", "east", 500_00),
    )
    # The east has money only when the west's 300 reach it, bought on Tuesday at 10:00.
    assert deals["kind"].tolist() == ["market", "market"]
    declared["accounts"] = accounts({"west": "1000", "east": "200"})
    world, records, deals = run(
        declared,
        Order("2024-03-04 14:00", "east", "west", 500_00),
        Order("2024-03-04 15:00", "west", "east", 300_00),
        Order("2024-03-05 16:00", "west", "east", 500_00),
    )
    assert deals["kind"].tolist() == ["market", "matched", "matched"]
    assert settled(records) == ["05 10:00", "05 10:00", "05 16:00"]
    assert run_of(world, records)["fx_results"]["realised"].all()


def test_cash_that_has_settled_but_is_not_credited_is_not_spent() -> None:
    declared = kept("keep")
    post = {"kind": "post", "work": {"kind": "fixed", "value": "2h"}}
    declared["routes"]["direct"]["steps"] = [post if step == POST else step for step in EXCHANGING]
    _, _, deals = run(
        declared,
        Order("2024-03-04 10:00", "east", "west", 900_00),
        Order("2024-03-04 11:00", "west", "east", 100_00),
        Order("2024-03-04 12:00", "west", "east", 100_00),
        Order("2024-03-04 12:00:01", "west", "east", 100_00),
    )
    payers = deals[deals["bearer"] == "payer"]
    assert payers["kind"].tolist() == ["market", "market", "matched"]


def test_a_surrendered_share_is_sold_on_credit_and_the_rest_kept() -> None:
    world, records, deals = run(kept("keep", "0.3"), Order("2024-03-04 11:00", "east", "west", 1_00_01))
    assert deals["amount"].tolist() == [30_00]
    assert at(deals) == ["04 11:00"]
    assert run_of(world, records)["fx_results"]["realised"].tolist() == [False]


def test_a_weekly_batch_sells_what_has_not_been_spent() -> None:
    declared = kept("weekly", "0.5", weekday="thursday", at="12:00", zone="Europe/Minsk")
    _, _, deals = run(
        declared,
        Order("2024-03-04 11:00", "east", "west", 400_00),
        Order("2024-03-05 11:00", "west", "east", 150_00),
        Order("2024-03-06 11:00", "east", "west", 100_00),
        Order("2024-03-07 12:00:01", "east", "west", 100_00),
    )
    assert deals["bearer"].tolist() == ["payee", "payee", "payer", "payee", "payee", "payee", "payee"]
    assert deals["amount"].tolist() == [200_00, 150_00, 150_00, 50_00, 50_00, 50_00, 50_00]
    assert at(deals) == ["04 11:00", "05 11:00", "05 11:00", "06 11:00", "07 12:00", "07 12:00", "07 12:00"]


def test_nobody_is_charged_for_what_cash_pays() -> None:
    fee = {"currency": "CNY", "share": "0.01"}
    declared = kept("keep", "0.1")
    steps = [{**step, "fee": fee} if step == {"kind": "convert"} else step for step in EXCHANGING]
    steps[-1] = {**steps[-1], "fee": {**fee, "bearer": "payee"}}
    declared["routes"]["direct"]["steps"] = steps
    _, records, _ = run(
        declared,
        Order("2024-03-04 11:00", "east", "west", 100_00),
        Order("2024-03-04 12:00", "west", "east", 50_00),
        Order("2024-03-04 12:30", "west", "east", 50_00),
    )
    assert records.fees.payment.tolist() == [0, 2]
    assert records.fees.amount.tolist() == [10, 10]


@pytest.mark.quick
def test_what_a_firm_owes_is_paid_from_its_oldest_cash_first_however_much_each_credit_was() -> None:
    came = [("2024-03-04 10:30", 300_00), ("2024-03-04 11:00", 100_00), ("2024-03-04 12:00", 200_00)]
    earned = [Order(when, "east", "west", amount) for when, amount in came]
    spent = [Order(f"2024-03-05 1{hour}:30", "west", "east", 150_00) for hour in (0, 1, 2)]
    _, _, deals = run(kept("keep"), *earned, *spent)
    from_cash = deals[(deals["kind"] == "matched") & (deals["bearer"] == "payee")]
    told = list(zip(from_cash["obligation_id"].map(number), from_cash["amount"], strict=True))
    assert told == [(0, 150_00), (0, 150_00), (1, 100_00), (2, 50_00)]


@pytest.mark.quick
def test_equal_credits_of_one_instant_are_spent_in_the_order_of_their_payments() -> None:
    earned = [Order("2024-03-04 11:00", "east", "west", 100_00) for _ in range(3)]
    _, _, deals = run(kept("keep"), *earned, Order("2024-03-05 11:00", "west", "east", 200_00))
    from_cash = deals[(deals["kind"] == "matched") & (deals["bearer"] == "payee")]
    assert from_cash["obligation_id"].map(number).tolist() == [0, 1]
