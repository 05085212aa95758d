"""Nonsense about markets, and about when firms exchange, is refused at the line where it was written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sim.errors import ScenarioError
from sim.scenario.load import load

if TYPE_CHECKING:
    from pathlib import Path


def refusal(folder: Path, lines: str) -> list[str]:
    path = folder / "variant.yaml"
    path.write_text(f"name: variant\nextends: baseline\n{lines}\n", encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        load(path)
    return [
        str(problem).removeprefix(f"{path}:").removeprefix("variant.yaml:")
        for problem in caught.value.problems
    ]


#: Nobody in Minsk trades yuan against roubles.
NO_YUAN = (
    "markets:\n  bcse:\n    pairs: {CNY/BYN: null}\n  minsk-counter:\n"
    "    pairs: {CNY/BYN: null, EUR/BYN: {spread_bps: 60}}"
)
BCSE = "markets:\n  bcse:\n    "


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (
            BCSE + "pairs: {CNY/BYN: {depth: -5}}",
            "5:30: markets.bcse.pairs.CNY/BYN.depth: must be greater than 0, not -5",
        ),
        (
            BCSE + "pairs: {CNY/BYN: {depth: 0.005}}",
            "5:30: markets.bcse.pairs.CNY/BYN.depth: 0.005 has more than 2 decimals, the most CNY has",
        ),
        (
            BCSE + "pairs: {CNY/BYN: {impact_bps: -1, impact_amount: 5}}",
            "5:35: markets.bcse.pairs.CNY/BYN.impact_bps: must be at least 0, not -1",
        ),
        (
            BCSE + "pairs: {CNY/BYN: {impact_bps: 10}}",
            "5:35: markets.bcse.pairs.CNY/BYN.impact_bps: state 'impact_bps' and 'impact_amount' together",
        ),
        (
            BCSE + "pairs: {CNY/BYN: {impact_bps: 100, impact_amount: 10, depth: 1000}}",
            "5:35: markets.bcse.pairs.CNY/BYN.impact_bps: at full depth the impact takes the whole price",
        ),
        (
            BCSE + "pairs: {CNX/BYN: {spread_bps: 5}}",
            "5:13: markets.bcse.pairs.CNX/BYN: 'CNX' is not an ISO 4217 currency code; did you mean 'CNY'?",
        ),
        (
            BCSE + "kind: auction",
            "4:3: markets.bcse.at: an auction needs its times, such as at: ['11:30']",
        ),
        (
            BCSE + "at: ['11:30']",
            "5:5: markets.bcse.at: only an auction has times; a continuous market deals while it is open",
        ),
        (
            BCSE + "{kind: auction, at: ['11:30', '13:00']}",
            "5:35: markets.bcse.at.1: at 13:00 the market is closed",
        ),
        (
            BCSE + "{kind: auction, at: ['25:30']}",
            "5:26: markets.bcse.at.0: '25:30' is not a time of day such as 10:30",
        ),
        (
            "sides:\n  belarus: {vehicles: [RUB, XUB]}",
            "4:29: sides.belarus.vehicles.1: 'XUB' is not an ISO 4217 currency code; did you mean 'RUB'?",
        ),
        ("sides:\n  belarus: {vehicles: [BYN]}", "4:13: sides.belarus.vehicles: BYN is no vehicle to itself"),
        (
            "sides:\n  belarus: {vehicles: [HKD]}",
            "4:24: sides.belarus.vehicles.0: no market of 'belarus' trades HKD/BYN",
        ),
        (
            "firms:\n  exporters: {exchange: {sells: {kind: keep, surrender_share: 1.5}}}",
            "4:63: firms.exporters.exchange.sells.surrender_share: must be at most 1, not 1.5",
        ),
        (
            "firms:\n  exporters: {exchange: {sells: {kind: weekly, at: '11:00', zone: Europe/Minsk}}}",
            "4:26: firms.exporters.exchange.sells: the key 'weekday' is needed here",
        ),
        (
            "firms:\n  exporters: {exchange: {buys: on_credit}}",
            "4:32: firms.exporters.exchange.buys: 'on_credit' is not one of 'on_invoice', 'on_due' or 'on_instruction'",
        ),
    ],
)
def test_nonsense_is_refused_with_its_line(tmp_path: Path, lines: str, told: str) -> None:
    assert refusal(tmp_path, lines) == [told]


def test_a_currency_that_no_market_and_no_vehicle_reaches_is_told_where_it_is_invoiced(
    tmp_path: Path,
) -> None:
    lines = f"sides: {{belarus: {{vehicles: [USD]}}}}\n{NO_YUAN}"
    told = refusal(tmp_path, lines)
    assert told
    assert all("no market of 'belarus' trades CNY/BYN, nor over USD" in problem for problem in told)


def test_a_vehicle_may_take_the_place_of_a_pair_that_nobody_trades(tmp_path: Path) -> None:
    path = tmp_path / "variant.yaml"
    path.write_text(
        "name: variant\nextends: baseline\n"
        f"sides: {{belarus: {{vehicles: [RUB], markets: [bcse, minsk-counter, cfets]}}}}\n{NO_YUAN}\n",
        encoding="utf-8",
    )
    assert load(path).sides["belarus"].vehicles == ("RUB",)
