"""What is dealt on one side of a pair today cannot be dealt again, and moves the price for who comes later."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

import numpy as np

from sim.core.clock import NEVER

if TYPE_CHECKING:
    from sim.core.calendars import Days
    from sim.world.markets import MarketPlan, QuotePlan


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
