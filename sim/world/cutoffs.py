"""Banks close their books on a day at its cut-off; who knows that orders before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.core.clock import NEVER, Seconds, local_instants
from sim.scenario.topology import hours_zone
from sim.world.draws import draws_by_piece
from sim.world.routing import choose_routes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.core.calendars import Days
    from sim.core.hours import OpeningHours
    from sim.core.rates import FxPaths
    from sim.scenario.model import Scenario
    from sim.scenario.model.timing import HoursChoice
    from sim.world.timing import Openings
    from sim.world.trade import FirmTable, Obligations


class Cutoffs(NamedTuple):
    """Until when, that second included, each of some consecutive days is not over for a bank.

    `starts` are the local midnights, `last_end` the end of the last session of the day; before all time without one.
    """

    starts: Seconds
    last_end: Seconds

    def day(self, at: Seconds) -> NDArray[np.int64]:
        """The number of the local day of each instant."""
        return np.asarray(np.searchsorted(self.starts, at, side="right") - 1)


def cutoffs(scenario: Scenario, openings: Openings, choice: HoursChoice, days: Days) -> Cutoffs:
    """The cut-offs that opening hours state, in their zone, with the changes of the timeline."""
    hours, zone = openings.hours(choice), hours_zone(scenario, choice)
    last_end = np.full(len(days), -NEVER)
    place = (hours.value_dates - days[0]).astype(np.int64)
    known = (place >= 0) & (place < len(days))
    np.maximum.at(last_end, place[known], hours.ends[known])
    return Cutoffs(local_instants(days, 0, zone), last_end)


def heeding_cutoffs(
    scenario: Scenario,
    replication: int,
    openings: Openings,
    fx: FxPaths,
    firms: FirmTable,
    obligations: Obligations,
    instructed_at: Seconds,
) -> Seconds:
    """When payments are ordered by firms of which some know the cut-offs of their banks.

    What is ordered with the cut-off in mind comes as far into the part of the session before it as it would have come
    into the whole: never before the invoice or the start of the run, and on a day without such a part as ever. The
    lowest draws do so, and a larger share takes in further payments. Firms go by the route as declared: closures on the
    timeline are not foreseen.
    """
    knowing = {
        number: group for number, group in enumerate(scenario.firms.values()) if group.orders is not None
    }
    valued = [route.value is not None for route in scenario.routes.values()]
    if not knowing or not any(valued):
        return instructed_at
    uniform = draws_by_piece(scenario, replication, obligations.flow, obligations.piece, obligations.draw)
    every = np.arange(len(obligations))
    route = choose_routes(scenario, fx, firms, obligations, every, uniform("route"))
    group_of, heeds = firms.group[obligations.payer], uniform("instruction/cut-off")
    at = instructed_at.copy()
    for number, group in knowing.items():
        hours = openings.ordinary_hours(scenario.sides[group.side].hours)
        share = 0.0 if group.orders is None else float(group.orders.before_cutoff)
        mine = (group_of == number) & (heeds < share)
        for taken, declared in enumerate(scenario.routes.values()):
            value = declared.value
            promised = value.get(group.side) if isinstance(value, dict) else value
            if promised is not None:
                rows = np.flatnonzero(mine & (route == taken))
                known = cutoffs(scenario, openings, promised.cutoff, openings.days("always").days())
                at[rows] = _before(at[rows], hours, known)
    return np.maximum(
        at, np.minimum(instructed_at, np.maximum(obligations.invoiced_at, openings.window.start))
    )


def _before(at: Seconds, hours: OpeningHours, known: Cutoffs) -> Seconds:
    """Instants within sessions, moved in proportion into the part of each that is not after the cut-off of its day."""
    session = np.maximum(np.searchsorted(hours.starts, at, side="right") - 1, 0)
    starts, ends = hours.starts[session], hours.ends[session]
    closes = np.minimum(known.last_end[known.day(starts)], ends)
    inside = (at < ends) & (closes > starts)
    moved = starts + (at - starts) * (closes - starts) // (ends - starts)
    return np.where(inside, moved, at)
