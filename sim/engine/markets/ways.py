"""Foreign currency is had directly or through a vehicle: then both deals take place, at one instant."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from math import floor
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.core.clock import NEVER
from sim.core.currency import minor_digits
from sim.core.hours import joint_hours

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.core.calendars import Days
    from sim.core.hours import OpeningHours
    from sim.core.rates import FxPaths
    from sim.world.markets import MarketPlan, QuotePlan, WayPlan
    from sim.world.world import World


class Venue:
    """When a market deals; trading days are numbered, and a day is that of the session's value date."""

    def __init__(self, number: int, plan: MarketPlan) -> None:
        hours = plan.hours
        self.number = number
        self.delivery = plan.delivery
        self.scheduled = hours.scheduled
        self._starts: list[int] = [*hours.starts.tolist(), NEVER]
        self._ends: list[int] = hours.ends.tolist()
        dates = np.maximum.accumulate(hours.value_dates)
        known, first, day = np.unique(dates, return_index=True, return_inverse=True)
        self.dates = known
        self.days = len(known)
        #: The question asked last, which several legs ask again.
        self._asked, self._answer = -NEVER, (NEVER, self.days)
        self._day: list[int] = [*day.tolist(), self.days]
        self._opening: list[int] = [*hours.starts[first].tolist(), NEVER]

    def opens(self, at: int) -> tuple[int, int]:
        """The first instant not before `at` at which it deals, and its day; NEVER after the last one."""
        if at != self._asked:
            session = bisect_right(self._ends, at)
            start = self._starts[session]
            self._asked, self._answer = at, (max(at, start), self._day[session])
        return self._answer

    def opening(self, day: int) -> int:
        """The first instant of a day; NEVER after the last one."""
        return self._opening[day]


class MarketDepth:
    """One side of one pair: what was dealt on each trading day, in minor units of the pair's first currency."""

    def __init__(self, quote: QuotePlan, dates: Days) -> None:
        """`dates` are those of the trading days."""
        days = len(dates)
        # One more than there are days, for what is asked beyond the last of them.
        every = [*quote.terms(dates), quote.usual]
        self._depth = [terms.depth for terms in every]
        self._half = [terms.half for terms in every]
        self.impact = quote.impact
        self._dealt = [0] * (days + 1)
        #: The first day from each on that is not sold out, as far as it is known.
        self._free = list(range(days + 1))

    @property
    def limited(self) -> bool:
        """Whether what is dealt here changes anything for others."""
        return self.impact > 0 or any(depth is not None for depth in self._depth)

    def free(self, day: int) -> int:
        """The first day from `day` on that has something left."""
        free = self._free
        while free[day] != day:
            free[day] = free[free[day]]
            day = free[day]
        return day

    def left(self, day: int) -> int | None:
        """What can still be dealt on a day; None without a limit."""
        depth = self._depth[day]
        return None if depth is None else depth - self._dealt[day]

    def distance(self, day: int, amount: int, *, moving: bool) -> float:
        """How far from mid an amount deals on average, as a share of mid.

        Half the spread and, if the price is `moving`, impact · (dealt before on that day + amount / 2).
        """
        return self._half[day] + (self.impact * (self._dealt[day] + amount / 2) if moving else 0.0)

    def take(self, day: int, amount: int) -> None:
        """Deal an amount that is left."""
        self._dealt[day] += amount
        if self.left(day) == 0:
            self.sell_out(day)

    def sell_out(self, day: int) -> None:
        """Nothing more is dealt on a day."""
        self._free[day] = day + 1


class Fill(NamedTuple):
    """A part of an order that was dealt: minor units of the foreign currency, at `factor` times mid.

    The factor lacks what auctions add, which is known when all their orders are.
    """

    at: int
    amount: int
    way: Way
    factor: float


class Mids:
    """The drawn mids, looked up one at a time."""

    def __init__(self, fx: FxPaths) -> None:
        self._days: list[int] = fx.day_starts.tolist()
        self._per_usd: list[list[float]] = fx.per_usd.tolist()
        self._scale = [10.0 ** minor_digits(currency) for currency in fx.currencies]

    def value(self, amount: int, source: int, target: int, at: int) -> float:
        """Minor units of `target`, not rounded."""
        if source == target:
            return amount
        rates = self._per_usd[bisect_right(self._days, at) - 1]
        return amount * (rates[target] / rates[source]) * (self._scale[target] / self._scale[source])


class Leg:
    """One deal of a way: at a venue, on one side of a pair, of which `base` is the first currency.

    `imbalance` holds, for an auction, what more is bought than sold of the base at each of its instants.
    """

    def __init__(
        self, venue: Venue, depth: MarketDepth, base: int, imbalance: dict[int, int] | None, *, buys: bool
    ) -> None:
        self.venue = venue
        self.depth = depth
        self.base = base
        self.imbalance = imbalance
        self.buys = buys

    def opportunity(self, at: int) -> int:
        """The first instant not before `at` at which it deals and something is left."""
        instant, day = self.venue.opens(at)
        free = self.depth.free(day)
        return instant if free == day else self.venue.opening(free)

    def distance(self, at: int, amount: int) -> float:
        """See `MarketDepth`; what an auction's orders do to its price is known only afterwards."""
        _, day = self.venue.opens(at)
        return self.depth.distance(day, amount, moving=self.imbalance is None)

    def take(self, at: int, amount: int) -> None:
        """Deal an amount of the base."""
        self.depth.take(self.venue.opens(at)[1], amount)
        if self.imbalance is not None:
            self.imbalance[at] += amount if self.buys else -amount


class Way:
    """How a party exchanges a foreign currency: over one leg, or over two and a vehicle."""

    def __init__(
        self,
        vehicle: int,
        legs: tuple[Leg, ...],
        hours: OpeningHours,
        foreign: int,
        mids: Mids,
        *,
        sells: bool,
    ) -> None:
        self.legs = legs
        self.market = legs[0].venue.number
        self.vehicle = vehicle
        self.vehicle_market = legs[1].venue.number if len(legs) > 1 else -1
        self.delivery = max(leg.venue.delivery for leg in legs)
        #: When all legs deal, if there were no outages.
        self.hours = hours
        self._foreign = foreign
        self._mids = mids
        self._sells = sells

    def opens(self, at: int) -> int:
        """The first instant not before `at` at which all legs deal, whether or not anything is left."""
        return self._together(at, lambda leg, now: leg.venue.opens(now)[0])

    def scheduled(self, at: int) -> int:
        """As `opens`, if there were no outages."""
        return self._together(at, lambda leg, now: leg.venue.scheduled.opens_at(now))

    def opportunity(self, at: int) -> int:
        """The first instant not before `at` at which all legs deal and have something left."""
        return self._together(at, Leg.opportunity)

    def room(self, at: int, amount: int) -> int:
        """How much of an amount of the foreign currency can be dealt at an opportunity; a leg may be sold out."""
        for leg in self.legs:
            _, day = leg.venue.opens(at)
            left = leg.depth.left(day)
            if left is not None:
                most = floor(self._mids.value(left, leg.base, self._foreign, at))
                if most == 0:
                    # Less is left than one minor unit of the foreign currency.
                    leg.depth.sell_out(day)
                amount = min(amount, most)
        return amount

    def factor(self, at: int, amount: int) -> float:
        """Average price of an amount, as a multiple of mid, all legs together."""
        product = 1.0
        for leg in self.legs:
            distance = leg.distance(at, self._in_base(leg, at, amount))
            product *= max(1.0 - distance, 0.0) if self._sells else 1.0 + distance
        return product

    def cost(self, at: int, amount: int) -> float:
        """What is paid, or not received, for a unit at mid: smaller is better."""
        return -self.factor(at, amount) if self._sells else self.factor(at, amount)

    def deal(self, at: int, amount: int) -> Fill:
        """Deal an amount for which there is room."""
        fill = Fill(at, amount, self, self.factor(at, amount))
        for leg in self.legs:
            leg.take(at, self._in_base(leg, at, amount))
        return fill

    def settled_factor(self, fill: Fill) -> float:
        """The factor of a fill once all orders are known.

        An auction's price lies impact · (bought − sold) above mid; both sides pay their half spread on it.
        """
        factor = fill.factor
        for leg in self.legs:
            if leg.imbalance is not None and leg.depth.impact:
                move = leg.depth.impact * leg.imbalance[fill.at]
                distance = leg.distance(fill.at, 0)
                # The foreign currency is the base where it is bought by who pays and sold by who is paid.
                move = move if leg.buys != self._sells else -move
                before = 1.0 - distance if self._sells else 1.0 + distance
                factor *= max(before + move, 0.0) / before
        return factor

    def _in_base(self, leg: Leg, at: int, amount: int) -> int:
        """An amount of the foreign currency in the base of a leg, and not more than is left of it."""
        base = round(self._mids.value(amount, self._foreign, leg.base, at))
        left = leg.depth.left(leg.venue.opens(at)[1])
        return base if left is None else min(base, left)

    def _together(self, at: int, when: Callable[[Leg, int], int]) -> int:
        now = at
        while now < NEVER:
            latest = max(when(leg, now) for leg in self.legs)
            if latest == now:
                return now
            now = latest
        return NEVER


class Ways:
    """The ways of each side and currency to buy and to sell, over sides of pairs that they share."""

    def __init__(self, world: World) -> None:
        self._markets = world.markets
        self._mids = Mids(world.fx)
        self._venues: dict[int, Venue] = {}
        #: By number of the quote.
        self._depths: dict[tuple[int, bool], MarketDepth] = {}
        self._imbalances: defaultdict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        self._ways: dict[tuple[int, int, int, bool], tuple[Way, ...]] = {}
        #: By the numbers of the markets.
        self._hours: dict[tuple[int, ...], OpeningHours] = {}

    def of(self, side: int, first: int, foreign: int, *, sells: bool) -> tuple[Way, ...]:
        """Every way of firms of a side that turn to a market first, in the order in which ties are broken."""
        key = (side, first, foreign, sells)
        if key not in self._ways:
            plans = self._markets.ways[side, first, foreign]
            self._ways[key] = tuple(self._way(plan, foreign, sells=sells) for plan in plans)
        return self._ways[key]

    def _way(self, plan: WayPlan, foreign: int, *, sells: bool) -> Way:
        legs = tuple(self._leg(leg.quote, leg.near if sells else leg.far) for leg in plan.legs)
        return Way(plan.vehicle, legs, self._hours_of(legs), foreign, self._mids, sells=sells)

    def _hours_of(self, legs: tuple[Leg, ...]) -> OpeningHours:
        """When all legs deal; ways over the same markets share them."""
        key = tuple(leg.venue.number for leg in legs)
        if key not in self._hours:
            one, *other = (leg.venue.scheduled for leg in legs)
            self._hours[key] = joint_hours(one, *other) if other else one
        return self._hours[key]

    def _leg(self, number: int, obtained: int) -> Leg:
        quote = self._markets.quotes[number]
        venue, buys = self._venue(quote.market), quote.base == obtained
        if (number, buys) not in self._depths:
            self._depths[number, buys] = MarketDepth(quote, venue.dates)
        imbalance = self._imbalances[number] if self._markets.every[quote.market].auction else None
        return Leg(venue, self._depths[number, buys], quote.base, imbalance, buys=buys)

    def _venue(self, number: int) -> Venue:
        if number not in self._venues:
            self._venues[number] = Venue(number, self._markets.every[number])
        return self._venues[number]
