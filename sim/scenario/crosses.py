"""A currency is exchanged where it is traded, directly or through a vehicle that is traded against both."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sim.scenario.model import Scenario


class Listing(NamedTuple):
    """A pair, as a market writes it."""

    market: str
    pair: str


class Cross(NamedTuple):
    """A way between a side's functional currency and a foreign one; `abroad` is the deal beyond the vehicle."""

    home: Listing
    vehicle: str | None = None
    abroad: Listing | None = None


def crosses(scenario: Scenario, side: str, currency: str) -> list[Cross]:
    """Every way that firms of a side have to exchange a foreign currency, the direct one first."""
    declared = scenario.sides[side]
    direct = find_quote(scenario, side, {currency, declared.functional_currency})
    found = [] if direct is None else [Cross(direct)]
    for vehicle in declared.vehicles:
        home = find_quote(scenario, side, {vehicle, declared.functional_currency})
        abroad = find_quote(scenario, side, {vehicle, currency})
        if home is not None and abroad is not None:
            found.append(Cross(home, vehicle, abroad))
    return found


def find_quote(scenario: Scenario, side: str, pair: set[str]) -> Listing | None:
    """Where firms of a side exchange two currencies: at the first of their markets that trades them."""
    for market in scenario.sides[side].markets:
        for written in scenario.markets[market].pairs:
            if set(written.split("/")) == pair:
                return Listing(market, written)
    return None
