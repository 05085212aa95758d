"""Markets have depth, a price that moves, hours and auctions; firms exchange early, late, in batches, or not at all."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from builders import HOURS, MINSK, POST, Order, accounts, by_hand, declare, firm, instant, town
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.core.clock import DAY, HOUR, MINUTE
from sim.engine.causes import CAUSES
from sim.engine.run import simulate
from sim.results.deals import conversions_table
from sim.results.exposure import exposure_table, fx_results_table

if TYPE_CHECKING:
    import pandas as pd

    from sim.engine.records import Records
    from sim.world.build import World

OFFICE = {"zone": "Europe/Minsk", "sessions": ["10:00-13:00"]}
STEPS = [{"kind": "convert"}, {"kind": "settle", "system": "gross"}, POST, {"kind": "convert", "by": "payee"}]
#: Units per dollar: 725 yuan are 320 Belarusian roubles, 9,000 Russian ones, 100 dollars.
RATES = {"kind": "constant", "rates": {"BYN": "3.2", "CNY": "7.25", "RUB": "90"}}


def trade(
    quote: dict[str, Any] | None = None,
    *,
    west: dict[str, Any] | None = None,
    firms: dict[str, dict[str, Any]] | None = None,
    **changes: Any,  # noqa: ANN401 - sections
) -> dict[str, Any]:
    """A west that keeps BYN, an east that keeps CNY, and a market of CNY/BYN, open from 10:00 to 13:00.

    `quote` adds to the pair's quote, `west` to the west's declaration, `firms` to those of groups, by name.
    """
    pairs = {"CNY/BYN": {"spread_bps": 0, **(quote or {})}}
    declared = town(
        {"west": "1000000", "east": "1000000"},
        fx=RATES,
        sides={
            "west": {
                "functional_currency": "BYN",
                "hours": "always",
                "markets": ["exchange"],
                **(west or {}),
            },
            "east": {"functional_currency": "CNY", "hours": "always"},
        },
        markets={"exchange": {"hours": OFFICE, "pairs": pairs}},
        banks={side: {"side": side, "hours": "always"} for side in ("west", "east")},
        firms={side: firm(side, side) for side in ("west", "east")},
        routes={"direct": {"steps": STEPS}},
    )
    for name, more in (firms or {}).items():
        declared["firms"][name] |= more
    for name, value in changes.items():
        declared[name] = {**declared.get(name, {}), **value} if isinstance(value, dict) else value
    return declared


def run(declared: dict[str, Any], *orders: Order) -> tuple[World, Records, pd.DataFrame]:
    world = by_hand(declare(declared), *orders)
    records = simulate(world)
    assert_promises(world, records)
    return world, records, conversions_table(world, records)


def assert_promises(world: World, records: Records) -> None:
    """Seconds and minor units have causes, and no more is exchanged than is owed, nor without a value."""
    until = np.minimum(records.credited_at, world.window.end)
    assert (records.delays >= 0).all()
    assert (records.delays.sum(axis=1) == until - world.payments.instructed_at).all()
    deals = records.conversions
    done: dict[tuple[int, bool], int] = defaultdict(int)
    for obligation, by_payee, amount in zip(deals.obligation, deals.by_payee, deals.amount, strict=True):
        assert amount > 0
        done[obligation, by_payee] += amount
    assert all(done[key] <= world.obligations.amount[key[0]] for key in done)
    results = fx_results_table(world, records)
    assert (
        results[["contract", "instruction", "clearing", "spread", "hedge"]].sum(axis=1) == results["total"]
    ).all()
    if (world.fx.per_usd == world.fx.per_usd[0]).all():
        assert (results["contract"] == 0).all()
        assert (results[["instruction", "clearing"]] == 0).all(axis=None)
    full = [
        done[obligation, bearer == "payee"] == amount
        for obligation, bearer, amount in zip(
            results["obligation_id"], results["bearer"], results["amount"], strict=True
        )
    ]
    assert results["realised"].tolist() == full


def at(table: pd.DataFrame) -> list[str]:
    """Instants of deals, local."""
    return [f"{t:%d %H:%M}" for t in table["converted_at"].dt.tz_convert("Europe/Minsk")]


def settled(records: Records) -> list[str]:
    return [
        "never" if t > 2**60 else f"{datetime.fromtimestamp(t, UTC).astimezone(MINSK):%d %H:%M}"
        for t in records.settled_at.tolist()
    ]


def seconds(records: Records, cause: str) -> list[int]:
    return records.delays[:, CAUSES.index(cause)].tolist()


# Depth and impact.


def test_what_cannot_be_bought_today_waits_for_the_next_trading_day() -> None:
    _, records, deals = run(
        trade({"depth": 1000}),
        Order("2024-03-04 09:00", "west", "east", 600_00),
        Order("2024-03-04 11:00", "west", "east", 1_600_00),
        Order("2024-03-04 12:00", "west", "east", 100_00),
    )
    assert deals["payment_id"].tolist() == [0, 1, 1, 1, 2]
    assert deals["amount"].tolist() == [600_00, 400_00, 1_000_00, 200_00, 100_00]
    assert at(deals) == ["04 10:00", "04 11:00", "05 10:00", "06 10:00", "06 10:00"]
    assert settled(records) == ["04 10:00", "06 10:00", "06 10:00"]
    # The first waits for the opening; what the others wait for is currency.
    assert seconds(records, "closed") == [HOUR, 0, 0]
    assert seconds(records, "fx") == [0, 47 * HOUR, 46 * HOUR]


def test_payers_and_payees_use_opposite_sides_of_the_book() -> None:
    _, _, deals = run(
        trade({"depth": 1000}),
        Order("2024-03-04 11:00", "west", "east", 1_000_00),
        Order("2024-03-04 11:00", "east", "west", 1_500_00),
    )
    assert deals["bearer"].tolist() == ["payer", "payee", "payee"]
    assert deals["amount"].tolist() == [1_000_00, 1_000_00, 500_00]
    assert at(deals) == ["04 11:00", "04 11:00", "05 10:00"]


def test_the_price_moves_with_what_was_dealt_before_on_that_day_and_half_of_the_order() -> None:
    _, _, deals = run(
        trade({"spread_bps": 100, "impact_bps": 100, "impact_amount": 7250}),
        Order("2024-03-04 11:00", "west", "east", 7_250_00),
        Order("2024-03-04 12:00", "west", "east", 7_250_00),
        Order("2024-03-05 12:00", "west", "east", 7_250_00),
        Order("2024-03-05 12:00", "east", "west", 7_250_00),
    )
    # Half the spread is half a per cent; 7,250 yuan move the price by one, so by a half on average.
    assert deals["mid_value"].tolist() == [3_200_00] * 4
    assert deals["realised_value"].tolist() == [3_232_00, 3_264_00, 3_232_00, 3_168_00]


def test_impact_is_told_as_spread() -> None:
    world, records, _ = run(
        trade({"impact_bps": 100, "impact_amount": 7250}), Order("2024-03-04 11:00", "west", "east", 7_250_00)
    )
    assert fx_results_table(world, records)["spread"].tolist() == [-16_00]


def test_parts_of_an_order_are_exposed_until_they_are_bought() -> None:
    world, records, _ = run(trade({"depth": 1000}), Order("2024-03-04 11:00", "west", "east", 2_500_00))
    payable = exposure_table(world, records)["payable"].tolist()
    assert payable == [0, 1_500_00, 500_00, 0, 0, 0, 0, 0]


def test_a_trading_day_is_the_value_date_of_the_session() -> None:
    night = {"zone": "Europe/Minsk", "sessions": ["20:00-06:00"]}
    _, _, deals = run(
        trade(markets={"exchange": {"hours": night, "pairs": {"CNY/BYN": {"spread_bps": 0, "depth": 1000}}}}),
        Order("2024-03-04 23:00", "west", "east", 700_00),
        Order("2024-03-05 01:00", "west", "east", 400_00),
    )
    assert deals["amount"].tolist() == [700_00, 300_00, 100_00]
    assert at(deals) == ["04 23:00", "05 01:00", "05 20:00"]


def test_what_was_not_bought_by_the_end_is_not_realised() -> None:
    world, records, deals = run(trade({"depth": 100}), Order("2024-03-04 11:00", "west", "east", 600_00))
    assert deals["amount"].sum() == 500_00
    assert settled(records) == ["never"]
    assert fx_results_table(world, records)["realised"].tolist() == [False]


def test_a_book_stated_in_the_other_currency_counts_in_that() -> None:
    _, _, deals = run(
        trade(markets={"exchange": {"hours": OFFICE, "pairs": {"BYN/CNY": {"spread_bps": 0, "depth": 320}}}}),
        Order("2024-03-04 11:00", "west", "east", 1_000_00),
    )
    assert deals["amount"].tolist() == [725_00, 275_00]
    assert at(deals) == ["04 11:00", "05 10:00"]


def test_payers_and_payees_of_two_sides_meet_in_one_book_in_order_of_arrival() -> None:
    declared = trade({"depth": 1000}, sides={})
    declared["sides"]["east"]["markets"] = ["exchange"]
    declared["systems"]["gross-byn"] = {"kind": "rtgs", "currency": "BYN", "hours": "always"}
    declared["accounts"] += accounts({"west": "1000000", "east": "1000000"}, "gross-byn")
    steps = [{**step, "system": "gross-byn"} if step["kind"] == "settle" else step for step in STEPS]
    declared["routes"]["in-byn"] = {"carries": {"currencies": ["BYN"]}, "steps": steps}
    declared["routes"]["direct"]["carries"] = {"currencies": ["CNY"]}
    # Who is paid in yuan in the west sells them, as who owes Belarusian roubles in the east does.
    _, _, deals = run(
        declared,
        Order("2024-03-04 10:30", "east", "west", 600_00),
        Order("2024-03-04 11:00", "east", "west", 320_00, "in-byn", "BYN"),
        Order("2024-03-04 12:00", "east", "west", 300_00),
    )
    assert deals["bearer"].tolist() == ["payee", "payer", "payer", "payee"]
    # 400 of the 1,000 yuan are left to the second: 176.55 roubles' worth; the rest of 725 waits.
    assert deals["amount"].tolist() == [600_00, 176_55, 143_45, 300_00]
    assert at(deals) == ["04 10:30", "04 11:00", "05 10:00", "05 10:00"]


# Auctions.


def auction(*times: str, **quote: Any) -> dict[str, Any]:  # noqa: ANN401 - a declaration
    pairs = {"CNY/BYN": {"spread_bps": 0, **quote}}
    return trade(
        markets={"exchange": {"kind": "auction", "at": list(times), "hours": OFFICE, "pairs": pairs}}
    )


def test_orders_gathered_until_an_auction_deal_in_it() -> None:
    _, records, deals = run(
        auction("11:30", "12:30"),
        Order("2024-03-04 10:00", "west", "east", 1_00),
        Order("2024-03-04 11:30", "west", "east", 1_00),
        Order("2024-03-04 11:31", "west", "east", 1_00),
        Order("2024-03-04 12:31", "west", "east", 1_00),
    )
    assert at(deals) == ["04 11:30", "04 11:30", "04 12:30", "05 11:30"]
    assert seconds(records, "closed") == [90 * MINUTE, 0, 59 * MINUTE, 23 * HOUR - MINUTE]


def test_an_auction_has_one_rate_that_moves_with_the_imbalance() -> None:
    _, _, deals = run(
        auction("11:30", impact_bps=100, impact_amount=7250),
        Order("2024-03-04 10:00", "west", "east", 7_250_00),
        Order("2024-03-04 10:30", "west", "east", 7_250_00),
        Order("2024-03-04 10:00", "east", "west", 7_250_00),
        Order("2024-03-05 10:00", "east", "west", 7_250_00),
    )
    # One more is bought than sold on the first day, one sold on the second: one per cent up and down.
    assert deals["realised_value"].tolist() == [3_232_00, 3_232_00, 3_232_00, 3_168_00]


def test_an_auction_of_limited_depth_serves_who_came_first() -> None:
    _, _, deals = run(
        auction("11:30", depth=1000),
        Order("2024-03-04 11:00", "west", "east", 700_00),
        Order("2024-03-04 10:00", "west", "east", 700_00),
    )
    assert deals["amount"].tolist() == [700_00, 300_00, 400_00]
    assert at(deals) == ["04 11:30", "04 11:30", "05 11:30"]


def test_an_auction_lost_to_an_outage_is_told_as_outage() -> None:
    declared = auction("11:30", "12:30", depth=1000)
    declared["timeline"] = [
        {"kind": "outage", "market": "exchange", "from": "2024-03-04 11:00", "to": "2024-03-04 12:00"}
    ]
    _, records, deals = run(declared, Order("2024-03-04 10:30", "west", "east", 1_00))
    assert at(deals) == ["04 12:30"]
    assert (seconds(records, "closed"), seconds(records, "outage")) == ([HOUR], [HOUR])


# Vehicles.


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


# When firms exchange.


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
    assert at(conversions_table(world, records)) == ["05 12:00"]
    told = fx_results_table(world, records)
    assert told[["contract", "clearing", "spread"]].to_numpy().tolist() == [[0, 0, 0]]
    assert exposure_table(world, records)["payable"].sum() == 0


def test_who_buys_on_the_due_date_does_not_wait_for_the_bank() -> None:
    office = {"kind": "originate", "work": {"kind": "fixed", "value": "5h"}}
    for buys, told in (("on_due", "04 11:00"), ("on_instruction", "05 10:00")):
        declared = trade(firms={"west": {"exchange": {"buys": buys}}})
        declared["routes"]["direct"]["steps"] = [office, *STEPS]
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
    assert (seconds(records, "closed"), seconds(records, "fx")) == ([0], [23 * HOUR])


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
    assert fx_results_table(world, records)["realised"].all()


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
    assert fx_results_table(world, records)["realised"].all()


def test_cash_that_has_settled_but_is_not_credited_is_not_spent() -> None:
    declared = kept("keep")
    post = {"kind": "post", "work": {"kind": "fixed", "value": "2h"}}
    declared["routes"]["direct"]["steps"] = [post if step == POST else step for step in STEPS]
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
    assert fx_results_table(world, records)["realised"].tolist() == [False]


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
    steps = [{**step, "fee": fee} if step == {"kind": "convert"} else step for step in STEPS]
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


# By chance.


@st.composite
def busy(draw: st.DrawFn) -> World:
    """Two sides that pay each other for some days over markets with little depth, vehicles, auctions and cash."""
    hours = st.sampled_from([*HOURS, "always"])

    def quote() -> dict[str, Any]:
        found: dict[str, Any] = {"spread_bps": draw(st.sampled_from([0, 30]))}
        if draw(st.booleans()):
            found["depth"] = draw(st.sampled_from(["0.07", "400", "1000"]))
        if draw(st.booleans()):
            found |= {"impact_bps": 1, "impact_amount": 100}
        return found

    def market(*pairs: str) -> dict[str, Any]:
        declared = {"hours": draw(hours), "delivery": draw(st.sampled_from(["0h", "1h"]))}
        if draw(st.integers(0, 3)) == 0:
            declared |= {"kind": "auction", "at": ["11:00", "12:00:01"], "hours": OFFICE}
        return {**declared, "pairs": {pair: quote() for pair in pairs}}

    sells = [
        {"kind": "on_credit"},
        {"kind": "keep", "surrender_share": "0.4"},
        {"kind": "weekly", "weekday": "wednesday", "at": "11:00", "zone": "Europe/Minsk"},
    ]

    def exchange() -> dict[str, Any]:
        buys = draw(st.sampled_from(["on_invoice", "on_due", "on_instruction"]))
        return {"exchange": {"buys": buys, "sells": draw(st.sampled_from(sells))}}

    banks = ("west", "east")
    markets = {"home": market("CNY/BYN", "BYN/RUB"), "abroad": market("RUB/CNY", "USD/BYN", "USD/CNY")}
    both = {"hours": "always", "markets": ["home", "abroad"]}
    both["vehicles"] = draw(st.sampled_from([[], ["RUB"], ["USD", "RUB"]]))
    steps = [
        {"kind": "message", "time": {"kind": "fixed", "value": draw(st.sampled_from([0, "3h"]))}},
        *STEPS,
    ]
    systems = {"direct": "CNY", "in-byn": "BYN", "in-rub": "RUB"}
    declared = trade(
        firms={bank: exchange() for bank in banks},
        hours=HOURS,
        run_in="3d",
        horizon="3d",
        markets={"exchange": markets["home"], **markets},
        sides={
            "west": {"functional_currency": "BYN", **both},
            "east": {"functional_currency": "CNY", **both},
        },
        systems={
            name: {"kind": "rtgs", "currency": code, "hours": "always"} for name, code in systems.items()
        },
        accounts=[line for name in systems for line in accounts(dict.fromkeys(banks, "1500"), name)],
        routes={
            name: {
                "carries": {"currencies": [code]},
                "steps": [{**s, "system": name} if s["kind"] == "settle" else s for s in steps],
            }
            for name, code in systems.items()
        },
    )
    del declared["systems"]["gross"]
    orders = [
        Order(
            f"2024-03-{draw(st.integers(4, 9)):02} {draw(st.integers(8, 14)):02}:{draw(st.sampled_from([0, 30])):02}",
            *draw(st.sampled_from([banks, banks[::-1]])),
            draw(st.integers(1, 1_500_00)),
            name := draw(st.sampled_from(list(systems))),
            systems[name],
        )
        for _ in range(draw(st.integers(1, 15)))
    ]
    world = by_hand(declare(declared), *orders)
    days = draw(st.integers(0, 2))
    early = replace(world.obligations, invoiced_at=world.obligations.invoiced_at - days * DAY)
    return replace(world, obligations=early)


by_chance = settings(
    max_examples=150,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def test_what_is_exchanged_adds_up_and_no_day_s_depth_is_exceeded() -> None:
    seen: dict[str, int] = defaultdict(int)

    @by_chance
    @given(busy())
    def look(world: World) -> None:
        records = simulate(world)
        assert_promises(world, records)
        deals = records.conversions
        assert_depth(world, records)
        assert_cash_is_spent_after_its_credit(records)
        assert_same_again(world, records)
        parts = list(zip(deals.obligation.tolist(), deals.by_payee.tolist(), strict=True))
        seen["parts"] += len(parts) - len(set(parts))
        seen["matched"] += int(deals.matched.sum())
        seen["crossed"] += int((deals.vehicle >= 0).sum())
        seen["direct"] += int(((deals.vehicle < 0) & ~deals.matched).sum())

    look()
    assert min(seen.values()) > 50, dict(seen)


def assert_depth(world: World, records: Records) -> None:
    """What each side of each book dealt per trading day, told from the conversions alone."""
    deals, scenario, fx = records.conversions, world.scenario, world.fx
    dealt: dict[tuple[Any, ...], int] = defaultdict(int)
    for row in range(len(deals.at)):
        if deals.matched[row]:
            continue
        near, far = fx.currencies[deals.functional_currency[row]], fx.currencies[deals.currency[row]]
        vehicle = fx.currencies[deals.vehicle[row]] if deals.vehicle[row] >= 0 else None
        hops = [(deals.market[row], near, vehicle or far)]
        hops += [] if vehicle is None else [(deals.vehicle_market[row], vehicle, far)]
        for number, one, other in hops:
            name = list(scenario.markets)[number]
            (pair,) = [pair for pair in scenario.markets[name].pairs if set(pair.split("/")) == {one, other}]
            base = pair.split("/")[0]
            obtained = one if deals.by_payee[row] else other
            at = int(deals.at[row])
            day = world.openings.hours(scenario.markets[name].hours).value_date(np.array([at]))[0]
            amount = fx.convert(int(deals.amount[row]), int(deals.currency[row]), fx.index(base), at)
            dealt[name, pair, obtained == base, day] += int(amount)
    for (name, pair, _, _), amount in dealt.items():
        depth = scenario.markets[name].pairs[pair].depth
        # In another currency than the obligation's, each part may be half a unit off.
        assert depth is None or amount <= depth * 100 + len(deals.at)


def assert_cash_is_spent_after_its_credit(records: Records) -> None:
    deals = records.conversions
    for row in np.flatnonzero(deals.matched & deals.by_payee):
        assert records.credited_at[deals.payment[row]] < deals.at[row]
    for by_payee in (False, True):
        matched = deals.amount[deals.matched & (deals.by_payee == by_payee)]
        assert matched.sum() == deals.amount[deals.matched].sum() / 2


def assert_same_again(world: World, records: Records) -> None:
    again = simulate(world).conversions
    assert all(np.array_equal(a, b) for a, b in zip(records.conversions, again, strict=True))


@settings(max_examples=100, derandomize=True, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 6 * DAY), st.integers(1, 900_00)), min_size=1, max_size=20),
    st.sampled_from(["0.01", "100", "500", "5000"]),
)
def test_nobody_overtakes_at_a_market(orders: list[tuple[int, int]], depth: str) -> None:
    """Who comes later is not served before who came earlier has everything."""
    given_at = sorted(instant("2024-03-04 00:00") + after for after, _ in orders)
    texts = [f"{datetime.fromtimestamp(t, UTC).astimezone(MINSK):%Y-%m-%d %H:%M:%S}" for t in given_at]
    world, _, deals = run(
        trade({"depth": depth}),
        *(Order(text, "west", "east", amount) for text, (_, amount) in zip(texts, orders, strict=True)),
    )
    assert deals["payment_id"].is_monotonic_increasing
    assert deals["converted_at"].is_monotonic_increasing
    # As much is bought as can be: a day that does not sell out leaves nobody waiting.
    day = deals["converted_at"].dt.floor("D")
    by_day = deals["amount"].groupby(day).sum()
    left = world.obligations.amount.sum() - deals["amount"].sum()
    assert (by_day <= float(depth) * 100 + 0.5).all()
    for today, bought in by_day.items():
        waiting = [
            obligation
            for obligation, at in enumerate(given_at)
            if at < today.timestamp() + 10 * HOUR
            and deals.loc[(deals["obligation_id"] == obligation) & (day <= today), "amount"].sum()
            < world.obligations.amount[obligation]
        ]
        assert not waiting or bought == round(float(depth) * 100)
    assert left >= 0
