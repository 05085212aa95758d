"""What a pair costs at a market, and how much of it can be had, may be another on some trading days."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.scenario.model.timeline import ChangedQuote, numbered
from sim.world.effects import gives_effect_to

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.core.calendars import Days
    from sim.scenario.model import Scenario
    from sim.scenario.model.markets import Quote


@gives_effect_to(ChangedQuote)
def quotes(scenario: Scenario, market: str, pair: str, days: Days) -> list[Quote]:
    """The quote of each trading day."""
    usual = scenario.markets[market].pairs[pair]
    found = [usual] * len(days)
    for entry in _changes(scenario, market, pair):
        changed = entry.applied_to(usual)
        first = np.datetime64(entry.from_.date(), "D")
        inside = days >= first
        if entry.to is not None:
            inside &= days < np.datetime64(entry.to.date(), "D")
        for place in np.flatnonzero(inside).tolist():
            found[place] = changed
    return found


def half_spreads(scenario: Scenario, market: str, pair: str, days: Days) -> NDArray[np.float64] | float:
    """Half the spread of each trading day, as a share of mid; one number where it is always the same."""
    if not _changes(scenario, market, pair):
        return float(scenario.markets[market].pairs[pair].spread_bps) / 20_000
    known, place = np.unique(days, return_inverse=True)
    half = [float(quote.spread_bps) / 20_000 for quote in quotes(scenario, market, pair, known)]
    return np.array(half)[place]


def limited(scenario: Scenario, market: str, pair: str) -> bool:
    """Whether the pair's depth or impact ever matters."""
    usual = scenario.markets[market].pairs[pair]
    every = [usual, *(entry.applied_to(usual) for entry in _changes(scenario, market, pair))]
    return any(quote.depth is not None or quote.impact_amount is not None for quote in every)


def _changes(scenario: Scenario, market: str, pair: str) -> list[ChangedQuote]:
    return [
        entry
        for _, entry in numbered(scenario.timeline, ChangedQuote)
        if entry.market == market and entry.pair in (None, pair)
    ]
