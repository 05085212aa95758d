"""A market that deals at another spread, or has less to sell, does so on its trading days in the time."""

from __future__ import annotations

from typing import Any

import pytest
from builders import POST, RATES, Order, by_hand, declare, instant, town
from pydantic import ValidationError
from stays import seconds

from sim.core.clock import DAY
from sim.engine.run import simulate
from sim.scenario.check import check
from sim.scenario.model import Scenario


def changed(since: str, until: str | None = None, **what: Any) -> dict[str, Any]:  # noqa: ANN401 - parts of one
    return {"kind": "quote", "market": "exchange", "from": since, **({"to": until} if until else {}), **what}


def bazaar(*timeline: dict[str, Any], **quote: Any) -> dict[str, Any]:  # noqa: ANN401 - parts of a scenario
    """Firms that keep roubles and pay in yuan, bought from nine to five."""
    steps = [
        {"kind": "convert"},
        {"kind": "settle", "system": "gross"},
        POST,
        {"kind": "convert", "by": "payee"},
    ]
    return town(
        {"a": "1000", "b": "0"},
        fx=RATES,
        hours={"office": {"zone": "Europe/Minsk", "calendar": "always", "sessions": ["09:00-17:00"]}},
        sides={"town": {"functional_currency": "BYN", "hours": "always", "markets": ["exchange"]}},
        markets={
            "exchange": {
                "hours": "office",
                "pairs": {"CNY/BYN": {"spread_bps": 20, **quote}, "USD/BYN": {"spread_bps": 20}},
            }
        },
        routes={"direct": {"steps": steps}},
        timeline=list(timeline),
    )


def spreads(declared: dict[str, Any], *times: str) -> list[float]:
    """What payers pay above mid in basis points, by payment."""
    records = simulate(by_hand(declare(declared), *(Order(at, "a", "b", 1_000_000) for at in times)))
    rows = records.conversions
    bought = ~rows.by_payee
    return [
        round(10_000 * (a / m - 1), 1)
        for a, m in zip(rows.counter_amount[bought], rows.mid_amount[bought], strict=True)
    ]


DAYS = ("2024-03-05 16:59", "2024-03-05 18:00", "2024-03-07 16:00", "2024-03-07 18:00")


@pytest.mark.parametrize("quote", [{}, {"depth": "1000000"}], ids=["unlimited", "limited"])
def test_the_spread_is_that_of_the_trading_day(quote: dict[str, Any]) -> None:
    wide = changed("2024-03-06 00:00", "2024-03-08 00:00", spread_bps=200)
    assert spreads(bazaar(wide, **quote), *DAYS) == [10, 100, 100, 10]


def test_the_spread_of_one_pair_is_no_other_s() -> None:
    dollars = changed("2024-03-06 00:00", pair="USD/BYN", spread_bps=200)
    assert spreads(bazaar(dollars), *DAYS) == [10] * 4


def test_what_cannot_be_had_in_a_shallow_market_waits_for_the_next_day() -> None:
    shallow = changed("2024-03-05 00:00", "2024-03-06 00:00", pair="CNY/BYN", depth="100")
    records = simulate(
        by_hand(
            declare(bazaar(shallow)),
            Order("2024-03-05 10:00", "a", "b", 8_000),
            Order("2024-03-05 12:00", "a", "b", 8_000),
            Order("2024-03-06 12:00", "a", "b", 80_000),
        )
    )
    # 20.00 are left for the second, which gets the rest when the next day begins; then there is no limit.
    assert records.settled_at.tolist() == [
        instant("2024-03-05 10:00"),
        instant("2024-03-06 09:00"),
        instant("2024-03-06 12:00"),
    ]
    assert seconds(records, "currency")[1] == instant("2024-03-06 09:00") - instant("2024-03-05 12:00")
    assert records.stays.seconds.sum() < DAY


def test_quotes_that_make_no_sense_are_refused() -> None:
    for entry, complaint in (
        (changed("2024-03-05 10:00", spread_bps=1), "a date without a time"),
        (changed("2024-03-05 00:00"), "state what changes"),
        (changed("2024-03-05 00:00", depth=1), "a depth is that of one 'pair'"),
    ):
        with pytest.raises(ValidationError, match=complaint):
            Scenario.model_validate(bazaar(entry))
    steep = {"impact_bps": 5_000, "impact_amount": "100", "depth": "100"}
    deeper = changed("2024-03-05 00:00", pair="CNY/BYN", depth="1000")
    (found,) = check(Scenario.model_validate(bazaar(deeper, **steep)))
    assert found.path == ("timeline", 0, "depth")
    assert "the impact takes the whole price" in found.message
    twice = [
        changed("2024-03-05 00:00", spread_bps=1),
        changed("2024-03-06 00:00", pair="CNY/BYN", spread_bps=2),
    ]
    (found,) = check(Scenario.model_validate(bazaar(*twice)))
    assert "CNY/BYN at 'exchange' is changed by entry 0" in found.message
