"""A firm that exchanges currency on the way of its payment pays what its market asks, and what its bank charges."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from agreement import assert_agreement
from builders import (
    AT_ONCE,
    POST,
    Order,
    accounts,
    by_hand,
    declare,
    firm,
    town,
)
from happened import run, settled
from oracle import tell
from stays import seconds
from telling import run_of

from sim.core.clock import HOUR, MINUTE
from sim.engine.run import simulate
from sim.world.build import build_world

if TYPE_CHECKING:
    from sim.scenario.model import Scenario


def bought_and_sold(**fx: Any) -> Scenario:  # noqa: ANN401 - a declaration
    """A west that owes yuan and an east that owes roubles, where nothing takes any time."""
    both = town(
        {"west": "1000000000", "east": "1000000000"},
        fx=fx,
        run_in="5d",
        sides={
            "west": {"functional_currency": "BYN", "hours": "always", "markets": ["exchange"]},
            "east": {"functional_currency": "CNY", "hours": "always", "markets": ["exchange"]},
        },
        markets={"exchange": {"hours": "always", "pairs": {"CNY/BYN": {"spread_bps": 30}}}},
        banks={side: {"side": side, "hours": "always"} for side in ("west", "east")},
        systems={
            "gross": {"kind": "rtgs", "currency": "CNY", "hours": "always"},
            "gross-byn": {"kind": "rtgs", "currency": "BYN", "hours": "always"},
        },
        accounts=[
            *accounts({"west": "1000000000", "east": "1000000000"}),
            *accounts({"west": "1000000000", "east": "1000000000"}, "gross-byn"),
        ],
        routes={
            name: {
                "carries": {"currencies": [currency]},
                "steps": [
                    {"kind": "originate", "work": AT_ONCE},
                    {"kind": "convert"},
                    {"kind": "settle", "system": name},
                    POST,
                    {"kind": "convert", "by": "payee"},
                ],
            }
            for name, currency in (("gross", "CNY"), ("gross-byn", "BYN"))
        },
        firms={side: firm(side, side, 3) for side in ("west", "east")},
        flows={
            f"{payer}-pays": {
                "payer": payer,
                "payee": payee,
                "value": 1_000_000_000,
                "currency": "USD",
                "invoice": {"kind": "lognormal", "median": 100_000, "sigma": 1},
                "invoicing": {"CNY": "0.5", "BYN": "0.5"},
                "terms": {"later": {"share": 1, "days": [0, 5]}},
            }
            for payer, payee in (("west", "east"), ("east", "west"))
        },
    )
    return declare(both)


def test_rates_that_stand_still_leave_nothing_but_the_spread() -> None:
    world = build_world(bought_and_sold(kind="constant", rates={"CNY": "7.25", "BYN": "3.2"}))
    table = run_of(world, simulate(world))["fx_results"]
    assert len(table) > 100
    assert (table["contract"] == 0).all()
    assert (table["clearing"] == 0).all()
    assert (table["spread"] < 0).all()


def test_a_route_that_takes_no_time_leaves_no_clearing_result_however_rates_move() -> None:
    moving = {
        "kind": "lognormal",
        "start": {"CNY": "7.25", "BYN": "3.2"},
        "volatility": {"CNY": "0.5", "BYN": 1},
    }
    world = build_world(bought_and_sold(**moving))
    records = simulate(world)
    assert (records.credited_at == world.payments.instructed_at).all()
    table = run_of(world, records)["fx_results"]
    assert (table["clearing"] == 0).all()
    assert (table["contract"] != 0).any()


def dealing(steps: list[dict[str, Any]], **market: Any) -> dict[str, Any]:  # noqa: ANN401 - a declaration
    """A west that keeps BYN and an east that keeps CNY; 7.25 CNY and 3.2 BYN are a dollar."""
    exchange = {"hours": "always", "pairs": {"CNY/BYN": {"spread_bps": 100}}, **market}
    return town(
        {"west": "1000", "east": "1000"},
        sides={
            "west": {"functional_currency": "BYN", "hours": "always", "markets": ["exchange"]},
            "east": {"functional_currency": "CNY", "hours": "always"},
        },
        markets={"exchange": exchange},
        banks={side: {"side": side, "hours": "always"} for side in ("west", "east")},
        firms={side: firm(side, side) for side in ("west", "east")},
        routes={"direct": {"steps": steps}},
    )


def test_a_payer_buys_above_mid_and_a_payee_sells_below_it() -> None:
    steps = [
        {"kind": "convert"},
        {"kind": "settle", "system": "gross"},
        POST,
        {"kind": "convert", "by": "payee"},
    ]
    records = run(
        dealing(steps),
        Order("2024-03-04 10:00", "west", "east", 725_00),
        Order("2024-03-04 11:00", "east", "west", 725_00),
    )
    assert records.conversions.mid_amount.tolist() == [320_00, 320_00]
    # Half of one per cent to either side.
    assert records.conversions.counter_amount.tolist() == [321_60, 318_40]
    assert records.conversions.by_payee.tolist() == [False, True]


def test_bought_currency_is_there_after_the_market_opened_and_delivered() -> None:
    steps = [{"kind": "convert"}, {"kind": "settle", "system": "gross"}, POST]
    records = run(
        dealing(steps, hours={"zone": "Europe/Minsk", "sessions": ["10:00-13:00"]}, delivery="1h"),
        Order("2024-03-04 09:15", "west", "east", 1_00),
        Order("2024-03-04 12:59:59", "west", "east", 1_00),
        Order("2024-03-08 13:00", "west", "east", 1_00),
    )
    assert settled(records)[:2] == ["2024-03-04 11:00:00", "2024-03-04 13:59:59"]
    # The third is too late on a Friday, and the run ends before Monday.
    assert settled(records)[2] == "never"
    assert seconds(records, "currency") == [HOUR, HOUR, 0]
    assert seconds(records, "closed_hours")[0] == 45 * MINUTE


def test_what_a_rate_does_between_due_date_and_conversion_is_clearing() -> None:
    steps = [
        {"kind": "convert"},
        {"kind": "settle", "system": "gross"},
        POST,
        {"kind": "convert", "by": "payee"},
    ]
    world = by_hand(
        declare(dealing(steps, hours={"zone": "Europe/Minsk", "sessions": ["10:00-13:00"]})),
        Order("2024-03-04 15:00", "west", "east", 725_00),
        Order("2024-03-04 16:00", "east", "west", 725_00),
    )
    per_usd = world.fx.per_usd.copy()
    per_usd[1:, world.fx.index("BYN")] = 3.3
    world = replace(world, fx=replace(world.fx, per_usd=per_usd))
    records = simulate(world)
    assert_agreement(world, records, tell(world))
    table = run_of(world, records)["fx_results"]
    # 320 roubles when due, 330 the next morning: a loss to who pays yuan, a gain to who is paid in yuan.
    assert table["clearing"].tolist() == [-10_00, 10_00]
    assert table["contract"].tolist() == [0, 0]
    assert table["spread"].tolist() == [-1_65, -1_65]


def test_firms_deal_at_the_preferred_market_that_trades_their_pair() -> None:
    scenario = dealing([{"kind": "convert"}, {"kind": "settle", "system": "gross"}, POST])
    quotes = {"other": {"USD/BYN": 10}, "dear": {"BYN/CNY": 300}, "cheap": {"CNY/BYN": 20}}
    scenario["markets"] = {
        name: {"hours": "always", "pairs": {pair: {"spread_bps": bps} for pair, bps in pairs.items()}}
        for name, pairs in quotes.items()
    }
    scenario["sides"]["west"]["markets"] = ["other", "cheap", "dear"]
    records = run(scenario, Order("2024-03-04 10:00", "west", "east", 725_00))
    assert records.conversions.counter_amount.tolist() == [320_32]


def charged(amount: int, **fee: Any) -> int:  # noqa: ANN401 - a declaration
    settle = {"kind": "settle", "system": "gross", "fee": {"currency": "USD", **fee}}
    records = run(
        town({"a": "100000", "b": "0"}, routes={"direct": {"steps": [settle, POST]}}),
        Order("2024-03-04 10:00", "a", "b", amount),
    )
    return int(records.fees.amount[0])


@pytest.mark.parametrize(
    ("yuan", "dollars"),
    [(72_50, 20_00), (14_500_00, 20_00), (21_750_00, 30_00), (72_500_00, 100_00), (72_507_25, 100_01)],
)
def test_a_fee_is_a_share_of_the_value_and_at_least_its_minimum(yuan: int, dollars: int) -> None:
    assert charged(yuan, share="0.01", minimum=20) == dollars


def test_a_fee_is_a_share_beside_a_flat_charge_and_at_most_its_maximum() -> None:
    assert charged(72_500_00, share="0.01", flat=5) == 105_00
    assert charged(72_500_00, share="0.01", flat=5, maximum=90) == 90_00
    assert charged(72_500_00, share="0.01", flat=5, maximum=200) == 105_00
