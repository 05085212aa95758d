"""Where currencies are exchanged: when a market deals, at which terms, and which ways firms have to a currency."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from sim.core.clock import from_instant, local_instant
from sim.core.currency import minor_digits, to_minor
from sim.core.hours import OpeningHours
from sim.core.kinds import complete
from sim.scenario.model.kinds import kinds
from sim.scenario.model.markets import Market
from sim.scenario.model.timing import seconds_after_midnight
from sim.scenario.model.trade import WEEKDAYS, Selling
from sim.scenario.topology import crosses
from sim.world.timeline import OtherQuote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import date

    from numpy.typing import NDArray

    from sim.core.calendars import Days
    from sim.core.rates import FxPaths
    from sim.scenario.model import Scenario
    from sim.scenario.model.markets import Quote
    from sim.scenario.model.trade import Keep, OnCredit, Weekly
    from sim.scenario.topology import Cross, Listing
    from sim.scenario.window import Window
    from sim.world.timing import Openings


class MarketPlan(NamedTuple):
    """When a market deals, and how long it takes from a deal until the currency is there.

    At an `auction` all orders of one instant deal at one rate.
    """

    hours: OpeningHours
    delivery: int
    auction: bool


class Terms(NamedTuple):
    """Half the spread as a share of mid, and what can be had on a day in minor units, None without a limit."""

    half: float
    depth: int | None


class Change(NamedTuple):
    """Other terms on trading days from one day on and before another one, if it ends."""

    first: np.datetime64
    end: np.datetime64 | None
    terms: Terms


class QuotePlan(NamedTuple):
    """What a pair costs at a market on each trading day; amounts in its first currency, the `base`.

    A minor unit that is dealt moves the price by `impact`, as a share of mid. Later changes win over earlier ones.
    """

    market: int
    base: int
    usual: Terms
    impact: float
    changes: tuple[Change, ...]

    @property
    def limited(self) -> bool:
        """Whether the pair's depth or impact ever matters."""
        every = [self.usual, *(change.terms for change in self.changes)]
        return self.impact > 0 or any(terms.depth is not None for terms in every)

    def terms(self, days: Days) -> list[Terms]:
        """The terms of each trading day."""
        found = [self.usual] * len(days)
        for first, end, terms in self.changes:
            inside = days >= first if end is None else (days >= first) & (days < end)
            for place in np.flatnonzero(inside).tolist():
                found[place] = terms
        return found

    def half_spreads(self, days: Days) -> NDArray[np.float64] | float:
        """Half the spread of each trading day, as a share of mid; one number where it is always the same."""
        if not self.changes:
            return self.usual.half
        known, place = np.unique(days, return_inverse=True)
        return np.array([terms.half for terms in self.terms(known)])[place]


class LegPlan(NamedTuple):
    """One deal of a way: a quote, by number, between the currency nearer to the firm's own and the other one."""

    quote: int
    near: int
    far: int


class WayPlan(NamedTuple):
    """How a firm exchanges a foreign currency: in one deal, or in two over a `vehicle` (−1: none)."""

    vehicle: int
    legs: tuple[LegPlan, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Markets:
    """The markets and quotes by number, and the ways of firms of a side to a foreign currency (by numbers).

    Between the two stands the market to which firms turn first, −1 if they have no choice of their own. The ways stand
    in the order in which ties are broken, the direct one first; there may be none.
    """

    every: tuple[MarketPlan, ...]
    quotes: tuple[QuotePlan, ...]
    ways: dict[tuple[int, int, int], tuple[WayPlan, ...]]


def build_markets(scenario: Scenario, openings: Openings, fx: FxPaths) -> Markets:
    """All markets of a scenario, and whatever pairs somebody can exchange there."""
    numbers: dict[Listing, int] = {}
    changes = openings.timeline.of(OtherQuote)
    ways = {}
    known = list(scenario.markets)
    for side, (name, declared) in enumerate(scenario.sides.items()):
        own = fx.index(declared.functional_currency)
        for first in (None, *_chosen(scenario, name)):
            choice = -1 if first is None else known.index(first)
            for foreign, code in enumerate(fx.currencies):
                if foreign != own:
                    found = crosses(scenario, name, code, first)
                    plans = tuple(_way(cross, own, foreign, fx, numbers) for cross in found)
                    ways[side, choice, foreign] = plans
    return Markets(
        every=tuple(
            MarketPlan(dealing_hours(name, scenario, openings), market.delivery, DEALING[market.kind].auction)
            for name, market in scenario.markets.items()
        ),
        quotes=tuple(_quote(place, scenario, changes, fx) for place in numbers),
        ways=ways,
    )


def _chosen(scenario: Scenario, side: str) -> list[str]:
    """The markets to which some firms of a side turn first."""
    groups = [group for group in scenario.firms.values() if group.side == side]
    return list(dict.fromkeys(market for group in groups for market in group.exchange.markets or ()))


def _way(cross: Cross, own: int, foreign: int, fx: FxPaths, numbers: dict[Listing, int]) -> WayPlan:
    """A way over quotes that get their number when they are first met."""

    def leg(place: Listing, near: int, far: int) -> LegPlan:
        return LegPlan(numbers.setdefault(place, len(numbers)), near, far)

    if cross.vehicle is None or cross.abroad is None:
        return WayPlan(-1, (leg(cross.home, own, foreign),))
    vehicle = fx.index(cross.vehicle)
    return WayPlan(vehicle, (leg(cross.home, own, vehicle), leg(cross.abroad, vehicle, foreign)))


def _quote(place: Listing, scenario: Scenario, changes: Sequence[OtherQuote], fx: FxPaths) -> QuotePlan:
    usual, base = scenario.markets[place.market].pairs[place.pair], place.pair.partition("/")[0]
    moving = usual.impact_amount
    return QuotePlan(
        market=list(scenario.markets).index(place.market),
        base=fx.index(base),
        usual=_terms(usual, base),
        impact=0.0
        if moving is None
        else float(usual.impact_bps) / 10_000 / (float(moving) * 10.0 ** minor_digits(base)),
        changes=tuple(
            Change(
                np.datetime64(change.first, "D"),
                None if change.end is None else np.datetime64(change.end, "D"),
                _terms(change.quote, base),
            )
            for change in changes
            if (change.market, change.pair) == place
        ),
    )


def _terms(quote: Quote, base: str) -> Terms:
    depth = None if quote.depth is None else to_minor(quote.depth, base)
    return Terms(float(quote.spread_bps) / 20_000, depth)


def dealing_hours(name: str, scenario: Scenario, openings: Openings) -> OpeningHours:
    """When a market deals."""
    return DEALING[scenario.markets[name].kind].hours(name, scenario, openings)


def _sessions(name: str, scenario: Scenario, openings: Openings) -> OpeningHours:
    return openings.hours(scenario.markets[name].hours, ("market", name))


def _auctions(name: str, scenario: Scenario, openings: Openings) -> OpeningHours:
    """Sessions of one second in which auctions take place."""
    market = scenario.markets[name]
    hours = openings.hours(market.hours)
    declared = scenario.hours.get(market.hours) if isinstance(market.hours, str) else market.hours
    zone = openings.window.zone if declared is None else ZoneInfo(declared.zone)
    times = [seconds_after_midnight(text) for text in market.at]
    found = {
        instant: session
        for session, (start, end) in enumerate(zip(hours.starts.tolist(), hours.ends.tolist(), strict=True))
        for day in local_dates(start, end, zone)
        for instant in (local_instant(day, at, zone) for at in times)
        if start <= instant < end
    }
    instants = np.array(sorted(found), dtype=np.int64)
    sessions = np.array([found[instant] for instant in sorted(found)], dtype=np.int64)
    auctions = OpeningHours(instants, instants + 1, hours.value_dates[sessions], rest=hours.rest)
    return auctions.without(openings.gaps(("market", name)))


class Dealing(NamedTuple):
    """What a kind of market is: when it deals, and whether it is an `auction`; see `MarketPlan`."""

    hours: Callable[[str, Scenario, Openings], OpeningHours]
    auction: bool


#: By the `kind` of a market.
DEALING: Final = {
    "continuous": Dealing(_sessions, auction=False),
    "auction": Dealing(_auctions, auction=True),
}
complete(kinds(Market), DEALING, of="kind of market", what="dealing in the world")


def local_dates(start: int, end: int, zone: ZoneInfo) -> Iterator[date]:
    """Local dates from one instant to another."""
    day, last = from_instant(start, zone).date(), from_instant(end, zone).date()
    while day <= last:
        yield day
        day += timedelta(days=1)


class GroupPlan(NamedTuple):
    """What firms of a group have in common; side and functional `currency` by number.

    `buys` is the occasion of a payer's order. A payee sells all that it is credited at once or, where firms keep
    `cash`, the `surrendered` share of it, and what is left at the instants `sold_at`.
    """

    side: int
    currency: int
    buys: str
    cash: bool
    surrendered: float
    sold_at: tuple[int, ...]


def group_plans(scenario: Scenario, window: Window, fx: FxPaths) -> tuple[GroupPlan, ...]:
    """One plan for each group of firms, in their order."""
    sides, found = list(scenario.sides), []
    for declared in scenario.firms.values():
        sells = declared.exchange.sells
        found.append(
            GroupPlan(
                side=sides.index(declared.side),
                currency=fx.index(scenario.sides[declared.side].functional_currency),
                buys=declared.exchange.buys,
                cash=sells.keeps,
                surrendered=float(sells.surrender_share),
                sold_at=tuple(SALES[sells.kind](sells, window)),
            )
        )
    return tuple(found)


def _weekly(declared: Weekly, window: Window) -> list[int]:
    """When foreign cash is sold, from the start of the run to its end."""
    zone, at = ZoneInfo(declared.zone), seconds_after_midnight(declared.at)
    days = local_dates(window.start, window.end, zone)
    found = [local_instant(day, at, zone) for day in days if WEEKDAYS[day.weekday()] == declared.weekday]
    return [instant for instant in found if window.start <= instant < window.end]


def _never(_declared: OnCredit | Keep, _window: Window) -> list[int]:
    return []


#: When foreign cash is sold, by the `kind` of selling.
SALES: Final[dict[str, Callable[[Any, Window], list[int]]]] = {
    "on_credit": _never,
    "weekly": _weekly,
    "keep": _never,
}
complete(kinds(Selling), SALES, of="way of selling", what="times of sale in the world")
