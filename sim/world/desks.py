"""Every bank has a desk that reviews payments: with as many people as it takes, unless it says how many there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.core.hours import OpeningHours
    from sim.scenario.model import Scenario
    from sim.world.timing import Openings


class DeskPlan(NamedTuple):
    """The desk of a bank; `staff` is None where nobody ever waits for an analyst."""

    name: str
    hours: OpeningHours
    staff: int | None
    queue: str


def desk_plans(
    scenario: Scenario, banks: Sequence[str], bank_hours: Sequence[OpeningHours], openings: Openings
) -> tuple[DeskPlan, ...]:
    """One desk for each of the `banks`, in their order; an outage of the bank is one of its desk, too."""
    declared = {desk.bank: (name, desk) for name, desk in scenario.desks.items()}
    found = []
    for bank, office in zip(banks, bank_hours, strict=True):
        if bank not in declared:
            found.append(DeskPlan(bank, office, None, "fifo"))
            continue
        name, desk = declared[bank]
        hours = office if desk.hours is None else openings.hours(desk.hours, ("bank", bank))
        found.append(DeskPlan(name, hours.without(openings.gaps(("desk", name))), desk.staff, desk.queue))
    return tuple(found)
