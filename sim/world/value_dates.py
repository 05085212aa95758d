"""Value dates are a table by day: what is accepted on a day settles from the opening of some business day on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from sim.core.calendars import joint
from sim.core.clock import NEVER, Seconds
from sim.core.hours import OpeningHours
from sim.core.rest import rest_on
from sim.scenario.model.steps import moves
from sim.scenario.model.value import ValueDate
from sim.scenario.topology import book, hours_zone, legs
from sim.world.cutoffs import cutoffs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.core.calendars import Days
    from sim.scenario.model import Scenario
    from sim.scenario.model.network import Route
    from sim.scenario.model.value import ValueDates
    from sim.world.cutoffs import Cutoffs
    from sim.world.timing import Openings

    Numbers = NDArray[np.int64]

_NONE: Final = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class ValuePlan:
    """One promise, as a table of consecutive days that are numbered from 0; the last one is no day, but never.

    What is accepted on a day in time for its cut-off has value on the day with the number `in_time`, what comes later
    on that of `late`; `same_day` is where the former is the day itself. What has value on a day settles in the business
    day from `opens_at` to `closes_at`, of that day or of the next that the system has. `joint` are the days on which
    all calendars work, and `shut` are hours that never open and know what kind of day each is.
    """

    dates: Days
    """NaT for the last one."""
    cutoffs: Cutoffs
    in_time: Numbers
    late: Numbers
    opens_at: Seconds
    closes_at: Seconds
    joint: Numbers
    same_day: NDArray[np.bool_]
    shut: OpeningHours

    def promised(self, accepted_at: Seconds) -> tuple[Numbers, NDArray[np.bool_]]:
        """The number of the value date of what is accepted at each instant, and whether that is the same day."""
        day = self.cutoffs.day(accepted_at)
        in_time = accepted_at <= self.cutoffs.last_end[day]
        return np.where(in_time, self.in_time[day], self.late[day]), in_time & self.same_day[day]

    def released(self, day: Numbers, ready_at: Seconds) -> tuple[Seconds, NDArray[np.bool_]]:
        """When what has value on a day and is ready then may settle, and whether it has missed that day.

        Ready as the last session of that business day ends, or later, it takes the next joint day whose business day
        has not ended.
        """
        missed = ready_at >= self.closes_at[day]
        # Business days end in their order.
        place = np.searchsorted(self.closes_at[self.joint], ready_at, side="right")
        later = np.append(self.joint, len(self.dates) - 1)[place]
        return np.maximum(ready_at, self.opens_at[np.where(missed, later, day)]), missed


@dataclass(frozen=True, slots=True, eq=False)
class Promises:
    """What the payers of a route are promised: plans, and by journey the number of its own, −1 for none.

    `step` is the first settlement of the route, which waits.
    """

    plans: tuple[ValuePlan, ...]
    of: Numbers
    step: int


def promises(
    scenario: Scenario, openings: Openings, route: Route, value: ValueDates, payer_side: NDArray[np.int64]
) -> Promises:
    """What a route promises as `value`; `payer_side` is the payer's side by journey, −1 for none."""
    step, settle = next((number, step) for number, step in enumerate(route.steps) if moves(step))
    first = book(scenario, legs(scenario, settle.system)[0])
    if first is None:
        raise AssertionError("a leg keeps accounts")
    system = openings.hours(first.hours).scheduled
    if isinstance(value, ValueDate):
        plan = _plan(scenario, openings, value, system)
        return Promises((plan,), np.zeros(len(payer_side), dtype=np.int64), step)
    numbers = {name: number for number, name in enumerate(value)}
    plans = tuple(_plan(scenario, openings, declared, system) for declared in value.values())
    by_side = np.array([*(numbers.get(side, -1) for side in scenario.sides), -1])
    return Promises(plans, by_side[payer_side], step)


def _plan(scenario: Scenario, openings: Openings, declared: ValueDate, system: OpeningHours) -> ValuePlan:
    both = joint(*(openings.days(name) for name in declared.calendars))
    days = both.days()
    never = len(days)
    numbers = np.flatnonzero(both.flags)
    # How many joint days there are up to each day, itself included.
    passed = np.cumsum(both.flags)

    def after(count: int) -> Numbers:
        """The joint day so many after each day, strictly."""
        return np.append(np.append(numbers, np.full(count, never))[passed + count - 1], never)

    same_day = np.append(both.flags, False) & (declared.days == 0)
    opens_at, closes_at = _business_days(days, system)
    return ValuePlan(
        dates=np.append(days, np.datetime64("NaT")),
        cutoffs=cutoffs(scenario, openings, declared.cutoff, days),
        in_time=after(declared.days) if declared.days else np.where(same_day, np.arange(never + 1), after(1)),
        late=after(declared.late),
        opens_at=opens_at,
        closes_at=closes_at,
        joint=numbers,
        same_day=same_day,
        shut=OpeningHours(
            _NONE,
            _NONE,
            _NONE.astype("datetime64[D]"),
            rest=rest_on(both, hours_zone(scenario, declared.cutoff)),
        ),
    )


def _business_days(days: Days, hours: OpeningHours) -> tuple[Seconds, Seconds]:
    """First opening and last closing of the business day of each day, or of the next one that there is."""
    dates, of_session = np.unique(hours.value_dates, return_inverse=True)
    opens, closes = np.full(len(dates) + 1, NEVER), np.full(len(dates) + 1, -NEVER)
    np.minimum.at(opens, of_session, hours.starts)
    np.maximum.at(closes, of_session, hours.ends)
    closes[-1] = NEVER
    place = np.append(np.searchsorted(dates, days), len(dates))
    return opens[place], closes[place]
