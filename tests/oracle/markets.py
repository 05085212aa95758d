"""What can be dealt at markets: each order has what is left at the best price, and the rest of it later."""

from __future__ import annotations

from collections import Counter
from math import floor
from typing import TYPE_CHECKING, NamedTuple

from oracle.days import LocalDays, shut
from oracle.sessions import Sessions

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from oracle.rates import Rates
    from sim.world.markets import WayPlan
    from sim.world.world import DrawnWorld


class Fill(NamedTuple):
    """A part of an order that is dealt, in minor units of the foreign currency, at `factor` times mid."""

    at: int
    amount: int
    way: Way
    factor: float


class Found(NamedTuple):
    """What became of an order: when the market would have dealt without outages, when it did, and when all is there.

    `shut` tells for which reasons there was nobody to deal with between two instants before the first of these.
    """

    scheduled_at: int | None
    opened_at: int | None
    ready_at: int | None
    fills: list[Fill]
    shut: Callable[[int, int], Counter[str]]


class Side:
    """One side of a pair at a market: so much is dealt on each trading day, in the pair's first currency."""

    def __init__(self, number: int, world: DrawnWorld, *, buys: bool) -> None:
        quote = world.markets.quotes[number]
        market = world.markets.every[quote.market]
        self.quote = number
        self._stated = quote
        declared = list(world.scenario.markets.values())[quote.market]
        self.sessions = Sessions(market.hours, LocalDays(declared.hours, world))
        self.base = world.fx.currencies[quote.base]
        self.buys = buys
        self.delivery = market.delivery
        self.auction = market.auction
        self.impact = quote.impact
        self._dealt: Counter[date | None] = Counter()
        self._sold_out: set[date | None] = set()

    def opening(self, at: int) -> int | None:
        """When something can be dealt."""
        opens = self.sessions.opening(at)
        while opens is not None and self.sessions.day(opens) in self._sold_out:
            opens = self.sessions.opening(self.sessions.closing(opens))
        return opens

    def left(self, at: int) -> int | None:
        """What can still be dealt on the day of an instant; None without a limit."""
        day = self.sessions.day(at)
        depth = self._terms(day)[1]
        return None if depth is None else depth - self._dealt[day]

    def distance(self, at: int, amount: int) -> float:
        """How far from mid an amount deals: half the spread, and what it and those before it move the price."""
        day = self.sessions.day(at)
        half = self._terms(day)[0]
        return half if self.auction else half + self.impact * (self._dealt[day] + amount / 2)

    def deal(self, at: int, amount: int) -> None:
        """Deal an amount that is left."""
        self._dealt[self.sessions.day(at)] += amount
        if self.left(at) == 0:
            self.sell_out(at)

    def sell_out(self, at: int) -> None:
        """Nothing more is dealt on the day of an instant."""
        self._sold_out.add(self.sessions.day(at))

    def _terms(self, day: date | None) -> tuple[float, int | None]:
        """Half the spread and the depth of a day: the usual ones, or those of the last change that holds then."""
        terms = self._stated.usual
        for first, end, changed in self._stated.changes:
            if day is not None and first.item() <= day and (end is None or day < end.item()):
                terms = changed
        return terms.half, terms.depth


class Way:
    """How a firm buys or sells a foreign currency: in one deal, or in two at one instant over a vehicle."""

    def __init__(
        self, plan: WayPlan, sides: list[Side], foreign: str, markets: Markets, *, sells: bool
    ) -> None:
        quotes = [markets.world.markets.quotes[leg.quote] for leg in plan.legs]
        self.market = quotes[0].market
        self.vehicle = plan.vehicle
        self.vehicle_market = quotes[1].market if len(quotes) > 1 else -1
        self.delivery = max(side.delivery for side in sides)
        self._sides = sides
        self._foreign = foreign
        self._markets = markets
        self._sells = sells

    def together(self, at: int, when: Callable[[Side, int], int | None]) -> int | None:
        """The first instant from `at` on that suits all sides."""
        while True:
            instants = [when(side, at) for side in self._sides]
            if None in instants:
                return None
            latest = max(instant for instant in instants if instant is not None)
            if latest == at:
                return at
            at = latest

    def shut(self, since: int, until: int) -> Counter[str]:
        """How long not all sides deal, outages apart, by reason."""
        return shut(since, until, [side.sessions for side in self._sides])

    def opening(self, at: int) -> int | None:
        """When something can be dealt on all sides."""
        return self.together(at, Side.opening)

    def room(self, at: int, amount: int) -> int:
        """How much of an amount can be dealt; who has less left than a minor unit of it is sold out."""
        for side in self._sides:
            left = side.left(at)
            if left is not None:
                most = floor(self._markets.rates.value(left, side.base, self._foreign, at))
                if most == 0:
                    side.sell_out(at)
                amount = min(amount, most)
        return amount

    def factor(self, at: int, amount: int) -> float:
        """The price of an amount, as a multiple of mid."""
        factor = 1.0
        for side in self._sides:
            distance = side.distance(at, self._in_base(side, at, amount))
            factor *= max(1.0 - distance, 0.0) if self._sells else 1.0 + distance
        return factor

    def cost(self, at: int, amount: int) -> float:
        """What a unit costs, or takes from what is received."""
        return -self.factor(at, amount) if self._sells else self.factor(at, amount)

    def deal(self, at: int, amount: int) -> Fill:
        """Deal an amount for which there is room."""
        fill = Fill(at, amount, self, self.factor(at, amount))
        for side in self._sides:
            dealt = self._in_base(side, at, amount)
            side.deal(at, dealt)
            if side.auction:
                self._markets.bought[side.quote, at] += dealt if side.buys else -dealt
        return fill

    def price(self, fill: Fill) -> float:
        """The factor when all orders are known: an auction's rate moves with what more is bought than sold there."""
        factor = fill.factor
        for side in self._sides:
            if side.auction and side.impact:
                moved = side.impact * self._markets.bought[side.quote, fill.at]
                alone = 1.0 - side.distance(fill.at, 0) if self._sells else 1.0 + side.distance(fill.at, 0)
                factor *= max(alone + (moved if side.buys != self._sells else -moved), 0.0) / alone
        return factor

    def _in_base(self, side: Side, at: int, amount: int) -> int:
        base, left = round(self._markets.rates.value(amount, self._foreign, side.base, at)), side.left(at)
        return base if left is None else min(base, left)


class Markets:
    """All markets; what is dealt there in the course of time."""

    def __init__(self, world: DrawnWorld, rates: Rates) -> None:
        self.world = world
        self.rates = rates
        #: How much more was bought than sold at each instant of an auction, by number of the quote.
        self.bought: Counter[tuple[int, int]] = Counter()
        self._sides: dict[tuple[int, bool], Side] = {}

    def order(self, firm: int, currency: str, amount: int, at: int, *, sells: bool) -> Found:
        """Deal an amount for a firm as early as possible, the cheapest way first where several are open."""
        ways = self._ways(firm, currency, sells=sells)
        scheduled = [way.together(at, lambda side, now: side.sessions.schedule.opening(now)) for way in ways]
        opened = [way.together(at, lambda side, now: side.sessions.opening(now)) for way in ways]
        first = ways[scheduled.index(_first(scheduled))]
        fills: list[Fill] = []
        now: int | None = at
        ready = at
        while amount:
            chances = [way.opening(now) for way in ways]
            now = min((chance for chance in chances if chance is not None), default=None)
            if now is None or now >= self.world.window.end:
                return Found(_first(scheduled), _first(opened), None, fills, first.shut)
            rooms = [
                (way, way.room(now, amount))
                for way, chance in zip(ways, chances, strict=True)
                if chance == now
            ]
            able = [(way.cost(now, room), place) for place, (way, room) in enumerate(rooms) if room]
            if able:
                way, room = rooms[min(able)[1]]
                fills.append(way.deal(now, room))
                amount -= room
                ready = max(ready, now + way.delivery)
        return Found(_first(scheduled), _first(opened), ready, fills, first.shut)

    def _ways(self, firm: int, currency: str, *, sells: bool) -> list[Way]:
        firms = self.world.firms
        side = self.world.groups[firms.group[firm]].side
        plans = self.world.markets.ways[side, int(firms.market[firm]), self.world.fx.index(currency)]
        return [Way(plan, self._legs(plan, sells=sells), currency, self, sells=sells) for plan in plans]

    def _legs(self, plan: WayPlan, *, sells: bool) -> list[Side]:
        found = []
        for leg in plan.legs:
            base = self.world.markets.quotes[leg.quote].base
            buys = base == (leg.near if sells else leg.far)
            if (leg.quote, buys) not in self._sides:
                self._sides[leg.quote, buys] = Side(leg.quote, self.world, buys=buys)
            found.append(self._sides[leg.quote, buys])
        return found


def _first(instants: list[int | None]) -> int | None:
    return min((instant for instant in instants if instant is not None), default=None)
