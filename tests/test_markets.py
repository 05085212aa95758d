"""A market has so much to sell in a day, at a price that moves with what is dealt, or deals at an auction alone."""

from __future__ import annotations

from typing import Any

from builders import EXCHANGING, Order, accounts
from stays import seconds
from telling import run_of
from trading import OFFICE, at, run, settled, trade

from sim.core.clock import HOUR, MINUTE

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
    assert seconds(records, "closed_hours") == [HOUR, 0, 0]
    assert seconds(records, "currency") == [0, 47 * HOUR, 46 * HOUR]


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
    assert run_of(world, records)["fx_results"]["spread"].tolist() == [-16_00]


def test_parts_of_an_order_are_exposed_until_they_are_bought() -> None:
    world, records, _ = run(trade({"depth": 1000}), Order("2024-03-04 11:00", "west", "east", 2_500_00))
    payable = run_of(world, records)["exposure"]["payable"].tolist()
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
    assert run_of(world, records)["fx_results"]["realised"].tolist() == [False]


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
    steps = [{**step, "system": "gross-byn"} if step["kind"] == "settle" else step for step in EXCHANGING]
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
    assert seconds(records, "closed_hours") == [90 * MINUTE, 0, 59 * MINUTE, 23 * HOUR - MINUTE]


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
    assert (seconds(records, "closed_hours"), seconds(records, "outage")) == ([HOUR], [HOUR])
