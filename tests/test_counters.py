"""Firms of one group may turn to different markets first: to the counters of their banks, or to the exchange."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agreement import assert_same_story
from builders import accounts, declare, town
from telling import run_of

from sim.errors import ScenarioError
from sim.results.run import Run
from sim.scenario.load import load
from sim.world.build import build_world
from sim.world.world import DrawnWorld

MARKETS = {
    "exchange": {"hours": "midday", "pairs": {"CNY/BYN": {"spread_bps": 30}, "USD/BYN": {"spread_bps": 20}}},
    "counter": {"hours": "office", "pairs": {"CNY/BYN": {"spread_bps": 90}}},
}
HOURS = {
    "midday": {"zone": "Europe/Minsk", "calendar": "always", "sessions": ["12:00-13:00"]},
    "office": {"zone": "Europe/Minsk", "calendar": "always", "sessions": ["09:00-17:00"]},
}


def trading(markets: dict[str, Any] | None, currencies: dict[str, float] | None = None) -> DrawnWorld:
    """Forty firms of the west owe the east money that they have to buy."""
    firms: dict[str, Any] = {"count": 40, "size_sigma": 0, "cities": {"Minsk": 1}}
    exchange = {} if markets is None else {"exchange": {"markets": markets}}
    banks = {"west": "1000000000", "east": "1000000000"}
    books = {"CNY": "gross", "USD": "gross-usd"}
    tree = town(
        banks,
        fx={"kind": "constant", "rates": {"BYN": "3.2", "CNY": "7.25"}},
        hours=HOURS,
        sides={
            "west": {"functional_currency": "BYN", "hours": "always", "markets": ["exchange", "counter"]},
            "east": {"functional_currency": "CNY", "hours": "always", "markets": ["abroad"]},
        },
        markets={**MARKETS, "abroad": {"hours": "always", "pairs": {"USD/CNY": {"spread_bps": 20}}}},
        banks={side: {"side": side, "hours": "always"} for side in banks},
        systems={name: {"kind": "rtgs", "currency": code, "hours": "always"} for code, name in books.items()},
        accounts=[account for name in books.values() for account in accounts(banks, name)],
        routes={
            name: {
                "carries": {"currencies": [code]},
                "steps": [
                    {"kind": "convert"},
                    {"kind": "settle", "system": name},
                    {"kind": "post", "work": {"kind": "fixed", "value": 0}},
                    {"kind": "convert", "by": "payee"},
                ],
            }
            for code, name in books.items()
        },
        firms={
            "buyers": {**firms, "side": "west", "banks": {"west": 1}, **exchange},
            "sellers": {**firms, "side": "east", "banks": {"east": 1}},
        },
        flows={
            "goods": {
                "payer": "buyers",
                "payee": "sellers",
                "value": 30_000_000,
                "currency": "CNY",
                "invoice": {"kind": "fixed", "value": 1_000},
                "invoicing": currencies or {"CNY": 1},
                "terms": {"cash": {"share": 1, "days": [0, 0]}},
            }
        },
    )
    return build_world(declare(tree))


def told(world: DrawnWorld) -> Run:
    """What happens, which the plain model tells alike."""
    return run_of(world, assert_same_story(world)[0])


def chosen(world: DrawnWorld) -> set[int]:
    """The buyers that turn to the exchange."""
    return set(
        np.flatnonzero(world.firms.market[:40] == list(world.scenario.markets).index("exchange")).tolist()
    )


def test_each_firm_deals_where_it_turns_to_in_the_hours_and_at_the_price_of_that_market() -> None:
    world = trading({"exchange": 0.3, "counter": 0.7})
    deals = told(world)["conversions"]
    deals = deals[(deals["bearer"] == "payer") & (deals["kind"] == "market")]
    names = np.array(world.firms.labels)
    exchange = set(names[sorted(chosen(world))])
    assert 0 < len(exchange) < 40
    for market, spread, opens, closes in (("exchange", 30, 12, 13), ("counter", 90, 9, 17)):
        mine = deals[deals["market"] == market]
        assert len(mine)
        assert set(mine["firm"].astype(str)) <= (
            exchange if market == "exchange" else {*names[:40]} - exchange
        )
        hour = mine["converted_at"].dt.tz_convert("Europe/Minsk").dt.hour
        assert hour.between(opens, closes - 1).all()
        paid = mine["realised_value"].sum() / mine["mid_value"].sum() - 1
        assert paid == pytest.approx(spread / 20_000, abs=1e-5)


def test_without_a_choice_all_turn_to_the_first_market_that_trades_the_pair() -> None:
    world = trading(None)
    deals = told(world)["conversions"]
    assert set(deals.loc[deals["bearer"] == "payer", "market"].astype(str)) == {"exchange"}


def test_what_a_firms_market_does_not_trade_goes_to_the_others() -> None:
    world = trading({"counter": 1}, {"CNY": 0.5, "USD": 0.5})
    deals = told(world)["conversions"]
    deals = deals[deals["bearer"] == "payer"]
    found = deals.groupby(deals["currency"].astype(str))["market"].apply(lambda at: set(at.astype(str)))
    assert found.to_dict() == {"CNY": {"counter"}, "USD": {"exchange"}}


def test_a_larger_share_takes_in_further_firms_and_leaves_the_others_and_all_else_as_they_are() -> None:
    few, many = (trading({"exchange": share, "counter": 1 - share}) for share in (0.25, 0.5))
    assert chosen(few) < chosen(many)
    assert (few.firms.bank == many.firms.bank).all()
    assert (few.obligations.payer == many.obligations.payer).all()
    assert (few.obligations.invoiced_at == many.obligations.invoiced_at).all()


@pytest.mark.parametrize(
    ("markets", "told"),
    [
        (
            "{bcse: null, minsk-counter: null, cfets: 1}",
            "firms.exporters.exchange.markets.cfets: 'cfets' is none of the markets of 'belarus'",
        ),
        (
            "{bcse: 0.5, minsk-counter: null, bsce: 0.5}",
            "'bsce' is not declared under 'markets'; did you mean 'bcse'?",
        ),
        ("{bcse: 0.5, minsk-counter: 0.6}", "exchange.markets: the shares add up to 1.1, not to 1"),
    ],
)
def test_choices_that_cannot_be_are_refused(markets: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    text = f"name: mine\nextends: baseline\nfirms.exporters.exchange.markets: {markets}\n"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        load(path)
    assert any(told in str(problem) for problem in caught.value.problems)


def test_about_a_fifth_of_the_yuan_in_minsk_are_dealt_on_the_exchange() -> None:
    """As far as the exchange's turnover of May 2022 was a fifth of the corridor's trade."""
    world = build_world(load("baseline", ("period.start=2024-03-01 00:00", "period.end=2024-06-01 00:00")))
    rows, markets = world.obligations, list(world.scenario.markets)
    abroad = np.array([world.groups[group].currency for group in world.firms.group]) == world.fx.index("CNY")
    ours = np.where(abroad[rows.payer], rows.payee, rows.payer)
    yuan = rows.currency == world.fx.index("CNY")
    value = rows.amount.astype(float) * yuan
    exchange = world.firms.market[ours] == markets.index("bcse")
    assert 0.12 < value[exchange].sum() / value.sum() < 0.28
