"""Treasuries buy and sell in their turn, and what they bought is not bought again."""

from __future__ import annotations

from typing import Any

from builders import (
    Order,
    accounts,
    town,
)
from happened import paid, run, settled, when
from stays import seconds

from sim.core.clock import HOUR


def funded(balances: dict[str, str], target: str, at: str = "10:00", **treasury: Any) -> dict[str, Any]:  # noqa: ANN401
    """A town in which one treasury looks after the account of `a` alone."""
    declared = {"at": at, "zone": "Europe/Minsk", "calendar": "weekdays", **treasury}
    cared, *others = accounts(balances)
    return town(
        balances,
        treasuries={"desk": declared},
        accounts=[{**cared, "treasury": "desk", "target": target}, *others],
    )


def test_delivered_money_comes_before_the_payments_of_its_instant() -> None:
    records = run(
        funded({"a": "0", "b": "0", "c": "10"}, target="100", lag="1d"),
        Order("2024-03-05 10:00", "a", "b", 100_00),
        Order("2024-03-05 10:00", "c", "b", 10_00),
    )
    assert paid(records)[:3] == [-1, 0, 1]
    assert seconds(records, "liquidity") == [0, 0]


def test_a_treasury_decides_after_the_payments_of_its_instant() -> None:
    records = run(funded({"a": "100", "b": "0"}, target="0"), Order("2024-03-04 10:00", "a", "b", 100_00))
    assert paid(records) == [0]
    assert settled(records) == ["2024-03-04 10:00:00"]


def test_a_treasury_sells_what_exceeds_its_target_unless_told_not_to() -> None:
    kept = run(funded({"a": "100", "b": "0"}, target="30", sweep=False))
    sold = run(funded({"a": "100", "b": "0"}, target="30"))
    assert kept.closing.tolist() == [100_00, 0, 0]
    assert sold.closing.tolist() == [30_00, 0, 70_00]
    assert when(int(sold.journal.at[0])) == "2024-03-04 10:00:00"


def test_a_payment_larger_than_the_target_settles_when_its_money_has_been_bought() -> None:
    records = run(
        funded({"a": "10", "b": "0"}, target="10", lag="1d"), Order("2024-03-04 12:00", "a", "b", 500_00)
    )
    assert settled(records) == ["2024-03-06 10:00:00"]
    assert records.closing.tolist()[:2] == [10_00, 500_00]


def test_money_on_its_way_is_not_bought_twice() -> None:
    records = run(
        funded({"a": "0", "b": "0"}, target="0", lag="3d"), Order("2024-03-04 09:00", "a", "b", 100_00)
    )
    assert settled(records) == ["2024-03-07 10:00:00"]
    assert records.journal.amount.tolist() == [100_00, 100_00]


def test_money_is_not_sold_while_a_payment_waits_for_it() -> None:
    # On Monday 100 are bought for Wednesday; a credit of 50 then makes the total exceed what is needed.
    records = run(
        funded({"a": "100", "b": "50"}, target="0", lag="2d"),
        Order("2024-03-04 09:00", "a", "b", 200_00),
        Order("2024-03-04 12:00", "b", "a", 50_00),
    )
    assert paid(records) == [1, -1, 0, -1]
    assert records.journal.amount.tolist() == [50_00, 100_00, 200_00, 50_00]
    assert when(int(records.journal.at[3])) == "2024-03-06 10:00:00"


def test_money_is_not_sold_that_has_not_arrived() -> None:
    # 110 are on their way when a credit makes the order superfluous, with 10 on the account.
    records = run(
        funded({"a": "0", "b": "70"}, target="50", lag="2d"),
        Order("2024-03-04 09:00", "a", "b", 60_00),
        Order("2024-03-04 12:00", "b", "a", 70_00),
    )
    assert paid(records) == [1, 0, -1, -1]
    assert records.journal.amount.tolist()[2:] == [110_00, 70_00]
    assert [when(at) for at in records.journal.at.tolist()[2:]] == ["2024-03-06 10:00:00"] * 2


def test_bought_money_arrives_when_the_system_is_open() -> None:
    scenario = funded({"a": "0", "b": "0"}, target="100", at="09:30", lag="5h")
    office = {"zone": "Europe/Minsk", "sessions": ["09:00-12:00"]}
    scenario["systems"] = {"gross": {"kind": "rtgs", "currency": "CNY", "hours": office}}
    records = run(scenario, Order("2024-03-04 10:00", "a", "b", 100_00))
    assert [when(at) for at in records.journal.at.tolist()[:2]] == ["2024-03-05 09:00:00"] * 2
    # The night counts, too: with money, the payment would have settled on arrival.
    assert seconds(records, "liquidity") == [23 * HOUR]


def test_a_treasury_decides_at_the_next_opening_if_the_system_is_closed() -> None:
    scenario = funded({"a": "100", "b": "0"}, target="30", at="18:00")
    office = {"zone": "Europe/Minsk", "sessions": ["09:00-12:00"]}
    scenario["systems"] = {"gross": {"kind": "rtgs", "currency": "CNY", "hours": office}}
    assert [when(at) for at in run(scenario).journal.at.tolist()] == ["2024-03-05 09:00:00"]
