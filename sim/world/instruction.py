"""A firm orders a payment on the day on which it is due, or earlier, or later: that is its own choice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.core.clock import DAY
from sim.world.draws import draws_by_flow
from sim.world.trade import midnights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.core.clock import Seconds
    from sim.core.hours import OpeningHours
    from sim.scenario.model import Scenario
    from sim.scenario.model.trade import Deviation
    from sim.scenario.window import Window
    from sim.world.timing import Openings
    from sim.world.trade import FirmTable, Obligations


def instruction_instants(
    scenario: Scenario, replication: int, openings: Openings, firms: FirmTable, obligations: Obligations
) -> Seconds:
    """When the payer of each obligation orders its payment: when it is due, or as its group's `pays` says.

    The day moves by whole days, then to the payer's next working day; the part of the session that has passed
    stays. Not before the invoice or the start of the run. One draw says who is early (the lowest draws) and
    who is late (the highest), so a larger share takes in further payments; another draw says by how much.
    """
    at = obligations.due_at
    groups = [
        (number, group.side, group.pays)
        for number, group in enumerate(scenario.firms.values())
        if group.pays is not None
    ]
    if not groups:
        return at
    at = at.copy()
    uniform = draws_by_flow(scenario, replication, obligations.flow, obligations.draw)
    when, days = uniform("instruction/when"), uniform("instruction/days")
    payer_group = firms.group[obligations.payer]
    for number, side, pays in groups:
        hours = openings.ordinary_hours(scenario.sides[side].hours)
        mine = payer_group == number
        if pays.early is not None:
            rows = np.flatnonzero(mine & (when < float(pays.early.share)))
            moved = _moved(hours, openings.window, obligations, rows, -_days(pays.early, days[rows]))
            at[rows] = np.minimum(moved, at[rows])
        if pays.late is not None:
            rows = np.flatnonzero(mine & (when >= float(1 - pays.late.share)))
            moved = _moved(hours, openings.window, obligations, rows, _days(pays.late, days[rows]))
            at[rows] = np.maximum(moved, at[rows])
    return at


def _days(declared: Deviation, uniform: NDArray[np.float64]) -> NDArray[np.int64]:
    low, high = declared.days
    return low + (uniform * (high - low + 1)).astype(np.int64)


def _moved(
    hours: OpeningHours,
    window: Window,
    obligations: Obligations,
    rows: NDArray[np.intp],
    days: NDArray[np.int64],
) -> Seconds:
    """The due instants of some obligations so many days later."""
    due_at = obligations.due_at[rows]
    earliest = np.maximum(midnights(window, due_at) + days * DAY, obligations.invoiced_at[rows])
    lengths = hours.ends - hours.starts
    old = np.maximum(np.searchsorted(hours.starts, due_at, side="right") - 1, 0)
    new = np.searchsorted(hours.starts, np.maximum(earliest, window.start), side="left")
    new = np.minimum(new, len(hours.starts) - 1)
    # What is due outside of all sessions, beyond the hours that are known, moves to the end of one.
    passed = np.clip(due_at - hours.starts[old], 0, lengths[old])
    moved: Seconds = hours.starts[new] + passed * lengths[new] // lengths[old]
    return moved
