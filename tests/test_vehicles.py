"""What two currencies lack between them is crossed over a third, where that is cheaper, open or deeper."""

from __future__ import annotations

from typing import Any

import pytest
from builders import Order, accounts, firm
from stays import seconds
from telling import run_of
from trading import OFFICE, at, run, trade

from sim.core.clock import HOUR


def crossing(*vehicles: str, **pairs: Any) -> dict[str, Any]:  # noqa: ANN401 - quotes
    """A west that may cross; one market per pair, of the pair's name, open all day unless it says so."""
    markets = {}
    for name, quote in pairs.items():
        hours = quote.pop("hours", "always")
        markets[name] = {"hours": hours, "pairs": {name.replace("_", "/"): {"spread_bps": 0, **quote}}}
    declared = trade(west={"markets": list(markets), "vehicles": list(vehicles)})
    declared["markets"] = markets
    return declared


def test_the_cheapest_way_is_taken_and_ties_go_by_order() -> None:
    legs = {"RUB_BYN": {"spread_bps": 20}, "CNY_RUB": {"spread_bps": 20}, "USD_BYN": {}, "USD_CNY": {}}
    for direct, vehicle, told in (
        (50, "RUB", "RUB"),
        (30, "RUB", None),
        (0, "USD", None),
        (10, "USD", "USD"),
    ):
        declared = crossing(vehicle, CNY_BYN={"spread_bps": direct}, **{k: dict(v) for k, v in legs.items()})
        _, _, deals = run(declared, Order("2024-03-04 11:00", "west", "east", 725_00))
        assert [v if isinstance(v, str) else None for v in deals["vehicle"]] == [told]


def test_both_legs_cost_their_spread() -> None:
    quotes = {"RUB_BYN": {"spread_bps": 200}, "CNY_RUB": {"spread_bps": 400}}
    _, _, deals = run(
        crossing("RUB", **quotes),
        Order("2024-03-04 11:00", "west", "east", 7_250_00),
        Order("2024-03-04 11:00", "east", "west", 7_250_00),
    )
    # 3,200 roubles, one and two per cent dearer and cheaper: 1.01 · 1.02 = 1.0302 and 0.99 · 0.98 = 0.9702.
    assert deals["realised_value"].tolist() == [3_296_64, 3_104_64]
    assert deals["market"].tolist() == ["RUB_BYN", "RUB_BYN"]
    assert deals["vehicle_market"].tolist() == ["CNY_RUB", "CNY_RUB"]


def test_a_vehicle_serves_while_the_direct_market_is_closed() -> None:
    quotes = {"RUB_BYN": {"spread_bps": 200}, "CNY_RUB": {"hours": {**OFFICE, "sessions": ["14:00-18:00"]}}}
    _, _, deals = run(
        crossing("RUB", CNY_BYN={"hours": OFFICE}, **quotes),
        Order("2024-03-04 11:00", "west", "east", 1_00),
        Order("2024-03-04 13:00", "west", "east", 1_00),
        Order("2024-03-04 18:00", "west", "east", 1_00),
    )
    assert at(deals) == ["04 11:00", "04 14:00", "05 10:00"]
    assert [isinstance(vehicle, str) for vehicle in deals["vehicle"]] == [False, True, False]


def test_what_the_direct_market_lacks_is_crossed_at_once_as_far_as_both_legs_go() -> None:
    _, _, deals = run(
        crossing("RUB", CNY_BYN={"depth": 1000}, RUB_BYN={"spread_bps": 200, "depth": 9000}, CNY_RUB={}),
        Order("2024-03-04 11:00", "west", "east", 2_000_00),
    )
    # 9,000 Russian roubles are 725 yuan; the rest waits for the next day, where the direct market is cheaper.
    assert deals["amount"].tolist() == [1_000_00, 725_00, 275_00]
    assert [isinstance(vehicle, str) for vehicle in deals["vehicle"]] == [False, True, False]
    assert at(deals) == ["04 11:00", "04 11:00", "05 00:00"]


def test_impact_makes_the_direct_market_too_dear_for_a_large_order() -> None:
    declared = {
        "CNY_BYN": {"impact_bps": 100, "impact_amount": 7250},
        "RUB_BYN": {"spread_bps": 100},
        "CNY_RUB": {},
    }
    _, _, deals = run(
        crossing("RUB", **declared),
        Order("2024-03-04 11:00", "west", "east", 7_000_00),
        Order("2024-03-04 11:01", "west", "east", 7_000_00),
    )
    assert [isinstance(vehicle, str) for vehicle in deals["vehicle"]] == [False, True]


@pytest.mark.quick
@pytest.mark.parametrize(("near", "far"), [("1h", "3h"), ("3h", "1h"), ("3h", "0h"), ("2h", "2h")])
def test_a_cross_is_delivered_with_the_later_of_its_two_deals(near: str, far: str) -> None:
    declared = crossing("RUB", RUB_BYN={}, CNY_RUB={})
    declared["markets"]["RUB_BYN"]["delivery"], declared["markets"]["CNY_RUB"]["delivery"] = near, far
    world, records, deals = run(declared, Order("2024-03-04 11:00", "west", "east", 725_00))
    assert at(deals) == ["04 11:00"]
    later = max(int(near[0]), int(far[0])) * HOUR
    # The payment goes on, and the firm is at risk no more, when both have delivered.
    assert (records.settled_at - world.payments.instructed_at).tolist() == [later]
    assert seconds(records, "currency") == [later]
    (risk,) = run_of(world, records)["principal_risk"].itertuples()
    assert (risk.final_at - risk.paid_at).total_seconds() == later


def test_what_is_left_of_one_leg_and_buys_nothing_leaves_the_other_leg_to_others() -> None:
    # Five kopecks are less than a fen: the west finds no room, and crosses directly.
    quotes = {"CNY_BYN": {}, "RUB_BYN": {"depth": "0.05"}, "CNY_RUB": {"depth": "1000"}}
    declared = crossing("RUB", **{name: {"hours": OFFICE, **quote} for name, quote in quotes.items()})
    declared["markets"]["CNY_BYN"]["pairs"]["CNY/BYN"]["spread_bps"] = 100
    north = {"functional_currency": "RUB", "hours": "always", "markets": ["CNY_RUB"]}
    declared["sides"]["north"] = north
    declared["banks"]["north"] = {"side": "north", "hours": "always"}
    declared["firms"]["north"] = firm("north", "north")
    declared["accounts"] += accounts({"north": "1000000"})
    _, _, deals = run(
        declared,
        Order("2024-03-04 11:00", "west", "east", 725_00),
        Order("2024-03-04 12:00", "north", "east", 725_00),
    )
    assert at(deals) == ["04 11:00", "04 12:00"]
